"""The last days of a profile's categories, as a part of its packed state.

Of each day 3 bytes, its number and how many categories were touched in it, and 3 for each of
these: its place in the state's categories, 8 bits, and its weight as float16. First come the days'
heads, then all places, then all weights; the whole is one base64 text.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from struct import Struct, pack, unpack_from

from stream.core.decay import Tally
from stream.core.lately import Lately, day_of

#: The largest number that half precision knows: more than anybody does in a day.
HALF_MAX = 65_504.0

_head = Struct("<HB")


def pack_days(lately: Lately, tally: Tally) -> str | None:
    """`lately` knows no name that the tally has not; None where that has none at all."""
    if not tally.weights:
        return None
    place = {name: number for number, name in enumerate(tally.weights)}
    heads = [bytes([len(lately.days)])]
    places: list[int] = []
    weights: list[float] = []
    for day, came in sorted(lately.days.items()):
        heads.append(_head.pack(day, len(came)))
        places += [place[name] for name in came]
        weights += came.values()
    if weights and max(weights) > HALF_MAX:
        weights = [min(weight, HALF_MAX) for weight in weights]
    return b64encode(b"".join(heads) + bytes(places) + pack(f"<{len(weights)}e", *weights)).decode()


def unpack_days(packed: str | None, since: int, tally: Tally) -> Lately:
    """packed: None also where a worker wrote it that kept no days; then they begin after it."""
    if packed is None:
        return Lately(since=day_of(tally.at) + 1 if tally.weights else 0)
    data, names = b64decode(packed), list(tally.weights)
    heads = list(_head.iter_unpack(data[1 : 1 + data[0] * _head.size]))
    start = 1 + data[0] * _head.size
    total = (len(data) - start) // 3
    touched = [names[place] for place in data[start : start + total]]
    weights = unpack_from(f"<{total}e", data, start + total)
    days, start = {}, 0
    for day, count in heads:
        end = start + count
        days[day] = dict(zip(touched[start:end], weights[start:end], strict=True))
        start = end
    return Lately(days, since)
