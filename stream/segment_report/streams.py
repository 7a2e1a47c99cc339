"""Users who go from one segment to another at a fit, gathered for a picture."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from stream.core.segment_history import Record

#: Stands for all segments that have no place of their own.
OTHERS = ""


@dataclass(frozen=True, slots=True)
class Streams:
    """Both sides and the ribbons add up to the same number of users.

    before, after  ids and the users who leave or come, the most first, `OTHERS` last
    ribbons        (place in `before`, place in `after`, users), the most first
    untold         users who move too, in flows too small for the record
    """

    before: tuple[tuple[str, int], ...]
    after: tuple[tuple[str, int], ...]
    ribbons: tuple[tuple[int, int, int], ...]
    untold: int

    @property
    def users(self) -> int:
        return sum(users for _, _, users in self.ribbons)


def streams(record: Record, most: int) -> Streams:
    """The flow of one fit, with at most `most` segments on either side and the rest as one."""
    leaving, coming = Counter[str](), Counter[str]()
    for flow in record.flow:
        leaving[flow.before] += flow.users
        coming[flow.after] += flow.users
    before, after = _places(leaving, most), _places(coming, most)
    ribbons = Counter[tuple[int, int]]()
    for flow in record.flow:
        place = before.get(flow.before, len(before)), after.get(flow.after, len(after))
        ribbons[place] += flow.users
    told = sum(leaving.values())
    return Streams(
        _sides(leaving, before),
        _sides(coming, after),
        tuple((i, j, users) for (i, j), users in ribbons.most_common()),
        max(round(record.moved_share * record.users) - told, 0),
    )


def _places(users: Counter[str], most: int) -> dict[str, int]:
    return {name: place for place, (name, _) in enumerate(users.most_common(most))}


def _sides(users: Counter[str], places: dict[str, int]) -> tuple[tuple[str, int], ...]:
    own = tuple((name, users[name]) for name in places)
    rest = sum(users.values()) - sum(each for _, each in own)
    return (*own, (OTHERS, rest)) if rest else own
