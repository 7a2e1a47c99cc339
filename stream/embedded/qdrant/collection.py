"""One collection: a directory with its parameters and a link to the live version of its shard.

create.pb    the request that created it
shard        symbolic link to the version in use
shard-HEX    that version; others are left from a compaction cut short
"""

from __future__ import annotations

import asyncio
import os
import shutil
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import qdrant_edge as edge
from qdrant_client.grpc import collections_pb2

from stream.embedded.qdrant import schema
from stream.embedded.qdrant.convert import Names

CREATED = "create.pb"
LINK = "shard"
REPLAY_MAX = 20_000  # operations; each keeps its points in memory


class Collection:
    """The open shard of one collection. Everything runs on the event loop's thread, so an
    operation is atomic for whoever else awaits.

    replay    operations since the copy that is being compacted was made; None when there is no
              such copy, or it fell more than REPLAY_MAX behind and is given up
    writable  cleared while the shard's files are copied; writers wait, readers do not
    touched   rows written since the last compaction
    """

    def __init__(
        self, path: Path, created: collections_pb2.CreateCollection, shard: edge.EdgeShard
    ) -> None:
        self.path = path
        self.created = created
        self.names: Names = schema.names(created)
        self.shard = shard
        self.replay: list[edge.UpdateOperation] | None = None
        self.writable = asyncio.Event()
        self.writable.set()
        self.touched = 0
        self.flushed_at = time.monotonic()
        self._dirty = False

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open it as it was left, replaying what was acknowledged but not flushed."""
        live = (path / LINK).resolve()
        for version in path.glob(f"{LINK}-*"):
            if version != live:
                shutil.rmtree(version, ignore_errors=True)
        created = collections_pb2.CreateCollection.FromString((path / CREATED).read_bytes())
        return cls(path, created, edge.EdgeShard.load(str(live)))

    @property
    def dirty(self) -> bool:
        """Whether something written would not survive a power cut."""
        return self._dirty

    def apply(self, operations: Sequence[edge.UpdateOperation], rows: int) -> None:
        """Write; in the engine's log, and so safe from kill -9, on return."""
        for operation in operations:
            self._dirty = True
            self.shard.update(operation)
            self._record(operation)
        self.touched += rows

    def flush(self) -> None:
        """To disk, and cut the log, which otherwise grows without end."""
        self.shard.flush()
        self._dirty = False
        self.flushed_at = time.monotonic()

    def close(self) -> None:
        self.flush()
        self.shard.close()

    def _record(self, operation: edge.UpdateOperation) -> None:
        if self.replay is None:
            return
        self.replay.append(operation)
        if len(self.replay) > REPLAY_MAX:
            self.replay = None

    def new_version(self) -> Path:
        """Where the next version of the shard goes."""
        return self.path / f"{LINK}-{uuid.uuid4().hex}"

    def swap(self, version: Path, shard: edge.EdgeShard) -> Path:
        """Make `version`, open as `shard`, the live one; returns the files of the old one."""
        old_files, old = (self.path / LINK).resolve(), self.shard
        _point(self.path, version)
        self.shard = shard
        self._dirty = True
        old.close()
        return old_files


def write_new(path: Path, created: collections_pb2.CreateCollection) -> None:
    """Make an empty collection's files at `path`.

    Raises Refused for parameters that the engine cannot do.
    """
    config = schema.config(created)
    path.mkdir(parents=True)
    version = path / f"{LINK}-{uuid.uuid4().hex}"
    edge.EdgeShard.create(str(version), config).close()
    _point(path, version)
    with (path / CREATED).open("wb") as file:
        file.write(created.SerializeToString())
        file.flush()
        os.fsync(file.fileno())


def _point(path: Path, version: Path) -> None:
    temporary = path / f".{LINK}"
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(version.name)
    temporary.replace(path / LINK)
