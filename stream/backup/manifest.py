"""What a snapshot says of itself: `manifest.json`, written last, so that it stands for the whole.

DIR/manifest.json       this
DIR/PART.points.zst     an exported collection, or
DIR/PART.snapshot       a collection as the Qdrant server saved it
DIR/unfinished          there until the manifest is: the folder holds no whole snapshot
"""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec

from stream.errors import Misconfigured
from stream.store.moves import EncoderId

MANIFEST = "manifest.json"
UNFINISHED = "unfinished"
FORMAT = 1


class Kind(StrEnum):
    """How a collection was saved."""

    POINTS = "points"
    SNAPSHOT = "snapshot"


class File(msgspec.Struct, frozen=True):
    """A file of the snapshot. `size` in bytes, `sha256` of its content."""

    name: str
    size: int
    sha256: str


class Saved(msgspec.Struct, frozen=True):
    """One collection.

    part     "users", "items", "neighbours", "segments" or "meta"
    name     of the collection itself, not of an alias
    points   rows in the file; of a server's own snapshot: rows as it was begun
    params   vectors and storage, as Qdrant's REST API describes them
    indexes  payload field -> kind of its index
    """

    part: str
    name: str
    kind: Kind
    points: int
    file: File
    params: dict[str, Any]
    indexes: dict[str, str]


class Topic(msgspec.Struct, frozen=True):
    """Where the group was in an input topic.

    name     "events", "items" or "signals"
    offsets  partition -> the next offset to read
    """

    name: str
    topic_id: str
    partitions: int
    offsets: dict[int, int]


class Positions(msgspec.Struct, frozen=True):
    """The group's committed offsets, read before the first collection."""

    cluster_id: str
    group: str
    topics: tuple[Topic, ...]


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """A snapshot.

    snapshot  its random id
    service   version of this service
    at        when it was begun, ISO 8601, UTC
    qdrant    version of the store
    schema    version of the packed profiles
    aliases   alias -> collection
    """

    format: int
    snapshot: str
    service: str
    at: str
    namespace: str
    qdrant: str
    encoder: EncoderId
    schema: int
    collections: tuple[Saved, ...]
    aliases: dict[str, str]
    positions: Positions

    def of(self, part: str) -> Saved:
        return next(one for one in self.collections if one.part == part)


class _Format(msgspec.Struct):
    format: int


def write(folder: Path, manifest: Manifest) -> None:
    """Make the snapshot whole: from the renaming on it is one."""
    body = msgspec.json.format(msgspec.json.encode(manifest)) + b"\n"
    new = folder / f"{MANIFEST}.new"
    with new.open("wb") as out:
        out.write(body)
        out.flush()
        os.fsync(out.fileno())
    new.replace(folder / MANIFEST)
    (folder / UNFINISHED).unlink(missing_ok=True)
    sync(folder)


def read(folder: Path) -> Manifest:
    """Raises Misconfigured where the folder holds no whole snapshot, or one of a newer format."""
    path = folder / MANIFEST
    if not path.is_file():
        if (folder / UNFINISHED).exists():
            raise Misconfigured(
                f"{folder} holds a snapshot that was not finished: make it again with "
                f"`interestream snapshot {folder}`, or restore another one"
            )
        raise Misconfigured(f"{folder} holds no snapshot: {MANIFEST} is missing")
    try:
        body = path.read_bytes()
        found = msgspec.json.decode(body, type=_Format).format
        if found > FORMAT:
            raise Misconfigured(
                f"{path} has format {found}, this version reads up to {FORMAT}: restore with a "
                "newer version of the service"
            )
        return msgspec.json.decode(body, type=Manifest)
    except (OSError, msgspec.MsgspecError) as error:
        raise Misconfigured(f"{path} cannot be read: {error}; restore another snapshot") from error


def sync(folder: Path) -> None:
    """Make renamings in the folder survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
