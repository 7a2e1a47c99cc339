"""What a comparison found, as one document; and hashes by which two of them can be compared."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from hashlib import blake2b

import msgspec

from stream.core.decay import Mass, weight_at
from stream.core.profile import Profile
from stream.core.tuning import Tuning

BITS = 128


class Why(StrEnum):
    """Why a user's profiles differ, and cannot be told apart by that."""

    SEVERAL_PARTITIONS = "events in several partitions: their order between them is not kept"
    RECORDS_GONE = "older records are no longer in the topic"
    ITEMS_CHANGED = "items of theirs changed after their events"
    UNREADABLE = "the live profile is of a newer version of the service"


class Hashes(msgspec.Struct, frozen=True):
    """Of all users of the sample together, whatever their order; 32 hex digits each.

    Equal for two profiles that say the same, but that `sums` are rounded to four digits.
    """

    marks: str
    rings: str
    seen: str
    sums: str


class UserDiffers(msgspec.Struct, frozen=True):
    """A user whose profiles differ. `excuse` is empty where nothing explains it."""

    user: str
    fields: tuple[tuple[str, str, str], ...]
    excuse: str = ""


class Certificate(msgspec.Struct, frozen=True):
    """A comparison of live profiles with what their events make of them.

    at            RFC 3339
    generation    of the live profiles: how many rebuilds came before
    partitions    of the events topic: the first offset that is there, and the end of what was read
    users         compared; those whose point ids come first, which are hashes: a uniform sample
    events        applied to them; `records` were read for it, on `bugs` of which a step failed
    regrouped     of the same: whose interests are divided otherwise, with the same sums
    incomparable  users that differ, by the reason that may explain it
    """

    at: str
    namespace: str
    encoder: str
    generation: int
    topic: str
    partitions: dict[str, tuple[int, int]]
    users: int
    records: int
    bugs: int
    events: int
    same: int
    regrouped: int
    different: int
    incomparable: dict[str, int]
    live: Hashes
    rebuilt: Hashes
    differences: tuple[UserDiffers, ...]

    @property
    def good(self) -> bool:
        """Whether somebody was compared and nobody differs without a reason."""
        return self.different == 0 and self.same > 0


class Hasher:
    """Takes profile after profile, in any order."""

    def __init__(self, tuning: Tuning) -> None:
        self._tuning = tuning
        self._sums = dict.fromkeys(Hashes.__struct_fields__, 0)

    def add(self, point: str, profile: Profile, sources: Iterable[str]) -> None:
        """`point` is the id of the user's row. Of marks those of `sources` count."""
        known = set(sources)
        parts: dict[str, object] = {
            "marks": sorted(mark for mark in profile.marks if mark[0] in known),
            "rings": [profile.event_ids, [(r.item_id, r.at) for r in profile.recent]],
            "seen": profile.seen,
            "sums": self._rounded(profile),
        }
        for name, value in parts.items():
            wire = msgspec.json.encode((point, value))
            number = int.from_bytes(blake2b(wire, digest_size=BITS // 8).digest(), "big")
            self._sums[name] = (self._sums[name] + number) % 2**BITS

    def hashes(self) -> Hashes:
        return Hashes(**{name: f"{total:0{BITS // 4}x}" for name, total in self._sums.items()})

    def _rounded(self, profile: Profile) -> list[object]:
        half_life_s = self._tuning.interest_half_life_s
        at = max((one.mass.at for one in profile.interests), default=0.0)
        weights = [weight_at(one.mass, at, half_life_s=half_life_s) for one in profile.interests]
        return [
            profile.as_of,
            profile.ratings.count,
            _four(profile.ratings.total),
            _mass(profile.session),
            _mass(profile.aversion),
            _four(sum(weights)),
            sorted(profile.categories.weights),
        ]


def _mass(mass: Mass | None) -> tuple[str, float] | None:
    return None if mass is None else (_four(mass.weight), mass.at)


def _four(value: float) -> str:
    return f"{value:.4g}"
