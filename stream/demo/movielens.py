"""MovieLens-100K as it lies in its archive: films, and ratings in time order."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Film:
    item_id: str
    title: str
    genres: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rating:
    """`at` in seconds since the epoch, `stars` from 1 to 5."""

    user_id: str
    item_id: str
    stars: float
    at: float


def films(folder: Path) -> list[Film]:
    """All 1,682 films. Titles carry their year, genres are single words."""
    rows = _rows(folder / "ml-100k.item")
    return [Film(row[0], f"{row[1]} ({row[2]})", tuple(row[3].split())) for row in rows]


def ratings(folder: Path) -> list[Rating]:
    """All 100,000 ratings, oldest first; those of one second in the file's order."""
    rows = _rows(folder / "ml-100k.inter")
    found = [Rating(row[0], row[1], float(row[2]), float(row[3])) for row in rows]
    return sorted(found, key=lambda rating: rating.at)


def _rows(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        next(reader)
        return list(reader)
