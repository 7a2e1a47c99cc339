"""CSV and Parquet with a column map, as data sets."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from stream.errors import Misconfigured, Reject
from stream.evaluate.dataset import Dataset
from stream.wire.checks import checked_time
from stream.wire.inputs import Event, Item

#: What a column may be, and the names it has where the map says nothing.
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "user": ("user_id", "user", "userId"),
    "item": ("item_id", "item", "itemId", "movieId"),
    "at": ("at", "timestamp", "time"),
    "rating": ("rating", "stars"),
    "type": ("type", "event_type"),
    "title": ("title", "name"),
    "categories": ("categories", "genres", "category"),
    "text": ("text", "description"),
}
EVENT_COLUMNS = ("user", "item", "at")
SEPARATORS = "|;"

Row = Mapping[str, Any]


def columns(text: str) -> dict[str, str]:
    """The map in `user=uid,item=iid,at=ts`. Raises Misconfigured."""
    found: dict[str, str] = {}
    for pair in filter(None, (part.strip() for part in text.split(","))):
        what, equals, name = pair.partition("=")
        if not equals or not name or what not in COLUMNS:
            raise Misconfigured(
                f"--columns has {pair!r}: write WHAT=COLUMN with commas between, "
                f"WHAT one of {', '.join(COLUMNS)}"
            )
        found[what] = name
    return found


def read(path: Path, asked: Mapping[str, str]) -> Dataset:
    """Events where the table has a column of users, else items.

    Raises Misconfigured where columns are missing or the file cannot be read.
    """
    rows = _parquet(path) if path.suffix == ".parquet" else _csv(path)
    names = list(rows[0]) if rows else []
    found = _found(path, names, asked)
    if "user" not in found:
        return Dataset(path.stem, items=tuple(_item(row, found) for row in rows))
    return _events(path, rows, found)


def _events(path: Path, rows: list[Row], found: Mapping[str, str]) -> Dataset:
    column = found.get("rating")
    ratings = [float(row[column]) for row in rows if column and row[column] not in ("", None)]
    top = max([5.0, *ratings])
    events: list[Event] = []
    refused: list[str] = []
    for place, row in enumerate(rows):
        try:
            events.append(_event(place, row, found, top))
        except (Reject, ValueError) as why:
            refused.append(f"{path.name}, row {place + 1}: {why}")
    if not events and refused:
        raise Misconfigured(f"{path} has no row that can be read; {refused[0]}")
    return Dataset(
        path.stem,
        _titled(rows, found),
        tuple(sorted(events, key=lambda event: event.at)),
        refused=tuple(refused),
    )


def _found(path: Path, names: list[str], asked: Mapping[str, str]) -> dict[str, str]:
    """The column of each thing that the table tells: as asked, else by its usual names."""
    found: dict[str, str] = {}
    for what, usual in COLUMNS.items():
        name = asked.get(what)
        if name is None or name not in names:
            name = next((one for one in usual if one in names), None)
        if name is not None:
            found[what] = name
    is_events = "user" in found or "at" in found
    for what in EVENT_COLUMNS if is_events else ("item",):
        if what not in found or asked.get(what, found[what]) != found[what]:
            raise Misconfigured(_missing(path, what, names))
    return found


def _missing(path: Path, what: str, names: Iterable[str]) -> str:
    return (
        f"{path} has no column for {what!r}, only {', '.join(names) or 'none at all'}: "
        f"say which it is with --columns {what}=NAME"
    )


def _event(place: int, row: Row, found: Mapping[str, str], top: float) -> Event:
    at = checked_time("at", _time(row[found["at"]]))
    given = row[found["rating"]] if "rating" in found else None
    rating = None if given in ("", None) else float(given)
    kind = row[found["type"]] if "type" in found else "click" if rating is None else "rating"
    return Event(
        str(row[found["user"]]),
        str(kind),
        at,
        f"row-{place}",
        str(row[found["item"]]),
        rating=rating,
        rating_max=top,
    )


def _time(value: Any) -> float | datetime:
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return datetime.fromisoformat(value)
    return value if isinstance(value, datetime) else float(value)


def _titled(rows: list[Row], found: Mapping[str, str]) -> tuple[Item, ...]:
    if "title" not in found and "categories" not in found:
        return ()
    return tuple({str(row[found["item"]]): _item(row, found) for row in rows}.values())


def _item(row: Row, found: Mapping[str, str]) -> Item:
    item_id = str(row[found["item"]])
    title = str(row[found["title"]] or "") if "title" in found else ""
    return Item(
        item_id,
        title or item_id,
        text=str(row[found["text"]] or "") if "text" in found else "",
        categories=_names(row[found["categories"]]) if "categories" in found else (),
    )


def _names(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, str):
        return tuple(map(str, value))
    for separator in SEPARATORS:
        value = value.replace(separator, "|")
    return tuple(dict.fromkeys(filter(None, (name.strip() for name in value.split("|")))))


def _csv(path: Path) -> list[Row]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            start = file.read(4096)
            file.seek(0)
            delimiter = "\t" if "\t" in start.partition("\n")[0] else ","
            return list(csv.DictReader(file, delimiter=delimiter))
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(f"{path} cannot be read ({error}): name a CSV file in UTF-8") from error


def _parquet(path: Path) -> list[Row]:
    try:
        from pyarrow import ArrowInvalid, parquet
    except ImportError as missing:
        raise Misconfigured(
            f"{path} is Parquet and pyarrow is not here: pip install 'interestream[parquet]', "
            "or write the table as CSV"
        ) from missing
    try:
        rows: list[Row] = parquet.read_table(path).to_pylist()
    except (OSError, ArrowInvalid) as error:
        raise Misconfigured(f"{path} cannot be read ({error}): name a Parquet file") from error
    return rows
