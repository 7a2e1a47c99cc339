"""From what was named on the command line to a data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from stream.embedded.archives import movielens_dir
from stream.errors import Misconfigured
from stream.evaluate import atomic, jsonlines, tables
from stream.evaluate.dataset import Dataset, merged
from stream.settings import Settings

MOVIELENS = "ml-100k"
TABLES = (".csv", ".tsv", ".parquet")
JSON_LINES = (".jsonl", ".ndjson", ".json")


def read(names: Sequence[str], columns: Mapping[str, str], settings: Settings) -> Dataset:
    """One data set of all that was named: files, folders, or `ml-100k` from its pinned archive.

    Raises Misconfigured where something cannot be read, or nothing is an event.
    """
    found = merged(_read(name, columns, settings) for name in names)
    if not found.events:
        why = f"; {found.refused[0]}" if found.refused else ""
        raise Misconfigured(f"{', '.join(names)} holds no event{why}")
    return found


def _read(name: str, columns: Mapping[str, str], settings: Settings) -> Dataset:
    path = Path(name)
    if name == MOVIELENS and not path.exists():
        return atomic.read(movielens_dir(settings.cache_dir))
    if path.is_dir():
        return atomic.read(path)
    if not path.exists():
        raise Misconfigured(f"{name} is not there: name a file, a folder or {MOVIELENS}")
    if path.suffix in TABLES:
        return tables.read(path, columns)
    if path.suffix in JSON_LINES:
        return jsonlines.read(path, settings)
    raise Misconfigured(
        f"{name} ends in {path.suffix or 'nothing'}: a folder with .inter, or a file of "
        f"{' '.join((*TABLES, *JSON_LINES))}"
    )
