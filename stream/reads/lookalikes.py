"""Users whose tastes are like a user's or a segment's, with reasons."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Protocol

from stream.core.profile import Profile
from stream.core.segments import Segment, SegmentModel
from stream.core.tuning import Tuning
from stream.reads import alike, answers
from stream.reads.alike import Character, Similarity
from stream.reads.living import loaded
from stream.reads.names import Catalogued, cut, named
from stream.reads.times import moment
from stream.store.rows import Tastes, UserRow
from stream.store.users import Alike

#: Users looked at by each measure: the look-alikes are chosen among them, whatever the page.
LOOKED_AT = 100

SHARED_INTERESTS = 3
SHARED_ITEMS = 5
SHARED_CATEGORIES = 5
#: Items that stand for a segment.
TYPICAL_ITEMS = 10


@dataclass(frozen=True, slots=True)
class Asked:
    """Which of the look-alikes.

    page     from 1
    n        users of a page
    segment  only users of this one
    since    only who did something then or later, seconds
    """

    page: int = 1
    n: int = 20
    segment: str | None = None
    since: float | None = None


class FindsUsers(Protocol):
    """What is needed of `stream.store.users.Users`."""

    async def load(self, user_ids: Iterable[str]) -> dict[str, UserRow]: ...

    async def nearest(self, asked: Alike, limit: int) -> list[Tastes]: ...


class ItsSegments(Protocol):
    """The segment model in force, or None. Raises Unavailable where that has to be asked for."""

    async def __call__(self) -> SegmentModel | None: ...


class Lookalikes:
    """Finds them; every method raises Unavailable while the store does not answer."""

    def __init__(
        self, users: FindsUsers, items: Catalogued, segments: ItsSegments, tuning: Tuning
    ) -> None:
        self._users = users
        self._items = items
        self._segments = segments
        self._tuning = tuning

    async def of_user(self, user_id: str, asked: Asked) -> answers.Lookalikes | None:
        """None where there is no such user."""
        row = (await self._users.load([user_id])).get(user_id)
        profile = loaded(row)
        if row is None or profile is None:
            return None
        source = Tastes(user_id, row.interests, row.taste)
        question = Alike(source, segment=asked.segment, since=asked.since)
        found = await self._ranked(source, question)
        users = await self._page(found, alike.character(profile, self._tuning), asked)
        return _answer(found, users, asked, user_id=user_id)

    async def of_segment(self, segment_id: str, asked: Asked) -> answers.Lookalikes | None:
        """Users of other segments; None where there is no such segment."""
        model = await self._segments()
        segment = model.get(segment_id) if model else None
        if segment is None:
            return None
        source = alike.middle(segment)
        question = Alike(source, segment=asked.segment, outside=segment_id, since=asked.since)
        found = await self._ranked(source, question)
        users = await self._page(found, await self._character(segment), asked)
        name = answers.SegmentName(id=segment.id, label=cut(segment.label))
        return _answer(found, users, asked, segment=name)

    async def _ranked(self, source: Tastes, question: Alike) -> list[tuple[Tastes, Similarity]]:
        if source.taste is None and not len(source.interests):
            return []
        return alike.ranked(source, await self._users.nearest(question, LOOKED_AT))

    async def _page(
        self, found: Sequence[tuple[Tastes, Similarity]], source: Character, asked: Asked
    ) -> list[answers.Lookalike]:
        some = found[(asked.page - 1) * asked.n : asked.page * asked.n]
        rows = await self._users.load([one.user_id for one, _ in some])
        profiles = await asyncio.to_thread(
            lambda: {user_id: loaded(row) for user_id, row in rows.items()}
        )
        told = [
            self._told(profile, similarity, source)
            for one, similarity in some
            if (profile := profiles.get(one.user_id)) is not None  # else forgotten this moment
        ]
        titles = await self._items.titles({i for one in told for i in one.items})
        return [one.answer(titles) for one in told]

    def _told(self, profile: Profile, similarity: Similarity, source: Character) -> _Told:
        own = alike.character(profile, self._tuning)
        near = self._tuning.interest_merge_cosine
        return _Told(
            profile,
            similarity,
            alike.overlap(source, own),
            alike.shared_interests(source, own, nearness_min=near, most=SHARED_INTERESTS),
            alike.shared_items(source, own, most=SHARED_ITEMS),
            alike.shared_categories(source, own, most=SHARED_CATEGORIES),
        )

    async def _character(self, segment: Segment) -> Character:
        (near,) = await self._items.nearest([segment.centroid], TYPICAL_ITEMS)
        return alike.character_of(segment, near)


@dataclass(frozen=True, slots=True)
class _Told:
    """A look-alike before its items have titles."""

    profile: Profile
    similarity: Similarity
    overlap: float
    interests: Sequence[alike.Shared]
    items: Sequence[str]
    categories: list[str]

    def answer(self, titles: Mapping[str, str]) -> answers.Lookalike:
        member = self.profile.membership
        return answers.Lookalike(
            user_id=self.profile.user_id,
            similarity=self.similarity.whole,
            taste=self.similarity.taste,
            interests=self.similarity.interests,
            overlap=self.overlap,
            segment=member.segment if member else None,
            last_active_at=moment(self.profile.as_of),
            shared_interests=[
                answers.SharedInterest(
                    label=cut(one.one), theirs=cut(one.other), nearness=one.nearness
                )
                for one in self.interests
            ],
            shared_items=[named(item_id, titles) for item_id in self.items],
            shared_categories=[cut(name) for name in self.categories],
        )


def _answer(
    found: Sequence[object],
    users: list[answers.Lookalike],
    asked: Asked,
    *,
    user_id: str | None = None,
    segment: answers.SegmentName | None = None,
) -> answers.Lookalikes:
    return answers.Lookalikes(
        user_id=user_id,
        segment=segment,
        total=len(found),
        page=asked.page,
        pages=ceil(len(found) / asked.n),
        users=users,
    )
