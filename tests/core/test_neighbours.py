"""Nearness by what users turned to together: bounded, each user alone, whatever the date."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.core.catalogue import Catalogue
from stream.core.fold import Observation, fold
from stream.core.hashes import hash32
from stream.core.neighbours import nearness
from stream.core.profile import Profile, Recent
from stream.core.signals import Gathered, Row, gather, grown
from stream.core.tuning import Tuning
from tests.core.samples import DAY_S, DIMENSION, LIKE, NOW, axis, entry, law, observation

TUNING = Tuning()
ITEMS = 24
items = st.integers(0, ITEMS + 2).map(lambda n: f"item-{n}")  # some are not in the catalogue
plays = st.lists(st.tuples(st.integers(0, 3), items), min_size=1, max_size=40)


def learned(plays: list[tuple[int, str]], *, since: float = NOW) -> tuple[Catalogue, list[Profile]]:
    """The catalogue and the profiles of four users after they played some items, a minute apart."""
    profiles = [Profile(f"user-{n}") for n in range(4)]
    gathered: dict[str, Gathered] = {}
    for number, (user, item_id) in enumerate(plays):
        folded = fold(profiles[user], [played(number, item_id, since)], TUNING)
        profiles[user] = folded.profile
        gather(gathered, folded.increments, folded.pairings, TUNING)
    chance = np.random.default_rng(0)
    rows = {item: grown(None, sums, TUNING, chance) for item, sums in gathered.items()}
    entries = tuple(entry(f"item-{n}", axis(n % DIMENSION)) for n in range(ITEMS))
    return Catalogue(DIMENSION, entries).with_rows(rows), profiles


def played(number: int, item_id: str, since: float) -> Observation:
    return observation(number, kind=LIKE, item_id=item_id, at=since + 60.0 * number)


# --- laws


@law
@given(plays)
def test_nearness_is_bounded_and_each_user_s_own(history: list[tuple[int, str]]) -> None:
    catalogue, profiles = learned(history)

    together = nearness(profiles, catalogue, TUNING)

    assert together.shape == (4, ITEMS)
    assert together.dtype == np.float32
    assert (together >= 0).all()
    assert (together < 1).all()
    for row, profile in enumerate(profiles):
        np.testing.assert_array_equal(nearness([profile], catalogue, TUNING)[0], together[row])


@law
@given(plays, st.floats(-300, 300))
def test_nearness_does_not_depend_on_the_date(history: list[tuple[int, str]], days: float) -> None:
    here, profiles = learned(history)
    there, others = learned(history, since=NOW + days * DAY_S)

    np.testing.assert_allclose(
        nearness(profiles, here, TUNING), nearness(others, there, TUNING), rtol=1e-3, atol=1e-6
    )


@law
@given(plays, plays)
def test_rows_that_come_later_are_found_as_if_they_had_been_there(
    first: list[tuple[int, str]], second: list[tuple[int, str]]
) -> None:
    """A snapshot shares what did not change with the one before; nothing old may shine through."""
    before, _ = learned(first)
    after, profiles = learned(second)
    nearness(profiles, before, TUNING)

    mixed = before.with_rows(after.learned)
    fresh = Catalogue(DIMENSION, mixed.entries).with_rows(mixed.learned)

    np.testing.assert_array_equal(
        nearness(profiles, mixed, TUNING), nearness(profiles, fresh, TUNING)
    )


# --- examples


def test_who_uses_one_group_s_items_gets_that_group_s() -> None:
    group = [[f"item-{n}" for n in range(start, ITEMS, 2)] for start in (0, 1)]
    history = [(user, item) for user in range(3) for item in group[user % 2]]
    catalogue, profiles = learned([*history, (3, "item-1"), (3, "item-3")])

    (near,) = nearness(profiles[3:], catalogue, TUNING)

    assert near[[5, 7, 9]].min() > 0
    assert near[::2].max() == 0


def test_two_items_that_were_once_used_together_are_not_as_near_as_numbers_say() -> None:
    """Without a prior a pair of strangers would stand before what hundreds used together."""
    often = [(n % 3, f"item-{i}") for n in range(3) for i in (0, 1)]
    once = [(3, "item-2"), (3, "item-3")]
    catalogue, _ = learned(often + once)
    asks = [Profile("p", recent=(Recent(i, NOW, 1.0, ""),)) for i in ("item-0", "item-2")]

    common, rare = nearness(asks, catalogue, TUNING)

    assert common[1] > rare[3] > 0


def test_of_the_user_s_items_the_last_asks_most() -> None:
    history = [(0, "item-0"), (0, "item-1"), (1, "item-2"), (1, "item-3")]
    catalogue, _ = learned(history)
    recent = tuple(Recent(i, NOW, 1.0, "") for i in ("item-0", "item-2"))

    (near,) = nearness([Profile("p", recent=recent)], catalogue, TUNING)

    assert near[3] > near[1] > 0


def test_an_item_that_comes_again_asks_once_from_its_newest_place() -> None:
    catalogue, _ = learned([(0, "item-0"), (0, "item-1")])
    once = (Recent("item-0", NOW, 1.0, ""),)

    often, single = nearness(
        [Profile("p", recent=once * 3), Profile("p", recent=once)], catalogue, TUNING
    )

    assert often.tolist() == single.tolist()
    assert often[1] > 0


@pytest.mark.parametrize("recent", [(), (Recent("never heard of", NOW, 1.0, ""),)])
def test_nothing_is_near_to_nothing(recent: tuple[Recent, ...]) -> None:
    catalogue, _ = learned([(0, "item-0"), (0, "item-1")])
    profile = Profile("p", recent=recent)

    assert not nearness([profile], catalogue, TUNING).any()
    assert not nearness([profile], Catalogue(DIMENSION), TUNING).any()
    assert nearness([], catalogue, TUNING).shape == (0, ITEMS)


def test_an_item_that_joins_the_catalogue_is_found_in_rows_that_named_it_before() -> None:
    row = Row(1.0, 1.0, NOW, np.array([hash32("late")], np.uint32), np.array([1.0], np.float32))
    own = replace(row, others=np.array([hash32("early")], np.uint32))
    early = Catalogue(DIMENSION, (entry("early", axis(0)),)).with_rows({"early": row, "late": own})
    profile = Profile("p", recent=(Recent("early", NOW, 1.0, ""),))
    assert not nearness([profile], early, TUNING).any()

    late = early.with_entries([entry("late", axis(1))])

    assert nearness([profile], late, TUNING)[0, 1] > 0
