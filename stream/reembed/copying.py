"""Bringing one table up to another: whatever differs, batch by batch, as often as one likes.

A copy keeps the stamp of its source, and stamps only grow, so a row is up to date when its stamp is
not below the source's. Starting, resuming after a kill, catching up with writers and looking
whether all is done are one comparison. A newer row is never overwritten: a copier that was stalled
over a switch does no harm to what the new workers wrote.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol, TypeVar

from tenacity import (
    AsyncRetrying,
    retry_if_exception_type,
    stop_after_delay,
    wait_random_exponential,
)

from stream.errors import Unavailable
from stream.store.rows import ItemRow, NeighbourRow, UserRow
from stream.store.table import Head, Table

OUTAGE_S = 60.0  # waited out in place; after a longer one the command is run again

Row = TypeVar("Row", ItemRow, NeighbourRow, UserRow)
Make = Callable[[Sequence[Row]], Awaitable[Sequence[Row]]]
Done = TypeVar("Done")


class Tells(Protocol):
    """Where progress is shown."""

    def begins(self, what: str, total: int) -> None: ...

    def advances(self, what: str, by: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Copied:
    """What one pass over a table did.

    differed  rows that were missing or older in the target, or too many there
    done      those of them that are right now; others were written by another copier meanwhile
    """

    differed: int
    done: int


async def copy(
    what: str,
    source: Table[Row],
    target: Table[Row],
    make: Make[Row],
    *,
    page: int,
    tells: Tells,
    still_due: Callable[[], Awaitable[None]],
    with_vectors: bool = True,
) -> Copied:
    """One pass: write every row whose stamp is behind, delete what the source does not have.

    make       from rows of the source to rows of the target, each with the same name and stamp and
               a fresh etag
    still_due  raises if the target may have writers of its own: then it lacks nothing

    Raises Unavailable where the store stays away for longer than `OUTAGE_S`.
    """
    there, here = await patiently(target.stamps), await patiently(source.stamps)
    await patiently(
        still_due
    )  # after looking: what is too many there was not put there by its own writers
    todo = [point for point, stamp in here.items() if there.get(point, -1) < stamp]
    extra = there.keys() - here.keys()
    tells.begins(what, len(todo))
    done = 0

    async def step(batch: Sequence[str]) -> int:
        rows = await source.fetch(batch, with_vectors=with_vectors)
        heads = await target.heads(map(target.name_of, rows))
        behind = [row for row in rows if _behind(heads.get(target.name_of(row)), row, target)]
        if not behind:
            return len(rows)
        made = await make(behind)
        read = {
            name: head.etag if (head := heads.get(name)) else None
            for name in map(target.name_of, behind)
        }
        return len(rows) - len(behind) + len(await target.save(made, read))

    for batch in _batches(todo, page):
        done += await patiently(partial(step, batch))
        tells.advances(what, len(batch))
    for batch in _batches(sorted(extra), page):
        await patiently(still_due)  # a switch may have ended while we were stalled
        await patiently(partial(target.points.delete, batch))
    return Copied(len(todo) + len(extra), done + len(extra))


async def patiently(step: Callable[[], Awaitable[Done]]) -> Done:
    """The step's result, through outages of at most `OUTAGE_S` seconds in all.

    step  may be repeated though it was done: an outage does not say whether it was

    Raises Unavailable after a longer one.
    """
    retrying = AsyncRetrying(
        retry=retry_if_exception_type(Unavailable),
        wait=wait_random_exponential(multiplier=0.1, max=5),
        stop=stop_after_delay(OUTAGE_S),
        reraise=True,
    )
    return await retrying(step)


def _behind(head: Head | None, row: Row, target: Table[Row]) -> bool:
    return head is None or head.stamp < target.stamp_of(row)


def _batches(points: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(points), size):
        yield points[start : start + size]
