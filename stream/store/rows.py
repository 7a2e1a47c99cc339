"""The rows of the store's collections, as the rest of the service sees them.

Arrays that come from the store are read-only views of what was received; vectors are float32.
Rows are compared by identity: arrays have no single truth value.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from stream.core.attributes import Attribute

Vector = NDArray[np.float32]
Matrix = NDArray[np.float32]
Pairs = tuple[NDArray[np.uint32], NDArray[np.float32]]

ETAG_BITS = 62  # fits a signed 64-bit payload integer, with room to spare
NO_PAIRS: Pairs = (np.zeros(0, np.uint32), np.zeros(0, np.float32))


def fresh_etag() -> int:
    """A random integer in [1, 2^62): one for each row in each write.

    One etag for a whole write would let a reader who saw half of it overwrite the other half.
    """
    return secrets.randbits(ETAG_BITS) or 1


def next_version(before: int, now_s: float) -> int:
    """The version or revision of a write: the wall clock in ms, but always above the one before.

    So it also grows where a clock stands or runs behind, and over a store that was lost.

    before  of the row as it was read; 0 where there was none
    """
    return max(before + 1, int(now_s * 1000))


@dataclass(frozen=True, slots=True, eq=False)
class UserRow:
    """One user's profile as stored.

    etag          as read; in a row to be saved: a fresh one
    state         the packed profile, one JSON string
    interests     (k, d), unit rows; k may be 0
    taste         (d,), overall direction, unit; None where there is none yet
    updated_at    wall clock, ms
    outbox_at     wall clock, ms, from which a sweep sends what waits; None where nothing does
    active_at     time of the newest event, whole seconds; None where there is none, or an older
                  version wrote it
    weight_milli  of all interests together at the newest event, thousandths; None where an older
                  version wrote it
    """

    user_id: str
    etag: int
    state: str
    interests: Matrix
    taste: Vector | None
    segment: str | None
    updated_at: int
    outbox_at: int | None
    active_at: int | None = None
    weight_milli: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Tastes:
    """What one user's tastes are compared by.

    interests  (k, d), unit rows; k may be 0
    taste      (d,), unit; None where there is none
    """

    user_id: str
    interests: Matrix
    taste: Vector | None


@dataclass(frozen=True, slots=True, eq=False)
class ItemRow:
    """One item as stored. A deleted one keeps its row: id and title explain older lists.

    published_at, expires_at, deleted_at  seconds since the epoch
    content_hash                          of what the vector was made from
    revision                              wall clock of the write, ms
    marks                                 source -> offset of the last record applied
    attributes                            as the producer sent them
    vector                                (d,), unit; None where there is none or it was not asked
    """

    item_id: str
    title: str
    text: str
    categories: tuple[str, ...]
    domain: str | None
    lang: str | None
    published_at: float | None
    expires_at: float | None
    available: bool
    content_hash: str
    deleted_at: float | None
    revision: int
    etag: int
    marks: Mapping[str, int] = field(default_factory=dict)
    vector: Vector | None = None
    attributes: Mapping[str, Attribute] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class NeighbourRow:
    """What other items were used with one item.

    count     decayed number of the item's own positive events, at time `at`
    hotness   decayed popularity, at time `at`
    at        reference time of every decayed number here, seconds since the epoch
    revision  wall clock of the write, ms
    pairs     ((m,) uint32 distinct item hashes, ascending; (m,) float32 decayed co-occurrence)
    segments  ((s,) uint32 distinct segment hashes, ascending; (s,) float32 decayed popularity)
    """

    item_id: str
    count: float
    hotness: float
    at: float
    revision: int
    etag: int
    pairs: Pairs = NO_PAIRS
    segments: Pairs = NO_PAIRS
