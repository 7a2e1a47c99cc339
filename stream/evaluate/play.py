"""A run: every event in time order, some ranked by every method before they are learned."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from stream.core.arrange import arrange
from stream.core.parts import PARTS, Part
from stream.core.profile import Profile
from stream.core.rank import score
from stream.core.strength import rating_share
from stream.core.tuning import Tuning
from stream.evaluate import baselines
from stream.evaluate.baselines import Asked
from stream.evaluate.engine import Engine
from stream.evaluate.kept import Kept, Made
from stream.evaluate.moments import LIKED, Moment, User, ahead, given
from stream.evaluate.orders import NOTHING, best, places, places_in
from stream.evaluate.protocol import Plan, wanted
from stream.evaluate.ranked import Ranked, Ratings
from stream.evaluate.ratings import GUESSERS, Guesser
from stream.wire.inputs import Event

STEP = 500  # events between two moves of a progress bar
BATCH = 64  # rankings of one catalogue that are scored together
NOBODY, NOTHING_YET = Profile(""), np.zeros(0, np.float32)
PartsAt = Callable[[float], Sequence[Part]]  # the parts in force at a time, seconds


@dataclass(frozen=True, slots=True)
class Variant:
    """The worker's lists under some tuning; `by_score`: the order of its scores instead."""

    name: str
    tuning: Tuning
    by_score: bool = False


class Player:
    """Plays one plan. `advances` hears how many events were passed since it last heard.

    parts  in force at an event's time; the same object as long as they stay the same
    """

    def __init__(
        self,
        engine: Engine,
        variants: Sequence[Variant],
        *,
        flush_events: int,
        advances: Callable[[int], None] = lambda _: None,
        parts: PartsAt = lambda _: PARTS,
    ) -> None:
        catalogue, tuning = engine.catalogue, engine.tuning
        self._engine = engine
        self._variants: dict[Tuning, list[Variant]] = {}  # scored once for each tuning
        for variant in variants:
            self._variants.setdefault(variant.tuning, []).append(variant)
        self._flush_events = flush_events
        self._advances = advances
        self._parts = parts
        self._in_force: Sequence[Part] = PARTS  # for the rankings that are due
        self._baselines = baselines.make(catalogue.vectors, tuning.hotness_half_life_s)
        self._kept = Kept(catalogue)
        self._users: dict[str, User] = {}
        self._uses = np.zeros(len(catalogue), np.int64)
        self._since = np.array([_or_nan(e.published_at) for e in catalogue.entries])
        self._guesser = Guesser(len(catalogue))
        self._size = tuning.list_size
        self._due: list[Moment] = []
        self._moments: list[Moment] = []
        self._guessed: list[float] = []
        self._repeats = 0

    def play(self, events: Sequence[Event], plan: Plan) -> Ranked:
        """Rank and learn as planned. Events come oldest first, as many as the plan's."""
        started = time.perf_counter()
        waiting = learned = 0
        for place, event in enumerate(events):
            if plan.ranked[place] and wanted(event, self._engine.kinds.get(event.type)):
                self._take(place, event)
            if plan.learned[place] and event.type in self._engine.kinds:
                self._learn(event)
                learned += 1
                waiting += 1
            if waiting >= self._flush_events:
                self._rank()
                self._engine.flush()
                waiting = 0
            if (place + 1) % STEP == 0:
                self._advances(STEP)
        self._rank()
        seconds = time.perf_counter() - started
        return self._ranked(events, learned, seconds)

    # --- before an event

    def _take(self, place: int, event: Event) -> None:
        """Keep all that is known; profile and catalogue are values, so ranking them can wait."""
        row = self._engine.catalogue.rows[event.item_id or ""]
        user = self._users.get(event.user_id) or User()
        if row in user.known:
            self._repeats += 1
            return
        self._enforce(self._parts(event.at))
        profile = self._engine.profile(event.user_id)
        asked = Asked(np.array(user.history, np.intp), event.at)
        scores = [one.scores(asked) for one in self._baselines.values()]
        for own in scores:
            own[asked.history] = -np.inf
        simple = None
        if event.rating is not None:
            simple = self._guesser.simple(row, self._mean(profile))
        self._due.append(
            Moment(
                place,
                event,
                # as of now, as if the user asked for a list
                replace(profile, as_of=max(profile.as_of, event.at), version=place),
                row,
                self._own(user),
                tuple(scores),
                len(user.history),
                int(self._uses[row]),
                event.at - float(self._since[row]),
                simple,
            )
        )
        if len(self._due) >= BATCH:
            self._rank()

    def _enforce(self, parts: Sequence[Part]) -> None:
        if parts is not self._in_force:
            self._rank()
            self._in_force = parts

    def _own(self, user: User) -> NDArray[np.float32]:
        nothing = np.zeros(self._kept.categories.shape[1], np.float32)
        return nothing if user.categories is None else user.categories

    def _mean(self, profile: Profile) -> float:
        tuning = self._engine.tuning
        return profile.ratings.shrunk(
            prior_mean=tuning.rating_prior_mean, prior_count=tuning.rating_prior_count
        )

    # --- the event

    def _learn(self, event: Event) -> None:
        if wanted(event, self._engine.kinds[event.type]):
            self._count(event, self._engine.catalogue.rows[event.item_id or ""])
        self._engine.learn(event)

    def _count(self, event: Event, row: int) -> None:
        """What baselines and measures know, at once."""
        user = self._users.setdefault(event.user_id, User())
        if event.rating is not None:
            mean = self._mean(self._engine.profile(event.user_id))
            self._guesser.learn(row, mean, rating_share(event.rating, event.rating_max))
        self._uses[row] += 1
        if np.isnan(self._since[row]):
            self._since[row] = event.at
        if row in user.known:
            return
        asked = Asked(np.array(user.history, np.intp), event.at)
        for one in self._baselines.values():
            one.learn(asked, row)
        user.history.append(row)
        user.known.add(row)
        user.categories = (
            self._own(user) + self._kept.categories[row]
        )  # a new array: moments keep it

    # --- rankings that are due

    def _rank(self) -> None:
        if not self._due:
            return
        rows = np.array([moment.row for moment in self._due], np.intp)
        made: dict[str, Made] = {}
        for tuning, variants in self._variants.items():
            made |= self._ours(tuning, variants, rows)
        for number, name in enumerate(self._baselines):
            scores = np.stack([moment.scores[number] for moment in self._due])
            made[name] = Made(places(scores, rows), best(scores, self._size), full=True)
        self._kept.add(made, np.stack([moment.own for moment in self._due]), self._uses)
        # what was ranked with is large, and no longer needed
        self._moments += [replace(m, scores=(), profile=NOBODY, own=NOTHING_YET) for m in self._due]
        self._due.clear()

    def _ours(
        self, tuning: Tuning, variants: Sequence[Variant], rows: NDArray[np.intp]
    ) -> dict[str, Made]:
        """As `stream.core.rank.rank` does, without the reasons that a message gives."""
        catalogue = self._engine.catalogue
        profiles = [moment.profile for moment in self._due]
        scored = score(profiles, catalogue, tuning, parts=self._in_force)
        made = {}
        for variant in variants:
            if variant.by_score:
                total = scored.total
                made[variant.name] = Made(places(total, rows), best(total, self._size), full=True)
                continue
            offered = np.full((len(rows), self._size), NOTHING, np.int32)
            lists = arrange(profiles, scored.total, catalogue, tuning)
            for line, one in zip(offered, lists, strict=True):
                line[: len(one)] = [place.row for place in one]
            made[variant.name] = Made(places_in(offered, rows), offered, full=False)
        if tuning == self._engine.tuning:
            parts = [part[np.arange(len(rows)), rows] for part in scored.parts.values()]
            self._guess(np.stack(parts, axis=1))
        return made

    def _guess(self, parts: NDArray[np.float32]) -> None:
        """Ratings by what the score says of each item, then learned."""
        simple = [moment.simple for moment in self._due]
        last = np.array([np.nan if one is None else one[2] for one in simple])
        features = np.column_stack([np.ones(len(parts)), parts, last]).astype(np.float64)
        guessed = self._guesser.fitted(features)
        self._guessed += guessed.tolist()
        rated = ~np.isnan(last)
        ratings = np.array([given(moment.event) for moment in self._due])
        if rated.any():
            self._guesser.fit(features[rated], ratings[rated])

    # --- the end

    def _ranked(self, events: Sequence[Event], learned: int, seconds: float) -> Ranked:
        moments = self._moments
        return Ranked(
            methods=self._kept.methods(),
            events=np.array([m.place for m in moments], np.int64),
            users=[m.event.user_id for m in moments],
            at=np.array([m.event.at for m in moments], np.float64),
            history=np.array([m.history for m in moments], np.int64),
            item_uses=np.array([m.uses for m in moments], np.int64),
            item_age=np.array([m.age_s for m in moments], np.float64),
            ahead=ahead(events, [self._liked(e) for e in events], [m.place for m in moments]),
            ratings=self._ratings(),
            items=len(self._uses),
            list_size=self._size,
            learned=learned,
            repeats=self._repeats,
            seconds=seconds,
        )

    def _liked(self, event: Event) -> int | None:
        if not wanted(event, self._engine.kinds.get(event.type)) or given(event) < LIKED:
            return None
        return self._engine.catalogue.rows[event.item_id or ""]

    def _ratings(self) -> Ratings:
        simple = np.array([m.simple or (np.nan,) * 3 for m in self._moments]).reshape(-1, 3)
        guesses = [*simple.T]
        if self._guessed:
            guesses.append(np.array(self._guessed))
        ratings = np.array([given(m.event) for m in self._moments])
        return Ratings(ratings, dict(zip(GUESSERS, guesses, strict=False)))


def _or_nan(value: float | None) -> float:
    return np.nan if value is None else value
