"""Reasons are true: taken out of the history, what is named makes the score fall, and most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from stream.core.because import LOSS_MIN, Losses, losses, reasons
from stream.core.catalogue import Catalogue
from stream.core.fold import Observation
from stream.core.neighbours import nearness
from stream.core.profile import Profile
from stream.core.rank import score
from stream.core.tuning import RECENT_MAX
from stream.core.without import nearness_without
from tests.core.samples import (
    DAY_S,
    DIMENSION,
    HIDE,
    LIKE,
    NOW,
    TUNING,
    VIEW,
    axis,
    entry,
    folded,
    histories,
    law,
    near,
    random_unit,
)
from tests.core.worlds import ITEMS, event_on, parity_world, with_pairs

OFFERS = np.arange(40, ITEMS)  # nobody's history has them
ROUNDING = 1e-4  # of what is left where next to nothing is, in float32 sums


def without(item_id: str, events: Sequence[Observation], start: Profile) -> Profile:
    """The same history but for this item, as of the same time."""
    profile = folded(*(event for event in events if event.item_id != item_id)).profile
    return replace(profile, as_of=start.as_of)


def really_lost(
    events: Sequence[Observation], profile: Profile, found: Losses, catalogue: Catalogue
) -> NDArray[np.float32]:
    """(i, k) what the offers lose when the history is folded again without each item."""
    histories = [without(item_id, events, profile) for item_id in found.items]
    parts = score([profile, *histories], catalogue, TUNING).parts
    total = sum(part[:, OFFERS] for part in parts.values())
    assert isinstance(total, np.ndarray)
    return np.asarray(total[0] - total[1:], np.float32)


def planted(draw: np.random.Generator) -> Catalogue:
    """Two tastes, and items that were often used together with five others."""
    pairs = {
        (f"item-{left}", f"item-{right}"): float(draw.uniform(0.5, 5))
        for left in range(ITEMS)
        for right in draw.choice(ITEMS, 5, replace=False)
    }
    return with_pairs(parity_world(), pairs)


def history(catalogue: Catalogue, draw: np.random.Generator, size: int) -> list[Observation]:
    """Likes, views and hides of some days; an item now and then twice."""
    items = draw.choice(OFFERS[0], size)
    kinds = draw.choice(np.array([LIKE, LIKE, LIKE, VIEW, HIDE], object), size)
    days = np.sort(draw.uniform(0, 20, size))
    return [
        replace(event_on(catalogue, n, f"item-{item}"), kind=kind, at=NOW + day * DAY_S)
        for n, (item, kind, day) in enumerate(zip(items, kinds, days, strict=True))
    ]


@law
@given(st.integers(0, 10_000), st.integers(1, RECENT_MAX))
def test_a_loss_is_what_a_history_without_the_item_really_scores_less(seed: int, size: int) -> None:
    draw = np.random.default_rng(seed)
    catalogue = planted(draw)
    events = history(catalogue, draw, size)
    profile = folded(*events).profile

    found = losses(profile, OFFERS, catalogue, TUNING)

    assert set(found.items) == {event.item_id for event in events}
    really = really_lost(events, profile, found, catalogue)
    assert np.allclose(found.scores, really, rtol=0, atol=ROUNDING)


@law
@given(st.integers(0, 10_000))
def test_who_is_named_is_worth_most_and_what_speaks_against_is_never_named(seed: int) -> None:
    draw = np.random.default_rng(seed)
    catalogue = planted(draw)
    events = history(catalogue, draw, 12)
    profile = folded(*events).profile
    found = losses(profile, OFFERS, catalogue, TUNING)
    really = really_lost(events, profile, found, catalogue)

    for offer, named in enumerate(reasons(profile, OFFERS, catalogue, TUNING)):
        lost = {
            item_id: worth
            for item_id, worth in zip(found.items, really[:, offer].tolist(), strict=True)
            if sum(each.strength for each in profile.recent if each.item_id == item_id) > 0
        }
        best = sorted(lost.values(), reverse=True)
        assert set(named) <= set(lost)
        assert [lost[item_id] for item_id in named] == pytest.approx(best[: len(named)], abs=1e-4)
        assert all(lost[item_id] > 0 for item_id in named)
        assert len(named) == 2 or not best[len(named) :] or best[len(named)] < 2 * LOSS_MIN


def test_reasons_hold_where_taking_an_item_out_changes_how_the_rest_clusters() -> None:
    """Any vectors, places for interests used up: there the closed form is not exact any more."""
    agreed = fell = offers = 0
    for seed in range(20):
        draw = np.random.default_rng(seed)
        entries = [entry(f"item-{n}", random_unit(1000 * seed + n)) for n in range(ITEMS)]
        catalogue = Catalogue(DIMENSION, tuple(entries))
        events = history(catalogue, draw, 12)
        profile = folded(*events).profile
        found = losses(profile, OFFERS, catalogue, TUNING)
        really = really_lost(events, profile, found, catalogue)
        sums = [sum(r.strength for r in profile.recent if r.item_id == i) for i in found.items]
        liked = np.array(sums) > 0
        for offer, named in enumerate(reasons(profile, OFFERS, catalogue, TUNING)):
            if named:
                column = np.where(liked, really[:, offer], -np.inf)
                agreed += named[0] == found.items[int(column.argmax())]
                fell += column[found.items.index(named[0])] > 0
                offers += 1

    assert offers > 200
    assert agreed / offers >= 0.8
    assert fell / offers >= 0.95


@law
@given(histories(size=30), st.integers(1, 30))
def test_nearness_without_nothing_is_the_part_itself(
    events: list[Observation], window: int
) -> None:
    """The closed form follows the part, and each item's absence is the part of a shorter ring."""
    tuning = replace(TUNING, neighbour_window=window)
    catalogue = planted(np.random.default_rng(len(events)))
    profile = folded(*events).profile
    items = tuple(dict.fromkeys(each.item_id for each in reversed(profile.recent)))

    found = nearness_without(profile, items, OFFERS, catalogue, tuning)

    rings = [
        replace(profile, recent=tuple(r for r in profile.recent if r.item_id != item_id))
        for item_id in (None, *items)
    ]
    assert np.allclose(found, nearness(rings, catalogue, tuning)[:, OFFERS], rtol=0, atol=1e-6)


def test_parts_that_are_off_give_no_reasons() -> None:
    catalogue = with_pairs(parity_world(), {("item-0", "item-50"): 5.0})
    profile = folded(event_on(catalogue, 0, "item-0")).profile
    off = replace(TUNING, interest_part=0.0, session_part=0.0, neighbours_part=0.0)

    assert set(reasons(profile, OFFERS, catalogue, off)) == {()}
    by_pairs = reasons(profile, OFFERS, catalogue, replace(off, neighbours_part=1.0))
    assert {int(OFFERS[place]): named for place, named in enumerate(by_pairs) if named} == {
        50: ("item-0",)
    }


def test_what_was_disliked_is_no_reason_though_its_users_went_on_to_the_offer() -> None:
    catalogue = with_pairs(parity_world(), {("item-0", "item-50"): 5.0})
    hidden = folded(replace(event_on(catalogue, 0, "item-0"), kind=HIDE)).profile
    offer = np.array([50])

    assert losses(hidden, offer, catalogue, TUNING).scores[0, 0] > 0.1
    assert reasons(hidden, offer, catalogue, TUNING) == [()]


def test_an_item_of_another_interest_is_no_reason() -> None:
    catalogue = parity_world()
    events = [event_on(catalogue, n, f"item-{n}") for n in (0, 1, 2, 3)]
    tuning = replace(TUNING, session_part=0.0)

    for offer, named in zip(
        OFFERS, reasons(folded(*events).profile, OFFERS, catalogue, tuning), strict=True
    ):
        assert {int(item_id.split("-")[1]) % 2 for item_id in named} == {offer % 2}


def test_items_of_an_interest_that_has_gone_speak_by_the_session_alone() -> None:
    catalogue = parity_world()
    profile = folded(*(event_on(catalogue, n, f"item-{2 * n}") for n in range(3))).profile
    other = replace(profile, recent=tuple(replace(r, interest="gone") for r in profile.recent))

    found = [
        losses(one, OFFERS, catalogue, replace(TUNING, session_part=part)).scores.max()
        for one in (profile, other)
        for part in (0.0, 0.4)
    ]

    assert found[0] > 0.01
    assert found[1] > found[3] > 0.01
    assert found[2] == 0


def test_a_medoid_that_left_the_ring_comes_after_what_is_there() -> None:
    """The interest is made of more items than the ring holds; the one in its middle came first."""
    heavy = replace(TUNING, interest_part=10.0)
    names = ["middle", *(f"item-{n}" for n in range(RECENT_MAX)), "offer"]
    entries = [entry(name, near(axis(0), n, 0.4)) for n, name in enumerate(names)]
    catalogue = Catalogue(DIMENSION, tuple(entries))
    events = [event_on(catalogue, n, item_id) for n, item_id in enumerate(names[:-1])]
    profile = folded(*events).profile
    offer = np.array([len(entries) - 1])
    profile = replace(profile, interests=(replace(profile.interests[0], medoid="middle"),))

    found = losses(profile, offer, catalogue, heavy)
    [named] = reasons(profile, offer, catalogue, heavy)
    [alone] = reasons(replace(profile, recent=()), offer, catalogue, heavy)

    assert found.scores[found.items.index("middle"), 0] > LOSS_MIN
    assert len(named) == 2
    assert "middle" not in named
    assert alone == ("middle",)


def test_no_offers_and_no_history_have_no_reasons() -> None:
    catalogue = parity_world()

    assert reasons(Profile("u", as_of=NOW), np.empty(0, np.intp), catalogue, TUNING) == []
    assert reasons(Profile("u", as_of=NOW), OFFERS[:2], catalogue, TUNING) == [(), ()]
