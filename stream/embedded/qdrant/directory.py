"""The data directory: every collection and alias, held by one process at a time.

lock           held while a process has the directory
aliases.json   alias -> collection
collections/   one directory each; names that start with "." are half made or half gone
"""

from __future__ import annotations

import fcntl
import re
import shutil
import uuid
from pathlib import Path
from typing import IO, Self

from qdrant_client.grpc import collections_pb2 as pb2

from stream.embedded.qdrant import aliases
from stream.embedded.qdrant.collection import Collection, write_new
from stream.embedded.qdrant.refusal import no_collection, taken, wrong
from stream.errors import Misconfigured

NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,254}")


class Directory:
    """Collections by name and by alias.

    root  made if absent
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.collections: dict[str, Collection] = {}
        self.aliases: dict[str, str] = {}
        self._lock: IO[str] | None = None

    def open(self) -> Self:
        """Raises Misconfigured when another process has the directory."""
        (self.root / "collections").mkdir(parents=True, exist_ok=True)
        self._lock = _locked(self.root)
        for path in sorted((self.root / "collections").iterdir()):
            if path.name.startswith("."):
                shutil.rmtree(path)
            else:
                self.collections[path.name] = Collection.open(path)
        saved = aliases.load(self._aliases_file)
        self.aliases = {alias: name for alias, name in saved.items() if name in self.collections}
        return self

    def close(self) -> None:
        for collection in self.collections.values():
            collection.close()
        self.collections.clear()
        if self._lock is not None:
            self._lock.close()

    def named(self, name: str) -> Collection:
        """By its name or an alias. Raises Refused if there is none."""
        collection = self.find(name)
        if collection is None:
            raise no_collection(name)
        return collection

    def find(self, name: str) -> Collection | None:
        return self.collections.get(self.aliases.get(name, name))

    def create(self, wanted: pb2.CreateCollection) -> None:
        """Raises Refused when the name is taken or cannot be one, or the parameters do not fit."""
        name = wanted.collection_name
        if not NAME.fullmatch(name):
            raise wrong(
                f"collection name {name!r}: letters, digits, '_', '-' and '.', not first, "
                "1 to 255 of them"
            )
        if name in self.collections:
            raise taken(name)
        if name in self.aliases:
            raise wrong(
                f"Can't create collection with name {name}. Alias with the same name already exists"
            )
        half_made = self._path(f".{uuid.uuid4().hex}")
        try:
            write_new(half_made, wanted)
            half_made.rename(self._path(name))
        finally:
            shutil.rmtree(half_made, ignore_errors=True)
        self.collections[name] = Collection.open(self._path(name))

    def delete(self, name: str) -> bool:
        """Delete it with its aliases; whether there was one. An alias is not followed."""
        collection = self.collections.pop(name, None)
        if collection is None:
            return False
        self._keep({alias: of for alias, of in self.aliases.items() if of != name})
        collection.shard.close()
        half_gone = self._path(f".{uuid.uuid4().hex}")
        collection.path.rename(half_gone)
        shutil.rmtree(half_gone, ignore_errors=True)
        return True

    def change_aliases(self, wanted: pb2.ChangeAliases) -> None:
        """All actions or none. Raises Refused when one does not fit."""
        self._keep(aliases.changed(self.aliases, wanted.actions, self.collections))

    def _keep(self, after: dict[str, str]) -> None:
        if after != self.aliases:
            aliases.save(self._aliases_file, after)
            self.aliases = after

    @property
    def _aliases_file(self) -> Path:
        return self.root / "aliases.json"

    def _path(self, name: str) -> Path:
        return self.root / "collections" / name


def _locked(root: Path) -> IO[str]:
    file = (root / "lock").open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise Misconfigured(
            f"{root} is in use by another embedded store: stop that one, "
            "or choose another directory (INTERESTREAM_DATA_DIR)"
        ) from None
    return file
