"""A folder that is there whole or not at all."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from stream.encoder.manifest import EXTERNAL, MANIFEST, MODEL, TOKENIZER
from stream.errors import Misconfigured

CARRIED = "sentiment"  # a head that was trained for the model; no export makes one
MADE = frozenset({MODEL, *EXTERNAL, TOKENIZER, MANIFEST})
SHOWN = 5  # names in a message


@dataclass(frozen=True, slots=True)
class Kind:
    """What a folder may hold that `--force` replaces, and what it must hold."""

    made: frozenset[str]
    needed: tuple[str, ...]


ENCODER = Kind(MADE, (MODEL, TOKENIZER))


@contextmanager
def whole(out: Path, *, force: bool, kind: Kind = ENCODER) -> Iterator[Path]:
    """An empty folder beside `out` that takes its place when the block ends well.

    An error or Ctrl-C inside the block removes it; what was at `out` before stays then. With
    `force` an existing model steps aside, by a rename, only when the new one is complete; a
    trained head in its folder `sentiment` is copied over, whether it fits the new model or not.

    Raises Misconfigured if `out` exists without `force`, holds what no export makes, or cannot be
    written.
    """
    refuse(out, force=force, kind=kind)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    except OSError as error:
        raise Misconfigured(f"{out} cannot be written ({error}): choose another --out") from error
    try:
        made = staging / "new"
        made.mkdir()
        yield made
        refuse(out, force=force, kind=kind)
        if (out / CARRIED).is_dir():
            shutil.copytree(out / CARRIED, made / CARRIED, symlinks=True)
        _swap(made, out, staging / "old")
    finally:
        shutil.rmtree(staging)


def refuse(out: Path, *, force: bool, kind: Kind = ENCODER) -> None:
    """Raises Misconfigured unless `out` may be made or replaced."""
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise Misconfigured(f"{out} is not a folder: remove it or choose another --out")
    if out.exists() and not force:
        raise Misconfigured(f"{out} exists: choose another --out, or --force to replace it")
    if not out.exists() or not any(out.iterdir()):
        return
    if others := sorted(path.name for path in out.iterdir() if not _ours(path, kind)):
        more = f" and {len(others) - SHOWN} more" if len(others) > SHOWN else ""
        raise Misconfigured(
            f"{out} holds {', '.join(others[:SHOWN])}{more}, which no export made and --force does "
            "not delete: move that away, or choose another --out"
        )
    if not all((out / name).is_file() for name in kind.needed):
        raise Misconfigured(
            f"{out} holds no whole model, which is all that --force replaces: remove it, or choose "
            "another --out"
        )


def _ours(path: Path, kind: Kind) -> bool:
    """Is it made by an export, or carried over by one?"""
    if path.is_symlink() or path.is_dir():
        return path.name == CARRIED and not path.is_symlink()
    return path.name in kind.made


def _swap(made: Path, out: Path, aside: Path) -> None:
    if not out.exists():
        made.rename(out)
        return
    try:
        out.rename(aside)
        made.rename(out)
    except BaseException:  # Ctrl-C between the two renames must not cost the old model
        if not out.exists():
            aside.rename(out)
        raise
