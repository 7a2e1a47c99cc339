"""The folder of a snapshot: begun, filled with files that know their checksums, checked again."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from stream.backup.manifest import MANIFEST, UNFINISHED, File, Saved, sync
from stream.errors import Failed, Misconfigured

PIECE = 1 << 20  # bytes at once

Advance = Callable[[int], object]


def begin(folder: Path) -> None:
    """Make the folder, or empty one that holds an unfinished snapshot.

    Raises Misconfigured where it holds anything else: nothing of another's is removed.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        found = sorted(path.name for path in folder.iterdir())
        if MANIFEST in found:
            raise Misconfigured(f"{folder} holds a snapshot already: choose another folder")
        if found and UNFINISHED not in found:
            raise Misconfigured(
                f"{folder} holds {found[0]!r} and is no snapshot of this command: choose an empty "
                "folder, or one that does not exist"
            )
        for name in found:
            (folder / name).unlink()
        (folder / UNFINISHED).touch()
        sync(folder)
    except OSError as error:
        raise Misconfigured(f"{folder} cannot be written: {error.strerror}") from error


class Writer:
    """A file being written; `file` says what became of it once it is closed."""

    def __init__(self, path: Path) -> None:
        self.name = path.name
        self._path = path
        self._out = path.open("wb")
        self._hash = hashlib.sha256()
        self._size = 0

    def write(self, data: bytes) -> int:
        self._hash.update(data)
        self._size += len(data)
        return self._out.write(data)

    def close(self) -> None:
        """On disk, not only on its way there."""
        self._out.flush()
        os.fsync(self._out.fileno())
        self._out.close()

    @property
    def file(self) -> File:
        return File(self.name, self._size, self._hash.hexdigest())

    def discard(self) -> None:
        self._out.close()
        self._path.unlink(missing_ok=True)


@contextmanager
def writing(path: Path) -> Iterator[Writer]:
    """Raises Failed where the disk takes no more; what was written is removed then."""
    try:
        writer = Writer(path)
        try:
            yield writer
            writer.close()
        except BaseException:
            writer.discard()
            raise
    except OSError as error:
        raise Failed(
            f"{path} could not be written: {error}; make room or choose another folder, then run "
            "the same command again"
        ) from error


def damaged(folder: Path, saved: Sequence[Saved], advance: Advance) -> list[str]:
    """What is wrong with the files, one line each, for a person. Reads every byte."""
    found = []
    for one in saved:
        path = folder / one.file.name
        if not path.is_file():
            found.append(f"{path} is missing")
            continue
        if (size := path.stat().st_size) != one.file.size:
            found.append(f"{path} has {size} bytes, {one.file.size} were saved")
            continue
        if (digest := _sha256(path, advance)) != one.file.sha256:
            found.append(f"{path} has the sha256 {digest}, {one.file.sha256} was saved")
    return found


def _sha256(path: Path, advance: Advance) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as source:
        while piece := source.read(PIECE):
            digest.update(piece)
            advance(len(piece))
    return digest.hexdigest()
