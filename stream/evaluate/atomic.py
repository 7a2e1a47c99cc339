"""MovieLens and its like as RecBole keeps them: a folder with `.inter`, `.item` and `.user` files.

Tab separated, with a header of `name:type`. https://recbole.io/atomic_files.html
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

from stream.errors import Misconfigured
from stream.evaluate.dataset import Dataset
from stream.wire.inputs import Event, Item

TITLES = ("movie_title", "title", "name", "item_name")
CATEGORIES = ("class", "genre", "genres", "category", "categories")
AGES = ((25, "under 25"), (35, "25 to 34"), (50, "35 to 49"))

Row = Mapping[str, str]


def read(folder: Path) -> Dataset:
    """The folder's data set. Raises Misconfigured where it lacks an `.inter` file or a column."""
    inter = _one(folder, ".inter")
    if inter is None:
        raise Misconfigured(f"{folder} has no .inter file: name a folder with one, or a file")
    item, user = _one(folder, ".item"), _one(folder, ".user")
    rows = _rows(inter)
    top = max((float(row["rating"]) for row in rows if row.get("rating")), default=5.0)
    events = [_event(place, row, max(top, 5.0), inter) for place, row in enumerate(rows)]
    return Dataset(
        folder.name,
        tuple(_item(row) for row in _rows(item)) if item else (),
        tuple(sorted(events, key=lambda event: event.at)),
        _groups(_rows(user)) if user else {},
    )


def _one(folder: Path, suffix: str) -> Path | None:
    return next(iter(sorted(folder.glob(f"*{suffix}"))), None)


def _rows(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        names = [name.partition(":")[0] for name in next(reader)]
        return [dict(zip(names, row, strict=False)) for row in reader]


def _event(place: int, row: Row, top: float, path: Path) -> Event:
    try:
        user, item, at = row["user_id"], row["item_id"], float(row["timestamp"])
    except KeyError as missing:
        raise Misconfigured(
            f"{path} has no column {missing}: user_id, item_id and timestamp must be there"
        ) from missing
    if not row.get("rating"):
        return Event(user, "click", at, f"event-{place}", item)
    rating = float(row["rating"])
    return Event(user, "rating", at, f"event-{place}", item, rating=rating, rating_max=top)


def _item(row: Row) -> Item:
    title = next((row[name] for name in TITLES if row.get(name)), row["item_id"])
    year = row.get("release_year")
    genres = next((row[name] for name in CATEGORIES if row.get(name)), "")
    return Item(
        row["item_id"],
        f"{title} ({year})" if year else title,
        categories=tuple(dict.fromkeys(genres.split())),
    )


def _groups(rows: list[Row]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for row in rows:
        if row.get("gender"):
            found.setdefault("gender", {})[row["user_id"]] = row["gender"]
        if row.get("age", "").isdigit():
            found.setdefault("age", {})[row["user_id"]] = _age(int(row["age"]))
    return found


def _age(years: int) -> str:
    return next((name for below, name in AGES if years < below), "50 and over")
