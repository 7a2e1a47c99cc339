"""The fact that a restore is under way: until it has ended, no worker may work on the store.

A worker that started in the middle would fill in what is missing, and take what has come back so
far for the whole. It waits instead, and begins when the fact is gone.
"""

from __future__ import annotations

from typing import Any

import msgspec

from stream.errors import Unavailable
from stream.store.client import PART
from stream.store.moves import ReadsFacts

RESTORE_FACT = "restore"


class Restoring(msgspec.Struct, frozen=True):
    """A restore that was begun.

    snapshot  id of the snapshot
    folder    where it was read from, for people
    done      collections that are whole again
    run       id of the run that carries it out; one that takes it up has another
    """

    snapshot: str
    folder: str
    done: tuple[str, ...] = ()
    run: str = ""


async def restoring(meta: ReadsFacts) -> tuple[Restoring | None, int | None]:
    """The restore under way, and the fact's etag."""
    fact = await meta.get(RESTORE_FACT)
    return (None, None) if fact is None else (msgspec.convert(fact.value, Restoring), fact.etag)


def as_value(fact: Restoring) -> dict[str, Any]:
    """The fact as `Meta.put` takes it."""
    value: dict[str, Any] = msgspec.to_builtins(fact)
    return value


async def refuse_while_restoring(meta: ReadsFacts) -> None:
    """Raise Unavailable while a restore is under way: it is worth waiting for."""
    found, _ = await restoring(meta)
    if found is not None:
        raise Unavailable(
            PART,
            f"the store is being restored from {found.folder}: wait for it; where its process is "
            f"gone, `interestream restore {found.folder}` ends it",
        )
