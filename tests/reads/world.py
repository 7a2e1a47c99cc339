"""Users of planted groups, their items and segments, in a store that is kept in memory."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np

from stream.core.catalogue import Catalogue, Entry
from stream.core.decay import Vector
from stream.core.fold import fold
from stream.core.forgetting import tombstone
from stream.core.profile import Membership, Profile
from stream.core.rank import rank
from stream.core.segments import Segment, SegmentModel
from stream.core.signals import Row
from stream.core.tuning import Tuning
from stream.reads.reads import ReadFrom, Reads
from stream.store.candidates import Candidates
from stream.store.codec import pack
from stream.store.rows import UserRow, fresh_etag
from stream.store.shelf import Shelf
from tests.core.samples import LIKE, NOW, RATING, axis, near, observation
from tests.support.fakes import FakeStore
from tests.support.rows import item_row

DIMENSION = 16
GROUPS = ("space", "cooking", "crime", "music")
ITEMS_EACH = 6
USERS_EACH = 5
TUNING = Tuning()
ODD = "a/b c%é?#"  # a user whose name needs encoding
FORGOTTEN, NAMELESS, BLANK = "forgotten", "nameless", "blank"


def centre(group: int) -> Vector:
    return axis(group, DIMENSION)


@cache
def catalogue() -> Catalogue:
    entries = tuple(
        Entry(
            f"{name}-{n}",
            f"{name.title()} {n}",
            near(centre(group), 100 * group + n, 0.3),
            (name,),
            domain="film" if n % 2 else "book",
            lang="en" if n % 3 else "de",
        )
        for group, name in enumerate(GROUPS)
        for n in range(ITEMS_EACH)
    )
    gone = Entry("gone", "Gone", near(centre(0), 1, 0.3), ("space",), deleted=True)
    known = Catalogue(DIMENSION, (*entries, gone))
    return known.with_rows({i: used() for i in known.rows} | {"space-0": learned(known)})


def learned(known: Catalogue) -> Row:
    """Users of `space-0` went on to four others, two of which are not to be had."""
    others = {"space-1": 3.0, "cooking-1": 1.0, "gone": 9.0}
    hashes = known.hashes[[known.rows[i] for i in others]]
    order = np.argsort(hashes)
    weights = np.array(list(others.values()), np.float32)
    return Row(4.0, 4.0, NOW, hashes[order], weights[order])


def used() -> Row:
    return Row(4.0, 4.0, NOW)


def model() -> SegmentModel:
    return SegmentModel(
        7, tuple(Segment(f"s{g}", name, centre(g), USERS_EACH) for g, name in enumerate(GROUPS))
    )


def member(group: int, number: int, second: int | None = None) -> Profile:
    """Likes most items of a group, rates one; some of a second group too."""
    liked = [f"{GROUPS[group]}-{n}" for n in range(ITEMS_EACH) if n != number % ITEMS_EACH]
    if second is not None:
        liked += [f"{GROUPS[second]}-{n}" for n in range(2)]
    known = catalogue()
    events = []
    for n, item_id in enumerate(liked):
        entry = known.entries[known.rows[item_id]]
        events.append(
            observation(
                n,
                item_id=item_id,
                vector=entry.vector,
                kind=RATING if n == 0 else LIKE,
                rating=5.0 if n == 0 else None,
                at=NOW - 600 + 10 * n + number,
                label=entry.label,
                categories=entry.categories,
            )
        )
    name = f"{GROUPS[group]} fan {number}"
    profile = fold(Profile(name), events, TUNING).profile
    profile = replace(profile, version=10 + number, membership=Membership(f"s{group}", 7, NOW - 60))
    (made,) = rank([profile], [("event-1",)], known, TUNING)
    return replace(profile, current=made)


@cache
def profiles() -> tuple[Profile, ...]:
    fans = [
        member(group, number, second=(group + 1) % len(GROUPS) if number == 4 else None)
        for group in range(len(GROUPS))
        for number in range(USERS_EACH)
    ]
    odd = replace(member(0, 1), user_id=ODD)
    named = tombstone(replace(member(0, 2), user_id=FORGOTTEN), "event-9", NOW)
    nameless = replace(
        tombstone(replace(member(0, 2), user_id=NAMELESS), "e", NOW), forgetting=None
    )
    return (*fans, odd, named, nameless, Profile(BLANK, version=3))


@cache
def rows() -> tuple[tuple[str, UserRow], ...]:
    return tuple((p.user_id, pack(p, fresh_etag(), TUNING, now=NOW)) for p in profiles())


class World:
    """A store of these, and reads over it; `model` and `catalogue` may be changed."""

    def __init__(self) -> None:
        self.store = FakeStore()
        self.store.users.rows.update(rows())
        for entry in catalogue().entries:
            self.store.items.rows[entry.item_id] = item_row(
                entry.item_id, title=entry.title, vector=entry.vector, categories=entry.categories
            )
        self.catalogue = catalogue()
        self.model: SegmentModel | None = model()
        self.now = NOW + 3600
        shelf = Shelf(self.store.items, self.store.neighbours, size=100)
        candidates = Candidates(lambda: self.catalogue, self.store.items, shelf, TUNING)
        self.reads = Reads(
            ReadFrom(
                users=self.store.users,
                items=self.store.items,
                catalogue=lambda: self.catalogue,
                candidates=candidates,
                segments=lambda: self.model,
                clock=lambda: self.now,
            ),
            TUNING,
        )
