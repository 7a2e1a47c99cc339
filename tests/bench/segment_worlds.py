"""Planted worlds for `tests.bench.segments`, played through the worker's own fold and assignment.

A worker's store and topics are left out; what decides about a user's segment is the service's own:
`stream.core.fold`, `stream.core.segments.assign`, `stream.core.segment_fit`. Models are fitted by
event time, and after each fit all users are moved as the sweep does it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from stream.agents.items import given_vector
from stream.core.catalogue import Catalogue
from stream.core.fold import Outcome
from stream.core.profile import Membership, Profile, taste
from stream.core.segment_fit import fit
from stream.core.segments import SegmentModel, assign
from stream.core.tuning import Tuning
from stream.evaluate.engine import Engine, entries
from stream.evaluate.simulate import Plan, Simulated, simulate
from stream.observe import event_kinds
from stream.settings import Settings, load
from stream.wire.inputs import Event
from tests.bench.segment_figures import Liked, Move

DIMENSION = 384  # the default model's
GROUPS = 6
#: Of the largest group's size, where sizes are uneven: the smallest is a tenth.
UNEVEN = tuple(0.63**place for place in range(GROUPS))

Matrix = NDArray[np.float32]

PLAIN = Plan(
    users=500,
    items=240,
    days=30,
    groups=GROUPS,
    events_per_day=1.6,
    drifting=0,
    bots=0,
    births=0,
    deaths=0,
    bursts=0,
    dimension=DIMENSION,
)
#: Kinds of worlds in which groups are to be found again.
KINDS: Mapping[str, Plan] = {
    "separated": PLAIN,
    "noisy": replace(
        PLAIN, concentration=15, cohesion=0.4, bots=0.01, births=0.3, deaths=0.2, bursts=2
    ),
    "uneven": replace(PLAIN, users=1000),
    "few events": replace(PLAIN, events_per_day=0.25),
}
#: Noise, a pause, and people who turn to another group's taste for good.
RESTLESS = replace(
    PLAIN,
    users=200,
    days=60,
    events_per_day=4,
    drifting=0.4,
    bots=0.02,
    births=0.3,
    deaths=0.2,
    bursts=2,
    quiet=((20, 24),),
    concentration=30,
)


def world(kind: str, seed: int, users: int | None = None) -> Simulated:
    """A world of a kind of `KINDS`, of other users than planned where so many are named."""
    plan = replace(KINDS[kind], seed=seed)
    found = simulate(plan if users is None else replace(plan, users=users))
    return _uneven(found) if kind == "uneven" else found


def _uneven(whole: Simulated) -> Simulated:
    """Without some users of the later groups. Everybody's chance is their own, so the others do
    what they would do if these had never been."""
    left: dict[str, float] = defaultdict(float)
    gone = set()
    names = [group.id for group in whole.truth.groups]
    for user, group in whole.truth.group_of.items():
        share = UNEVEN[names.index(group)]
        left[group] += share
        if left[group] < 1.0:
            gone.add(user)
        else:
            left[group] -= 1.0
    events = tuple(event for event in whole.events if event.user_id not in gone)
    users = tuple(user for user in whole.truth.users if user.id not in gone)
    # `structs.replace` would keep what was worked out of all users
    fields = {name: getattr(whole.truth, name) for name in whole.truth.__struct_fields__}
    truth = type(whole.truth)(**{**fields, "users": users})
    return replace(whole, events=events, truth=truth)


class Models:
    """The model in force, and how the next one is made of everybody's tastes."""

    def __init__(self, settings: Settings, tuning: Tuning) -> None:
        self.now: SegmentModel | None = None
        self._settings, self._tuning = settings, tuning

    def refit(self, profiles: Iterable[Profile]) -> None:
        """As a leader does: of all who have a taste, where they are enough."""
        self.now = self.fitted(tastes(profiles, self._tuning)) or self.now

    def fitted(self, rows: Matrix) -> SegmentModel | None:
        """The model that would follow the one in force; None: too few have a taste."""
        if len(rows) < 2 * self._settings.segments_count:
            return None
        return fit(
            rows,
            count=self._settings.segments_count,
            count_max=self._settings.segments_count_max,
            version=1 if self.now is None else self.now.version + 1,
            before=self.now,
        )


def tastes(profiles: Iterable[Profile], tuning: Tuning) -> Matrix:
    """(n, d) of those who have one, as of their newest event, as the store has them."""
    found = [own for one in profiles if (own := taste(one, one.as_of, tuning)) is not None]
    return np.stack(found) if found else np.zeros((0, DIMENSION), np.float32)


@dataclass(slots=True)
class Keeper:
    """Everybody's segment under one rule of moving; several may look at one stream of events.

    moves  by user, the first assignment included
    at     by user and move, the place of the user's last event then
    """

    models: Models
    tuning: Tuning
    margin: float
    min_stay_s: float
    min_weight: float
    members: dict[str, Membership] = field(default_factory=dict)
    moves: dict[str, list[Move]] = field(default_factory=lambda: defaultdict(list))
    at: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))

    def look(self, profile: Profile, place: int, event_id: str | None = None) -> None:
        """What a worker does after an event, and a sweep (no event) after a fit."""
        user = profile.user_id
        now = assign(
            replace(profile, membership=self.members.get(user), outbox=()),
            self.models.now,
            margin=self.margin,
            min_stay_s=self.min_stay_s,
            cause=event_id,
            tuning=self.tuning,
            min_weight=self.min_weight,
        )
        if now.membership is not None:
            self.members[user] = now.membership
        for change in now.outbox:
            self.moves[user].append(Move(change.at, change.before, change.after))
            self.at[user].append(place)

    @property
    def segments(self) -> dict[str, str]:
        """By user, of those who are in one."""
        return {user: member.segment for user, member in self.members.items()}


def keeper(settings: Settings, models: Models, **rule: float) -> Keeper:
    """With the settings' rule of moving, but for what `rule` names."""
    own = {"margin": settings.segment_margin, "min_stay_s": settings.segment_min_stay_s, **rule}
    return Keeper(
        models,
        settings.tuning(),
        margin=own["margin"],
        min_stay_s=own["min_stay_s"],
        min_weight=settings.segment_min_weight,
    )


@dataclass(slots=True)
class Stream:
    """A world's events, folded one by one, before any number of keepers.

    refit_s  event time between two fits
    liked    by user, what each event said of the taste: those of types that update profiles
    """

    found: Simulated
    settings: Settings
    refit_s: float
    models: Sequence[Models]
    keepers: Sequence[Keeper]
    liked: dict[str, list[Liked]] = field(default_factory=lambda: defaultdict(list))
    engine: Engine = field(init=False)

    def __post_init__(self) -> None:
        self.engine = engine(self.found, self.settings)

    def play(self) -> Mapping[str, Profile]:
        """Everybody's profile at the end; fits come on the way, and one at the very end."""
        due = self.found.events[0].at + self.refit_s
        for event in self.found.events:
            while event.at >= due:
                self.refit()
                due += self.refit_s
            self._learn(event)
        self.refit()
        return self.engine.profiles

    def refit(self) -> None:
        """All models anew, and everybody moved."""
        people = self.engine.profiles.values()
        for models in self.models:
            models.refit(people)
        for one in self.keepers:
            for profile in people:
                one.look(profile, len(self.liked[profile.user_id]) - 1)

    def _learn(self, event: Event) -> None:
        user = event.user_id
        if not self.engine.kinds[event.type].updates:
            return
        folded = self.engine.fold(user, (event,))
        assert folded.outcomes == (Outcome.APPLIED,)
        strength = folded.profile.recent[-1].strength  # events come in time order
        new = bool((turns := self.found.truth.drifts[user]) and event.at >= turns[0])
        self.liked[user].append(Liked(event.at, max(strength, 0.0), new))
        for one in self.keepers:
            one.look(folded.profile, len(self.liked[user]) - 1, event.event_id)


def engine(found: Simulated, settings: Settings) -> Engine:
    """That folds as a worker does which knows all items of a world, by the vectors they bring."""
    vectors = {one.item_id: row for one in found.items if (row := given_vector(one)) is not None}
    catalogue = Catalogue(DIMENSION, entries(found.items, vectors))
    return Engine(catalogue, event_kinds(settings), settings.tuning())


def given(count: int = GROUPS) -> Settings:
    """As many segments as there are groups; all else by default."""
    return load(segments_count=count)


def chosen() -> Settings:
    """A number of segments within bounds."""
    return load(segments_count=2, segments_count_max=2 * GROUPS)
