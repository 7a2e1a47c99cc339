"""Every question that can be asked of a worker over HTTP."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from stream.core.allowed import Filters
from stream.core.catalogue import Catalogue
from stream.core.neighbours import normal, reach
from stream.core.parts import PARTS, Part
from stream.core.profile import Profile, StoredList
from stream.core.rank import rank, ranker
from stream.core.segments import SegmentModel
from stream.core.tuning import Tuning
from stream.reads import answers
from stream.reads.lists import named_in, offers, published
from stream.reads.living import loaded
from stream.reads.lookalikes import Asked, Lookalikes
from stream.reads.members import members
from stream.reads.names import ReplicatedItems, Titles, cut, named
from stream.reads.picture import items_of
from stream.reads.profile import Told
from stream.store.candidates import Candidates
from stream.store.rows import ItemRow, Tastes, UserRow
from stream.store.users import Alike
from stream.wire.encode import rfc3339

#: Items that stand for a segment in answers.
SEGMENT_ITEMS = 5
DIGITS = 6


class ReadsUsers(Protocol):
    """What is needed of `stream.store.users.Users`."""

    async def load(self, user_ids: Iterable[str]) -> dict[str, UserRow]: ...

    async def nearest(self, asked: Alike, limit: int) -> list[Tastes]: ...

    async def in_segment(
        self, segment: str, limit: int, after: str | None = None
    ) -> tuple[list[UserRow], str | None]: ...


class ReadsItems(Protocol):
    async def load(
        self, names: Iterable[str], *, with_vectors: bool = True
    ) -> dict[str, ItemRow]: ...


@dataclass(frozen=True, slots=True)
class ReadFrom:
    """Where answers come from; callables give the present snapshot."""

    users: ReadsUsers
    items: ReadsItems
    catalogue: Callable[[], Catalogue]
    candidates: Candidates
    segments: Callable[[], SegmentModel | None]
    scored_by: Callable[[], Sequence[Part]] = lambda: PARTS
    clock: Callable[[], float] = time.time


class Reads:
    """Answers, each None where there is nothing of that name; all raise Unavailable."""

    def __init__(self, sources: ReadFrom, tuning: Tuning, *, lang: str = "en") -> None:
        """lang  of sentences where the question does not say"""
        self._from = sources
        self._tuning = tuning
        self._lang = lang
        self._items = ReplicatedItems(sources.catalogue, sources.candidates, sources.items)
        self._alike = Lookalikes(sources.users, self._items, self._model, tuning)

    # --- users

    async def user(self, user_id: str) -> answers.User | None:
        """What is known of a user."""
        profile = await self._profile(user_id)
        if profile is None:
            return None
        titles = await self._items.titles(items_of(replace(profile, current=None)))
        return self._told(profile, titles)

    async def recommendations(
        self, user_id: str, *, n: int, filters: Filters
    ) -> answers.Recommendations | None:
        """A list ranked now, by the wall clock, as the worker would rank it."""
        profile = await self._profile(user_id)
        if profile is None:
            return None
        now = max(profile.as_of, self._from.clock())
        fresh = await self._ranked(replace(profile, as_of=now), n, filters)
        titles = await self._items.titles(named_in(fresh))
        return answers.Recommendations(
            user_id=user_id,
            version=profile.version,
            as_of=rfc3339(now),
            caused_by=list(fresh.caused_by),
            items=offers(fresh.offers, titles, filters.lang or self._lang),
            ranker=ranker(self._tuning, self._from.scored_by()),
        )

    async def explain(self, user_id: str, *, lang: str | None) -> answers.Explanation | None:
        """A user, and why the list that was published last is what it is."""
        profile = await self._profile(user_id)
        if profile is None:
            return None
        titles = await self._items.titles(items_of(profile))
        current = profile.current
        return answers.Explanation(
            user=self._told(profile, titles),
            published=published(current, titles, lang or self._lang) if current else None,
        )

    async def lookalikes(self, user_id: str, asked: Asked) -> answers.Lookalikes | None:
        return await self._alike.of_user(user_id, asked)

    # --- items

    async def neighbours(self, item_id: str, *, n: int) -> answers.ItemNeighbours | None:
        """What users of an item went on to, of what is on offer."""
        known = self._from.catalogue()
        item = known.get(item_id)
        if item is None or item.deleted:
            return None
        found = await self._from.candidates.neighbours(item_id)
        columns, values = normal([found], known, self._tuning)
        near = np.minimum(values * reach(known, self._tuning)[columns], 1.0)
        near[~known.on_offer[columns]] = 0.0
        best = [i for i in np.argsort(-near, kind="stable")[:n].tolist() if near[i] > 0]
        entries = [(known.entries[columns[i]], float(near[i])) for i in best]
        return answers.ItemNeighbours(
            item=answers.ItemName(item_id=item_id, title=cut(item.title)),
            items=[
                answers.NearItem(
                    item_id=e.item_id, title=cut(e.title), nearness=round(value, DIGITS)
                )
                for e, value in entries
            ],
        )

    # --- segments

    async def segments(self) -> answers.SegmentsAnswer:
        """The model in force."""
        model = self._from.segments()
        if model is None:
            return answers.SegmentsAnswer(version=None, segments=[])
        centroids = [segment.centroid for segment in model.segments]
        near = await self._items.nearest(centroids, SEGMENT_ITEMS)
        return answers.SegmentsAnswer(
            version=model.version,
            segments=[
                answers.SegmentAnswer(
                    id=segment.id,
                    label=cut(segment.label),
                    size=segment.size,
                    items=[named(e.item_id, {e.item_id: cut(e.title)}) for e in entries],
                )
                for segment, entries in zip(model.segments, near, strict=True)
            ],
        )

    async def users_of(
        self, segment_id: str, *, n: int, after: str | None
    ) -> answers.Members | None:
        """Some users of a segment, a page after the other."""
        model = self._from.segments()
        segment = model.get(segment_id) if model else None
        if segment is None:
            return None
        rows, following = await self._from.users.in_segment(segment_id, n, after)
        users = await asyncio.to_thread(members, rows, segment, self._tuning)
        name = answers.SegmentName(id=segment.id, label=cut(segment.label))
        return answers.Members(segment=name, users=users, next=following)

    async def lookalikes_of_segment(
        self, segment_id: str, asked: Asked
    ) -> answers.Lookalikes | None:
        return await self._alike.of_segment(segment_id, asked)

    # --- parts of answers

    async def _profile(self, user_id: str) -> Profile | None:
        return loaded((await self._from.users.load([user_id])).get(user_id))

    async def _model(self) -> SegmentModel | None:
        return self._from.segments()

    def _told(self, profile: Profile, titles: Titles) -> answers.User:
        return Told(titles, self._from.segments(), self._from.clock(), self._tuning).user(profile)

    async def _ranked(self, profile: Profile, n: int, filters: Filters) -> StoredList:
        tuning = replace(self._tuning, list_size=n)
        parts = self._from.scored_by()
        async for some, choice in self._from.candidates.around([profile], filters):
            (fresh,) = rank(
                some, [()], choice.catalogue, tuning, filters, only=choice.only, parts=parts
            )
            return fresh
        raise AssertionError("there is one user, so there is one group")
