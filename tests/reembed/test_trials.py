"""Held-out events: nothing of the answer leaks into the question, and the measures are right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.core.catalogue import Catalogue
from stream.core.decay import Vector
from stream.core.fold import Observation, fold
from stream.core.hashes import hash32
from stream.core.profile import Profile, Recent
from stream.core.tuning import Tuning
from stream.reembed import trials
from stream.reembed.trials import (
    difference,
    gains,
    overlap,
    quality,
    ranks,
    trial_of,
)
from tests.core.samples import (
    DIMENSION,
    HIDE,
    LIKE,
    NOW,
    TUNING,
    axis,
    entry,
    histories,
    law,
    near,
    observation,
    plain,
    random_unit,
)

ITEMS = {f"item-{n}": random_unit(n) for n in range(13)}


def after(*seen: Observation) -> Profile:
    return fold(Profile("user"), seen, TUNING).profile


def like(number: int, item: str) -> Observation:
    return observation(number, kind=LIKE, item_id=item, vector=ITEMS.get(item))


@law
@given(histories())
def test_what_came_with_the_held_out_event_and_after_it_makes_no_difference(
    history: list[Observation],
) -> None:
    """The question is the same where the profile ended just before."""
    profile = fold(Profile("user"), history, Tuning(interests_max=16)).profile
    found = trial_of(profile, ITEMS, TUNING)
    if found is None:
        return
    assert found.item_id not in {recent.item_id for recent in found.before.recent}
    assert hash32(found.item_id) not in found.before.seen
    assert all(recent.at <= found.before.as_of for recent in found.before.recent)
    cut = replace(profile, recent=(*found.before.recent, held(profile, found.item_id)))
    again = trial_of(cut, ITEMS, TUNING)
    assert again is not None
    assert plain(replace(again.before, seen=())) == plain(replace(found.before, seen=()))


def held(profile: Profile, item: str) -> Recent:
    return next(r for r in reversed(profile.recent) if r.item_id == item and r.strength > 0)


def test_the_newest_liked_item_is_held_out() -> None:
    hidden = observation(4, kind=HIDE, item_id="item-4", vector=ITEMS["item-4"])
    found = trial_of(after(like(1, "item-1"), like(2, "item-2"), hidden), ITEMS, TUNING)

    assert found is not None
    assert found.item_id == "item-2"
    assert [recent.item_id for recent in found.before.recent] == ["item-1"]
    assert found.before.as_of == NOW + 2


@pytest.mark.parametrize(
    "items",
    [[], ["item-1"], ["item-1", "item-2", "item-1"], ["nobody-knows", "item-1"]],
    ids=["none", "one", "again", "nothing known before"],
)
def test_without_something_new_after_something_liked_there_is_no_trial(items: list[str]) -> None:
    seen = [like(number, item) for number, item in enumerate(items)]
    assert trial_of(after(*seen), ITEMS, TUNING) is None


def world(spread: float) -> tuple[dict[str, Vector], Catalogue]:
    """Two planted topics of ten items; the vectors of a model that tells them apart, or hardly."""
    vectors = {
        f"{topic}-{n}": near(axis(topic), 10 * topic + n, spread)
        for topic in range(2)
        for n in range(10)
    }
    return vectors, Catalogue(DIMENSION, tuple(entry(i, v) for i, v in vectors.items()))


def fan(number: int, items: Sequence[str], vectors: dict[str, Vector]) -> Profile:
    seen = [
        observation(n, kind=LIKE, item_id=item, vector=vectors[item])
        for n, item in enumerate(items)
    ]
    return fold(Profile(f"user-{number}"), seen, TUNING).profile


def test_a_model_that_sees_the_planted_topics_finds_what_was_held_out() -> None:
    clear, catalogue = world(0.3)
    blind = {item: random_unit(n) for n, item in enumerate(clear)}
    dark = Catalogue(DIMENSION, tuple(entry(i, v) for i, v in blind.items()))
    people = [fan(n, [f"{n % 2}-{n % 7}", f"{n % 2}-{n % 7 + 2}"], clear) for n in range(30)]
    trials = [t for one in people if (t := trial_of(one, clear, TUNING)) is not None]

    good, bad = ranks(trials, clear, catalogue, TUNING), ranks(trials, blind, dark, TUNING)
    assert len(trials) == 30
    assert good.max() <= 9  # the other nine of the topic come before all of the other topic
    apart = difference(gains(bad)[1], gains(good)[1])
    assert apart.clear
    assert apart.mean > 0


def test_an_item_that_is_no_longer_on_offer_has_no_rank() -> None:
    vectors, _ = world(0.3)
    entries = tuple(entry(i, v, deleted=i == "0-1") for i, v in vectors.items())
    trial = trial_of(fan(0, ["0-0", "0-1"], vectors), vectors, TUNING)
    assert trial is not None

    assert np.isnan(ranks([trial], vectors, Catalogue(DIMENSION, entries), TUNING)[0])


def test_items_of_equal_score_share_their_ranks() -> None:
    """A model without any vector ranks all 19 unseen items alike."""
    vectors, catalogue = world(0.3)
    trial = trial_of(fan(0, ["0-0", "0-1"], vectors), vectors, TUNING)
    assert trial is not None

    assert ranks([trial], {}, catalogue, TUNING)[0] == (1 + 19) / 2


def test_measures_of_known_ranks() -> None:
    found = quality(gains(np.array([1.0, 3.0, 11.0, 20.0])))

    assert found.hr == 0.5
    assert found.ndcg == pytest.approx((1 + 0.5) / 4)
    assert found.mrr == pytest.approx((1 + 1 / 3 + 1 / 11 + 1 / 20) / 4)
    assert quality(gains(np.array([]))).hr == 0.0


def test_the_same_gains_do_not_differ_and_no_trials_say_nothing() -> None:
    same = gains(np.arange(1.0, 40.0))[2]

    assert not difference(same, same).clear
    assert difference(same, same).mean == 0
    assert not difference(np.array([]), np.array([])).clear


@law
@given(st.integers(2, 30), st.integers(0, 99))
def test_a_turned_space_has_the_same_neighbours(count: int, seed: int) -> None:
    rows = np.stack([random_unit(n + 100 * seed) for n in range(count)])
    turn = np.linalg.qr(np.random.default_rng(seed).normal(size=(12, 12)))[0][:, :DIMENSION]
    turned = (rows @ turn.T).astype(np.float32)

    assert overlap(rows, turned, 10).mean() > 0.95  # rounding may swap two that are as near


def test_neighbours_are_those_of_a_full_sort_across_blocks() -> None:
    rows = np.stack([random_unit(n) for n in range(200)])
    cosines = rows @ rows.T
    np.fill_diagonal(cosines, -np.inf)
    full = np.argsort(-cosines, axis=1)[:, :10]

    found = trials._nearest(rows, 150)
    assert [set(row) for row in found] == [set(row) for row in full[:150]]


def test_unrelated_spaces_share_neighbours_by_chance_alone() -> None:
    one, other = (np.stack([random_unit(n + base) for n in range(400)]) for base in (0, 1000))

    assert overlap(one, other, 200).mean() < 0.1
