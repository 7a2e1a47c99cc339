"""What events do not determine, brought from the live profiles to the rebuilt ones, pass by pass.

A rebuilt row's stamp is above its live row's by one, and a live row that is written grows at least
as far: so a stamp that is not above the live one's tells that a row is out of date. Starting,
catching up with workers and looking whether all is done are one comparison.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from stream.core.carry import carried
from stream.core.tuning import Tuning
from stream.rebuild.folding import readable, save_all
from stream.reembed.copying import Tells, patiently
from stream.store.codec import pack, unpack
from stream.store.convert import STANDS_IN, point_uuid
from stream.store.rows import UserRow, fresh_etag
from stream.store.users import Users

PAGE = 100  # profiles packed at once beside the progress bar
PROFILES = "users"


@dataclass(slots=True)
class State:
    """What is known of the users, over all passes; each is named by the point id of its row.

    kept     no record of theirs was replayed: they are as they are live
    damaged  the live row cannot be read: no list is carried, and without records it stays so
    ahead    offset up to which a live profile has more than the workers have acknowledged, by
             source
    """

    kept: set[str] = field(default_factory=set)
    damaged: set[str] = field(default_factory=set)
    ahead: dict[str, dict[str, int]] = field(default_factory=dict)


async def carry(
    live: Users,
    target: Users,
    tuning: Tuning,
    state: State,
    *,
    folded_to: Mapping[str, int],
    tells: Tells,
    still_due: Callable[[], Awaitable[object]],
) -> int:
    """One pass; how many rows were out of date. Nobody else may write `target` meanwhile.

    folded_to  by source, the offset before which every record has been folded

    Raises Unavailable after a long outage, and where a profile is of a newer version.
    """
    there, here = await patiently(target.table.stamps), await patiently(live.table.stamps)
    todo = [point for point, stamp in here.items() if there.get(point, -1) <= stamp]
    tells.begins(PROFILES, len(todo))
    for start in range(0, len(todo), PAGE):
        await patiently(still_due)
        batch = todo[start : start + PAGE]
        now = _by_point(await patiently(partial(live.table.fetch, batch)))
        made = _by_point(await patiently(partial(target.table.fetch, batch)))
        folded = {point: row for point, row in made.items() if point not in state.kept}
        rows = [_row(row, folded.get(point), tuning) for point, row in now.items()]
        read = [found.etag if (found := made.get(point)) else None for point in now]
        await save_all(target, rows, read)
        state.kept.update(now.keys() - folded.keys())
        for point, row in now.items():
            _look(state, point, row, folded_to)
        tells.advances(PROFILES, len(batch))
    return len(todo)


def _by_point(rows: Sequence[UserRow]) -> dict[str, UserRow]:
    return {point_uuid(row.user_id): row for row in rows}


def _row(live: UserRow, folded: UserRow | None, tuning: Tuning) -> UserRow:
    profile, stamp = readable(live), live.updated_at + 1
    if profile is None and folded is None:
        return replace(live, etag=fresh_etag(), updated_at=stamp)
    if profile is None:
        assert folded is not None
        after = unpack(folded)
    elif folded is None:
        after = profile
    else:
        after = carried(replace(unpack(folded), user_id=_name(live, folded)), profile)
    packed = pack(replace(after, version=stamp), fresh_etag(), tuning, now=0.0)
    waits = packed.outbox_at is not None and live.outbox_at is not None
    return replace(packed, outbox_at=live.outbox_at) if waits else packed


def _name(live: UserRow, folded: UserRow) -> str:
    """The user's own, where one of the two still has it."""
    return live.user_id if folded.user_id.startswith(STANDS_IN) else folded.user_id


def _look(state: State, point: str, row: UserRow, folded_to: Mapping[str, int]) -> None:
    """Note what the live profile tells of itself."""
    profile = readable(row)
    if profile is None:
        state.damaged.add(point)
        return
    ahead = {s: o for s, o in profile.marks if s in folded_to and o >= folded_to[s]}
    if ahead:
        state.ahead[point] = ahead
    else:
        state.ahead.pop(point, None)
