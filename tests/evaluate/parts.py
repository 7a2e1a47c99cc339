"""A small world to evaluate on: items of two kinds, users of two tastes, events in time order."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np

from stream.core.catalogue import Catalogue
from stream.core.tuning import Tuning
from stream.evaluate.dataset import Dataset
from stream.evaluate.engine import Engine, entries
from stream.evaluate.play import Player, Variant
from stream.evaluate.protocol import Plan, prequential
from stream.evaluate.ranked import Ranked
from stream.observe import event_kinds
from stream.settings import load
from stream.wire.inputs import Event, Item
from tests.core.samples import axis, near

START = 1_700_000_000.0
ITEMS = 40
FIRST, EVERY = 80, 3
TUNING = Tuning()


@cache
def dataset(count: int = 260, users: int = 16) -> Dataset:
    """Even users like even items; the low-numbered ones of each kind more. Every user uses an
    item once, ratings are 4 or 5, of what lies outside a taste 1."""
    items = tuple(
        Item(f"i{n}", f"Item {n}", categories=("even", "all") if n % 2 == 0 else ("odd",))
        for n in range(ITEMS)
    )
    rng = np.random.default_rng(0)
    left = {u: list(range(ITEMS)) for u in range(users)}
    events = []
    for number in range(count):
        user = int(rng.choice([u for u, own in left.items() if own]))
        weights = np.array([(8.0 if n % 2 == user % 2 else 1.0) / (n + 4) for n in left[user]])
        item = int(rng.choice(left[user], p=weights / weights.sum()))
        left[user].remove(item)
        stars = float(rng.integers(4, 6)) if item % 2 == user % 2 else 1.0
        at = START + 600.0 * number
        events.append(Event(f"u{user}", "rating", at, f"e{number}", f"i{item}", rating=stars))
    groups = {"taste": {f"u{u}": "even" if u % 2 == 0 else "odd" for u in range(users)}}
    return Dataset("planted", items, tuple(events), groups)


@cache
def catalogue() -> Catalogue:
    vectors = {f"i{n}": near(axis(n % 2), n) for n in range(ITEMS - 1)}  # the last one has none
    return Catalogue(8, entries(dataset().items, vectors))


def engine(tuning: Tuning = TUNING) -> Engine:
    return Engine(catalogue(), event_kinds(load()), tuning)


VARIANTS = (
    Variant("interestream", TUNING),
    Variant("interestream (score)", TUNING, by_score=True),
)


def played(
    events: Sequence[Event],
    plan: Plan | None = None,
    *,
    own: Engine | None = None,
    flush_events: int = 20,
    variants: Sequence[Variant] = VARIANTS,
) -> Ranked:
    player = Player(own or engine(), variants, flush_events=flush_events)
    return player.play(events, plan or prequential(events, first=FIRST, every=EVERY))


@cache
def whole() -> Ranked:
    """The usual run over all events."""
    return played(dataset().events)
