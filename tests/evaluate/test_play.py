"""A run knows the past only, and ranks as the worker does."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from stream.core.rank import rank
from stream.evaluate.moments import LIKED
from stream.evaluate.orders import NOTHING, NOWHERE
from stream.evaluate.play import Variant
from stream.evaluate.protocol import leave_one_out, prequential, time_split
from stream.wire.inputs import Event
from tests.evaluate.parts import EVERY, FIRST, ITEMS, TUNING, dataset, engine, played, whole

EVENTS = dataset().events


def row(event: Event) -> int:
    return int((event.item_id or "")[1:])


def test_what_comes_later_changes_nothing() -> None:
    """The rankings of a shorter run are the first ones of a longer one."""
    short = played(EVENTS[:150])

    assert 20 < len(short) < len(whole())
    for name, method in short.methods.items():
        longer = whole().methods[name]
        assert np.array_equal(method.places, longer.places[: len(short)]), name
        assert np.array_equal(method.lists, longer.lists[: len(short)]), name
        np.testing.assert_array_equal(method.divergence, longer.divergence[: len(short)])


def test_every_ranking_is_of_the_event_that_comes_next() -> None:
    ranked = whole()

    assert ranked.events.tolist() == list(range(FIRST, len(EVENTS), EVERY))
    assert ranked.users == [EVENTS[place].user_id for place in ranked.events]
    assert ranked.history.tolist() == [
        sum(e.user_id == EVENTS[place].user_id for e in EVENTS[:place]) for place in ranked.events
    ]


def test_popularity_s_places_are_those_of_a_count_over_the_past() -> None:
    ranked = whole()
    for place, found in zip(ranked.events, ranked.methods["popularity"].places, strict=True):
        counts = Counter(row(e) for e in EVENTS[:place])
        seen = {row(e) for e in EVENTS[:place] if e.user_id == EVENTS[place].user_id}
        order = sorted(set(range(ITEMS)) - seen, key=lambda n: (-counts[n], n))

        assert found == order.index(row(EVENTS[place])) + 1


def test_no_method_offers_what_the_user_has_used() -> None:
    ranked = whole()
    for number, place in enumerate(ranked.events):
        seen = {row(e) for e in EVENTS[:place] if e.user_id == EVENTS[place].user_id}
        for name, method in ranked.methods.items():
            offered = set(method.lists[number].tolist()) - {NOTHING}
            assert not offered & seen, name


def test_the_emitted_list_is_the_worker_s() -> None:
    """Item by item what `rank` gives for the same profile and the same catalogue."""
    own = engine()
    ranked = played(EVENTS[:201], prequential(EVENTS[:201], first=200, every=1), own=own)
    apart = engine()
    for number, event in enumerate(EVENTS[:200], 1):
        apart.learn(event)
        if number % 20 == 0:
            apart.flush()
    profile = replace(apart.profile(EVENTS[200].user_id), as_of=EVENTS[200].at, version=200)

    (made,) = rank([profile], [()], apart.catalogue, TUNING)

    offered = [f"i{n}" for n in ranked.methods["interestream"].lists[0] if n != NOTHING]
    assert offered == [offer.item_id for offer in made.offers]
    assert len(offered) == TUNING.list_size


def test_signals_are_seen_at_flushes_only() -> None:
    """Without a flush nobody knows what is hot or goes together; content alone is left."""
    own = engine()
    played(EVENTS, own=own, flush_events=10_000)
    assert not own.catalogue.learned

    often = engine()
    played(EVENTS, own=often, flush_events=50)
    assert len(often.catalogue.learned) > ITEMS / 2


def test_lists_that_nobody_was_shown_are_not_learned_from() -> None:
    own = engine()
    played(EVENTS, own=own)

    assert all(p.current is None and not p.offered for p in own.profiles.values())


def test_the_planted_tastes_are_found() -> None:
    ranked = whole()

    def found(name: str) -> float:
        return float(np.mean(ranked.methods[name].places <= 5))

    assert found("interestream") > found("popularity") > found("random")


def test_what_is_frozen_does_not_learn() -> None:
    own = engine()
    plan = time_split(EVENTS, share=0.5, every=2, learning=False)
    ranked = played(EVENTS, plan, own=own)
    count = sum(len(p.recent) for p in own.profiles.values())

    assert ranked.learned == count == 130
    assert len(ranked) == 65
    assert ranked.history.max() <= max(Counter(event.user_id for event in EVENTS[:130]).values())


def test_leave_one_out_ranks_each_user_once() -> None:
    ranked = played(EVENTS, leave_one_out(EVENTS))

    assert sorted(ranked.users) == sorted({event.user_id for event in EVENTS})


def test_repeated_uses_are_learned_and_not_ranked() -> None:
    again = replace_ids(EVENTS[:30])
    events = (*EVENTS[:100], *again)
    ranked = played(events, prequential(events, first=100, every=1))

    assert len(ranked) == 0
    assert ranked.repeats == 30


def replace_ids(events: tuple[Event, ...]) -> tuple[Event, ...]:
    late = EVENTS[-1].at
    return tuple(
        Event(e.user_id, e.type, late + n, f"again-{n}", e.item_id, rating=e.rating)
        for n, e in enumerate(events)
    )


def test_first_events_are_ranked_too() -> None:
    ranked = played(EVENTS, prequential(EVENTS, first=0, every=2))

    starts = [
        event.user_id not in {e.user_id for e in EVENTS[:n]} for n, event in enumerate(EVENTS)
    ]
    assert (ranked.history == 0).tolist() == starts[::2]
    assert np.isnan(ranked.item_age[ranked.item_uses == 0]).all()
    assert np.isfinite(ranked.item_age[ranked.item_uses > 0]).all()
    assert (ranked.methods["interestream"].places[ranked.history == 0] != NOWHERE).any()


def test_what_comes_for_a_user_is_its_next_items_but_those_rated_low() -> None:
    ranked = whole()
    place = int(ranked.events[0])
    later = [e for e in EVENTS[place:] if e.user_id == EVENTS[place].user_id]
    liked = [row(e) for e in later if (e.rating or 0) / 5 >= LIKED]

    assert [n for n in ranked.ahead[0].tolist() if n != NOTHING] == liked[:10]


def test_variants_of_one_tuning_are_scored_once_and_others_differ() -> None:
    blind = replace(TUNING, interest_part=0.0, session_part=0.0, neighbours_part=0.0)
    ranked = played(
        EVENTS,
        variants=(Variant("a", TUNING), Variant("b", TUNING), Variant("blind", blind)),
    )

    assert np.array_equal(ranked.methods["a"].lists, ranked.methods["b"].lists)
    assert not np.array_equal(ranked.methods["a"].lists, ranked.methods["blind"].lists)


def test_ratings_are_guessed_before_they_are_known() -> None:
    """Even users rate odd items low: who they are and what it is says more than a mean."""
    ratings = played(EVENTS, prequential(EVENTS, first=50, every=1)).ratings

    errors = {name: np.abs(g - ratings.given).mean() for name, g in ratings.guessed.items()}

    assert errors["interestream"] < errors["user mean"]
    assert ratings.given.tolist() == pytest.approx([(e.rating or 0) / 5 for e in EVENTS[50:]])
