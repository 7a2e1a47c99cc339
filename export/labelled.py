"""Labelled texts from a CSV file: which praise, which damn; each text once."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from stream.errors import Misconfigured

WORDS = {"pos": 1, "positive": 1, "neg": -1, "negative": -1, "neutral": 0}
#: In a column of nothing else 0 is a class; among other numbers it takes no side.
CLASSES = {"0": -1, "0.0": -1, "1": 1, "1.0": 1}
#: Shares of a rating's scale: of 1 to 5 stars 3 is neutral, of 1 to 10 points 5 and 6.
NEGATIVE_SHARE, POSITIVE_SHARE = 0.4, 0.7
#: Numbers nearer to zero take no side.
NEUTRAL = 0.05


@dataclass(frozen=True, slots=True)
class Labelled:
    """What there is to learn from, in the order of the file.

    positive   for each of `texts` whether it praises
    neutral    rows left out because they take no side; also blank, repeated (the same text again,
               but for case and spaces) and contradictory (the same text on both sides)
    """

    texts: tuple[str, ...]
    positive: tuple[bool, ...]
    neutral: int = 0
    blank: int = 0
    repeated: int = 0
    contradictory: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the file; `line` is where it ends."""

    line: int
    text: str
    label: str


def read_labelled(
    path: Path, *, text_column: str, label_column: str, rating_max: float | None
) -> Labelled:
    """Texts with the side that their labels take.

    A label is pos or neg, 0 or 1, or a number in [-1, 1]; with `rating_max` a rating up to that.

    Raises Misconfigured where the file, a column or a label does not fit.
    """
    rows = list(_rows(path, text_column, label_column))
    sides = [_side(path, row, rating_max) for row in rows]
    if rating_max is None and {row.label for row in rows} <= CLASSES.keys():
        sides = [CLASSES[row.label] for row in rows]
    return _once(rows, sides)


def _rows(path: Path, text_column: str, label_column: str) -> Iterator[Row]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            _require_columns(path, reader.fieldnames or (), text_column, label_column)
            for row in reader:
                text, label = row[text_column], row[label_column]
                if text is None or label is None:
                    raise Misconfigured(f"{path}, line {reader.line_num}: the row is cut short")
                yield Row(reader.line_num, text, label.strip().lower())
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise Misconfigured(f"{path} cannot be read as CSV in UTF-8: {error}") from error


def _require_columns(path: Path, found: Sequence[str], text_column: str, label_column: str) -> None:
    for option, name in (("--text-column", text_column), ("--label-column", label_column)):
        if name not in found:
            raise Misconfigured(
                f"{path} has no column {name!r}, its first line names {list(found)}: "
                f"set {option} to one of them"
            )


def _side(path: Path, row: Row, rating_max: float | None) -> int:
    """-1, 0 or 1."""
    if rating_max is None and row.label in WORDS:
        return WORDS[row.label]
    low, high = (-1.0, 1.0) if rating_max is None else (0.0, rating_max)
    try:
        value = float(row.label)
    except ValueError:
        value = float("nan")
    if not low <= value <= high:
        scale = f"a rating in [0, {high:g}]" if rating_max else "pos, neg, or a number in [-1, 1]"
        raise Misconfigured(
            f"{path}, line {row.line}: the label is {row.label[:40]!r}, needed is {scale}: mend "
            "the row, name another column (--label-column) or a rating's scale (--rating-max)"
        )
    if rating_max is None:
        return 0 if abs(value) < NEUTRAL else (1 if value > 0 else -1)
    share = value / rating_max
    return 1 if share >= POSITIVE_SHARE else (-1 if share <= NEGATIVE_SHARE else 0)


def _once(rows: Sequence[Row], sides: Sequence[int]) -> Labelled:
    """Each text once, or the held-out part would hold what was learned by heart."""
    found: dict[str, tuple[str, int]] = {}
    neutral = blank = repeated = 0
    torn: set[str] = set()
    for row, side in zip(rows, sides, strict=True):
        key = " ".join(row.text.split()).casefold()
        if not key:
            blank += 1
        elif side == 0:
            neutral += 1
        elif key not in found:
            found[key] = (row.text, side)
        elif found[key][1] == side:
            repeated += 1
        else:
            torn.add(key)
    kept = [pair for key, pair in found.items() if key not in torn]
    return Labelled(
        texts=tuple(text for text, _ in kept),
        positive=tuple(side > 0 for _, side in kept),
        neutral=neutral,
        blank=blank,
        repeated=repeated,
        contradictory=len(torn),
    )
