"""Users of whom little is known: hot items of their segment and domain, and what one click says."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.core.catalogue import Catalogue
from stream.core.crowd import at_home, crowd
from stream.core.fold import Folded, fold
from stream.core.hashes import hash32
from stream.core.profile import Membership, Profile
from stream.core.rank import rank
from stream.core.signals import Gathered, Row, gather, grown
from tests.core.samples import DIMENSION, LIKE, NOW, TUNING, axis, entry, law, near, observation
from tests.core.worlds import PLAIN, event_on, liking, offered

SEGMENT = Membership("s1", 1, NOW)
DOMAINS = ("films", "books")


def learned(catalogue: Catalogue, told: Iterable[Folded]) -> Catalogue:
    """The catalogue after what these events say of its items was written."""
    gathered: dict[str, Gathered] = {}
    for one in told:
        gather(gathered, one.increments, one.pairings, TUNING)
    rng = np.random.default_rng(0)
    return catalogue.with_rows({i: grown(None, more, TUNING, rng) for i, more in gathered.items()})


# --- the domain


def two_shops() -> Catalogue:
    """Items of two domains in turns, from hot to less hot, and 60 cold ones to click on.

    All are alike in content, so that hotness alone orders them.
    """
    ladder = [entry(f"hot-{n}", axis(0), domain=DOMAINS[n % 2]) for n in range(20)]
    cold = [entry(f"cold-{n}", axis(0), domain=DOMAINS[n % 2]) for n in range(60)]
    bare = [entry("anywhere", axis(0))]
    heat = {f"hot-{n}": Row(0.0, 40.0 - 1.5 * n, NOW) for n in range(20)}
    return Catalogue(DIMENSION, (*ladder, *cold, *bare), heat | {"anywhere": Row(0, 28.75, NOW)})


def domains_of(catalogue: Catalogue, item_ids: list[str]) -> list[str | None]:
    return [entry.domain for i in item_ids if (entry := catalogue.get(i)) is not None]


@pytest.mark.parametrize("domain", DOMAINS)
def test_a_newcomer_s_list_is_led_by_the_domain_of_the_first_click(domain: str) -> None:
    catalogue = two_shops()
    clicked = liking(catalogue, f"cold-{DOMAINS.index(domain)}")

    found = domains_of(catalogue, offered(clicked, catalogue))
    before = domains_of(catalogue, offered(Profile("new", as_of=NOW), catalogue))

    assert {*found[:6]} <= {domain, None}
    assert before[:4] == [*DOMAINS, *DOMAINS]


def test_the_domain_is_that_of_the_last_item_used() -> None:
    catalogue = two_shops()

    turned = offered(liking(catalogue, "cold-0", "cold-1"), catalogue)

    assert domains_of(catalogue, turned)[0] == DOMAINS[1]


def test_after_fifty_events_the_pull_is_gone() -> None:
    catalogue = two_shops()
    settled = liking(catalogue, *(f"cold-{2 * n}" for n in range(25)), *["cold-1"] * 25)

    found = offered(settled, catalogue)

    assert found == offered(settled, catalogue, replace(PLAIN, domain_pull=0.0))
    assert set(domains_of(catalogue, found)) == {*DOMAINS, None}


domains = st.sampled_from([None, *DOMAINS])
shares = st.just(0.0) | st.floats(0.01, 1)


@law
@given(st.lists(domains, min_size=1, max_size=8), domains, st.integers(0, 60), shares)
def test_only_what_is_elsewhere_loses_and_never_more_than_the_pull(
    items: list[str | None], own: str | None, events: int, pull: float
) -> None:
    entries = [entry(f"i{n}", axis(0), domain=each) for n, each in enumerate(items)]
    catalogue = Catalogue(DIMENSION, (*entries, entry("mine", axis(0), domain=own)))
    user = liking(catalogue, *["mine"] * events)
    hotness = np.linspace(0.1, 0.9, len(catalogue))

    left = at_home(hotness, user, catalogue, replace(TUNING, domain_pull=pull))

    elsewhere = [
        bool(events) and own is not None and item.domain not in (None, own)
        for item in catalogue.entries
    ]
    assert (left[np.logical_not(elsewhere)] == hotness[np.logical_not(elsewhere)]).all()
    assert (left <= hotness).all()
    assert (left >= (1 - pull) * hotness - 1e-12).all()
    if pull > 0:
        assert (left[elsewhere] < hotness[elsewhere]).all()


def test_an_item_that_is_not_known_says_nothing_of_the_domain() -> None:
    catalogue = two_shops()
    user = liking(catalogue, "cold-0", "nobody-knows")
    hotness = np.ones(len(catalogue))

    assert at_home(hotness, user, catalogue, TUNING) is hotness


# --- the segment


def two_crowds() -> Catalogue:
    """Users of one segment use even items, those of the other odd ones; `item-0` is used by all."""
    catalogue = Catalogue(DIMENSION, tuple(entry(f"item-{n}", None) for n in range(20)))
    told = [
        fold(
            Profile(f"u{user}", membership=Membership(f"s{user % 2}", 1, NOW)),
            [
                event_on(catalogue, n, item)
                for n, item in enumerate(
                    ["item-0", *(f"item-{user % 2 + 2 * i}" for i in range(10))]
                )
            ],
            TUNING,
        )
        for user in range(12)
    ]
    return learned(catalogue, told)


@pytest.mark.parametrize("own", [0, 1])
def test_a_new_user_gets_what_is_hot_in_the_segment(own: int) -> None:
    catalogue = two_crowds()
    tuning = replace(PLAIN, crowd_part=0.5)
    new = Profile("new", as_of=NOW, membership=Membership(f"s{own}", 1, NOW))

    [made] = rank([new], [()], catalogue, tuning)

    found = [offer.item_id for offer in made.offers]
    assert {int(item_id.split("-")[1]) % 2 for item_id in found[:9] if item_id != "item-0"} == {own}
    assert {offer.source for offer in made.offers[1:9]} == {"crowd"}


def test_without_a_segment_the_crowd_says_nothing() -> None:
    catalogue = two_crowds()
    users = [
        Profile("new", as_of=NOW),
        Profile("x", as_of=NOW, membership=Membership("s9", 1, NOW)),
    ]

    assert not crowd(users, catalogue, TUNING).any()


def test_a_segment_s_hotness_fades_by_the_half_life_and_saturates() -> None:
    one = np.array([hash32("s1")], np.uint32)
    row = Row(9.0, 9.0, NOW, segments=one, crowds=np.array([6.0], np.float32))
    catalogue = Catalogue(DIMENSION, (entry("a", None), entry("b", None)), {"b": row})
    users = [
        Profile("u", as_of=NOW + after, membership=SEGMENT)
        for after in (-TUNING.hotness_half_life_s, 0.0, TUNING.hotness_half_life_s)
    ]

    values = crowd(users, catalogue, replace(TUNING, crowd_scale=3.0))

    full, half = 1 - np.exp(-2.0), 1 - np.exp(-1.0)
    assert values.tolist() == pytest.approx(np.array([[0, full], [0, full], [0, half]]))


def test_the_next_snapshot_knows_what_was_learned_since() -> None:
    catalogue = two_crowds()
    user = Profile("u", as_of=NOW, membership=Membership("s1", 1, NOW))
    before = crowd([user], catalogue, TUNING)
    one = np.array([hash32("s1")], np.uint32)
    row = Row(99.0, 99.0, NOW, segments=one, crowds=np.array([99.0], np.float32))

    after = crowd([user], catalogue.with_rows({"item-2": row}), TUNING)

    changed = np.flatnonzero(before[0] != after[0]).tolist()
    assert changed == [2]


# --- the first click


def test_the_first_click_changes_the_list_at_once() -> None:
    """From what is hot for everybody to what its users went on to and what is like it."""
    items = [entry(f"hot-{n}", near(axis(0), n), categories=("hot",)) for n in range(12)]
    items += [entry(f"rare-{n}", near(axis(1), n), categories=("rare",)) for n in range(6)]
    catalogue = Catalogue(DIMENSION, tuple(items))
    told = [liking_all(catalogue, f"fan{n}", [f"hot-{i}" for i in range(12)]) for n in range(20)]
    told += [liking_all(catalogue, f"few{n}", ["rare-0", "rare-1", "rare-2"]) for n in range(3)]
    catalogue = learned(catalogue, told)
    new = Profile("new")
    [first] = rank([replace(new, as_of=NOW + 100)], [()], catalogue, PLAIN)
    assert {offer.source for offer in first.offers} == {"hotness"}
    assert all(offer.item_id.startswith("hot") for offer in first.offers)

    click = observation(
        0, kind=LIKE, at=NOW + 100, item_id="rare-0", vector=items[12].vector, label="rare"
    )
    folded = fold(new, [click], TUNING)
    [second] = rank([folded.profile], [folded.causes], catalogue, PLAIN)

    assert folded.publishes
    assert {offer.item_id for offer in second.offers[:2]} == {"rare-1", "rare-2"}
    assert {(offer.source, offer.because) for offer in second.offers[:2]} == {
        ("neighbours", ("rare-0",))
    }
    assert {offer.item_id for offer in second.offers[2:5]} == {"rare-3", "rare-4", "rare-5"}
    assert [(one.label, one.share) for one in second.interests] == [("rare", 1.0)]
    assert second.confidence > first.confidence == 0.0


def liking_all(catalogue: Catalogue, user_id: str, item_ids: list[str]) -> Folded:
    events = [event_on(catalogue, n, item_id) for n, item_id in enumerate(item_ids)]
    return fold(Profile(user_id), events, TUNING)
