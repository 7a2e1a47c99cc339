"""The worker without Kafka and store: its own fold, signals, catalogue and lists, step by step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from stream.core.catalogue import Catalogue, Entry
from stream.core.decay import Vector
from stream.core.fold import Folded, Observation, fold
from stream.core.interests import fitted
from stream.core.profile import Profile
from stream.core.signals import Gathered, Row, gather, grown
from stream.core.tuning import EventKind, Tuning
from stream.evaluate.segmented import Segmented
from stream.observe import Contents, Understood, observation
from stream.wire.inputs import Event, Item
from stream.wire.messages import ItemSignals

SOURCE = "evaluate"


@dataclass(frozen=True, slots=True)
class Place:
    """Stands for the record of an event: only its offset is looked at."""

    offset: int
    timestamp: int = 0
    key: bytes | None = None
    value: bytes | None = None
    headers: Sequence[tuple[str, bytes]] = ()


@dataclass(slots=True)
class Engine:
    """Profiles and signals of everybody, and the catalogue as a worker sees it now.

    Signals are gathered and become visible at the next `flush`, as in the worker.

    kinds     by event type, as `stream.observe.event_kinds` makes them
    contents  what was read of the events' own texts
    segments  keeps users' segments; None: nobody is in one
    """

    catalogue: Catalogue
    kinds: Mapping[str, EventKind]
    tuning: Tuning
    contents: Contents = field(default_factory=Contents)
    segments: Segmented | None = None
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))
    profiles: dict[str, Profile] = field(default_factory=dict)
    _rows: dict[str, Row] = field(default_factory=dict)
    _gathered: dict[str, Gathered] = field(default_factory=dict)
    _offset: int = -1
    _folding: Tuning = field(init=False)

    def __post_init__(self) -> None:
        self._folding = fitted(self.tuning, self.catalogue.pair_cosines)

    def profile(self, user_id: str) -> Profile:
        """What is known of the user: nothing, at first."""
        return self.profiles.get(user_id) or Profile(user_id)

    def learn(self, event: Event) -> Folded:
        """Fold one event, as a chunk of its own, and gather its signals."""
        folded = self.fold(event.user_id, (event,))
        gather(self._gathered, folded.increments, folded.pairings, self.tuning)
        if self.segments is not None:
            self.segments.learned(self.profiles.values())
            self.profiles[event.user_id] = self.segments.assigned(folded.profile)
        return folded

    def fold(self, user_id: str, events: Sequence[Event]) -> Folded:
        """Fold a user's events, in order; what they say about items is the caller's to pass on."""
        observations = [self._observation(event) for event in events]
        folded = fold(self.profile(user_id), observations, self._folding)
        self.profiles[user_id] = folded.profile
        return folded

    def hear(self, item: ItemSignals) -> None:
        """Gather what others say about an item."""
        sums = self._gathered.setdefault(item.item_id, Gathered(item.at))
        pairs, segments = item.pairs.items(), item.segments.items()
        sums.merge(item.count, item.hotness, pairs, item.at, self.tuning, segments)

    def flush(self) -> None:
        """What was gathered becomes visible: rows grow, and the catalogue has them."""
        if not self._gathered:
            return
        changed = {
            item_id: grown(self._rows.get(item_id), more, self.tuning, self.rng)
            for item_id, more in self._gathered.items()
        }
        self._rows.update(changed)
        self._gathered.clear()
        self.catalogue = self.catalogue.with_rows(changed)

    def _observation(self, event: Event) -> Observation:
        self._offset += 1
        return observation(
            Understood(event, Place(self._offset)),
            SOURCE,
            self.kinds[event.type],
            self.catalogue.get(event.item_id or ""),
            self.contents,
        )


def entries(items: Iterable[Item], vectors: Mapping[str, Vector]) -> tuple[Entry, ...]:
    """Items as a catalogue holds them; those without a vector match by what users do with them."""
    return tuple(
        Entry(
            item_id=item.item_id,
            title=item.title,
            vector=vectors.get(item.item_id),
            categories=item.categories,
            domain=item.domain,
            lang=item.lang,
            published_at=item.published_at,
            expires_at=item.expires_at,
            available=item.available,
            attributes=item.attributes,
        )
        for item in items
    )
