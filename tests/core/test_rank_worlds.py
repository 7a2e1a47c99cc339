"""Ranking in planted worlds: even users like even items."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import numpy as np

from stream.core.catalogue import Catalogue
from stream.core.decay import Mass
from stream.core.profile import Membership, Profile, Recent
from stream.core.rank import rank, ranker, score
from stream.core.signals import Row
from stream.core.tuning import CAUSES_MAX, Tuning
from tests.core.samples import (
    DAY_S,
    DIMENSION,
    HIDE,
    NOW,
    axis,
    entry,
    folded,
    unit,
)
from tests.core.worlds import (
    ITEMS,
    PLAIN,
    event_on,
    liking,
    offered,
    parity_world,
    with_pairs,
)


def test_even_users_get_even_items_and_odd_users_odd_ones() -> None:
    catalogue = parity_world()
    users = [
        liking(catalogue, *(f"item-{n % 2 + 2 * i}" for i in range(5)), user_id=f"u{n}")
        for n in range(6)
    ]

    lists = rank(users, [()] * len(users), catalogue, PLAIN)

    for n, made in enumerate(lists):
        own = {f"item-{i}" for i in range(n % 2, ITEMS, 2)} - {r.item_id for r in users[n].recent}
        assert len(made.offers) == PLAIN.list_size
        assert {offer.item_id for offer in made.offers} <= own
        assert all(offer.because for offer in made.offers)


def test_a_user_of_two_tastes_gets_both() -> None:
    catalogue = parity_world()
    profile = liking(catalogue, *(f"item-{n}" for n in range(10)))

    parities = {int(item_id.split("-")[1]) % 2 for item_id in offered(profile, catalogue)}

    assert parities == {0, 1}


def test_who_hides_even_items_gets_odd_ones() -> None:
    catalogue = parity_world()
    events = [replace(event_on(catalogue, n, f"item-{2 * n}"), kind=HIDE) for n in range(5)]

    found = offered(folded(*events).profile, catalogue)

    assert all(int(item_id.split("-")[1]) % 2 == 1 for item_id in found)


def test_an_unknown_user_gets_the_hottest() -> None:
    entries = [entry(f"item-{n}", axis(0)) for n in range(30)]
    heat = {e.item_id: Row(0.0, float(n % 17), NOW) for n, e in enumerate(entries)}
    catalogue = Catalogue(DIMENSION, tuple(entries), heat)

    [made] = rank([Profile("new", as_of=NOW)], [("e1",)], catalogue, PLAIN)

    assert [o.item_id for o in made.offers][:3] == ["item-16", "item-15", "item-14"]
    assert {o.source for o in made.offers} == {"hotness"}
    assert made.offers[0].share == {"hotness": 1.0}
    assert all(o.because == () and o.propensity == 1.0 for o in made.offers)
    assert (made.interests, made.entropy, made.confidence) == ((), 0.0, 0.0)


def test_ties_go_by_the_catalogues_order_every_time() -> None:
    entries = tuple(entry(f"item-{n}", axis(0)) for n in range(100))
    catalogue = Catalogue(DIMENSION, entries)
    users = [Profile(f"u{n}", as_of=NOW) for n in range(3)]

    for made in rank(users, [()] * 3, catalogue, PLAIN):
        assert [o.item_id for o in made.offers] == [f"item-{n}" for n in range(10)]


def test_nothing_to_offer_is_an_empty_list() -> None:
    catalogue = parity_world()
    gone = catalogue.with_entries([replace(e, deleted=True) for e in catalogue.entries])
    profile = liking(catalogue, "item-0")

    for bare in (gone, Catalogue(DIMENSION)):
        [made] = rank([profile], [()], bare, PLAIN)
        assert made.offers == ()
        assert len(made.interests) == 1
    assert rank([], [], catalogue, PLAIN) == []


def test_deleted_items_are_still_reasons() -> None:
    catalogue = parity_world()
    profile = liking(catalogue, "item-0")
    known = catalogue.get("item-0")
    assert known is not None
    gone = catalogue.with_entries([replace(known, deleted=True)])

    [made] = rank([profile], [()], gone, PLAIN)

    assert {offer.because for offer in made.offers[:3]} == {("item-0",)}


def test_the_strongest_reason_comes_first_and_what_speaks_against_never() -> None:
    close = unit(axis(0) + np.float32(0.1) * axis(1))
    far = unit(axis(0) + axis(1))
    against = -axis(0)
    catalogue = Catalogue(DIMENSION).with_entries(
        [
            entry("far", far),
            entry("close", close),
            entry("against", against),
            entry("offer", axis(0)),
        ]
    )

    def because(*liked: str) -> tuple[str, ...]:
        [made] = rank([liking(catalogue, *liked)], [()], catalogue, PLAIN)
        return next(o.because for o in made.offers if o.item_id == "offer")

    assert because("far", "against", "close") == ("close", "far")
    assert because("against", "close") == ("close",)


def test_a_user_reads_the_languages_of_recent_items() -> None:
    catalogue = Catalogue(DIMENSION).with_entries(
        [
            entry("seen", axis(0), lang="de"),
            entry("german", axis(0), lang="de"),
            entry("english", axis(0), lang="en"),
            entry("unsaid", axis(0)),
        ]
    )

    assert offered(liking(catalogue, "seen"), catalogue) == ["german", "unsaid"]
    assert len(offered(Profile("new", as_of=NOW), catalogue)) == 4


def test_an_item_comes_and_goes_at_its_times() -> None:
    catalogue = Catalogue(DIMENSION).with_entries(
        [entry("timed", axis(0), published_at=NOW, expires_at=NOW + 10)]
    )

    def is_offered(now: float) -> bool:
        return bool(offered(Profile("u", as_of=now), catalogue))

    assert [is_offered(NOW + s) for s in (-0.1, 0, 9.9, 10)] == [False, True, True, False]


def test_a_fresh_session_outweighs_an_old_interest() -> None:
    """Both tastes are equally strong; what the user is at right now comes first."""
    catalogue = parity_world()
    old = [replace(event_on(catalogue, n, f"item-{2 * n}"), at=NOW - 2 * DAY_S) for n in range(3)]
    new = [event_on(catalogue, 10 + n, f"item-{2 * n + 1}") for n in range(3)]

    found = offered(folded(*old, *new).profile, catalogue)

    assert int(found[0].split("-")[1]) % 2 == 1


def test_confidence_of_decades_ago_leaves_hotness() -> None:
    catalogue = parity_world()
    late = replace(liking(catalogue, "item-0"), as_of=NOW + 100 * 365 * DAY_S)

    scored = score([late], catalogue, PLAIN)

    assert not scored.parts["interest"].any()
    assert not scored.parts["session"].any()
    assert not np.isnan(scored.total).any()


def test_a_list_says_how_it_came_about() -> None:
    catalogue = parity_world()
    profile = replace(liking(catalogue, "item-0"), version=77, membership=Membership("s1", 1, NOW))
    causes = tuple(f"e{n}" for n in range(CAUSES_MAX + 5))

    [made] = rank([profile], [causes], catalogue, PLAIN)

    assert (made.version, made.as_of, made.segment) == (77, NOW, "s1")
    assert made.caused_by == causes[-CAUSES_MAX:]
    assert [share.share for share in made.interests] == [1.0]
    assert 0 < made.confidence < 1


def test_masses_that_point_nowhere_are_no_match() -> None:
    nowhere = Mass(1.0, np.zeros(DIMENSION, np.float32), NOW)
    profile = Profile("u", as_of=NOW, session=nowhere, aversion=nowhere)
    scored = score([profile], parity_world(), PLAIN)

    assert not scored.parts["session"].any()
    assert not scored.parts["aversion"].any()


def test_recent_items_that_nobody_knows_are_no_reasons() -> None:
    catalogue = parity_world()
    liked = liking(catalogue, "item-0")
    profile = replace(liked, recent=(Recent("unknown", NOW, 0.8, liked.interests[0].id),))
    without_medoid = replace(liked.interests[0], medoid="unknown too")

    [made] = rank([replace(profile, interests=(without_medoid,))], [()], catalogue, PLAIN)

    assert all(offer.because == () for offer in made.offers)


def test_a_medoid_that_left_the_ring_is_still_a_reason() -> None:
    catalogue = parity_world()
    profile = replace(liking(catalogue, "item-0"), recent=())

    [made] = rank([profile], [()], catalogue, PLAIN)

    assert made.offers[0].because == ("item-0",)


def test_the_first_click_counts_at_once() -> None:
    """All items are equally hot: one event decides what comes first."""
    catalogue = parity_world()

    first = offered(liking(catalogue, "item-7"), catalogue)

    assert {int(item_id.split("-")[1]) % 2 for item_id in first} == {1}


def test_what_users_of_the_same_item_went_on_to_comes_first() -> None:
    catalogue = with_pairs(parity_world(), {("item-0", "item-31"): 3.0})
    [made] = rank([liking(catalogue, "item-0")], [()], catalogue, PLAIN)

    assert made.offers[0].item_id == "item-31"
    assert made.offers[0].source == "neighbours"
    assert made.offers[0].because == ("item-0",)


def test_the_ranker_names_its_parts_and_changes_with_every_constant() -> None:
    assert ranker(Tuning()).startswith("interest+session+neighbours+hotness+freshness-aversion.")
    assert ranker(replace(PLAIN, session_part=0.0)).startswith("interest+neighbours")
    constants: dict[str, Any] = asdict(PLAIN)
    changed = [replace(PLAIN, **{name: value + 1}) for name, value in constants.items()]
    assert len({ranker(tuning) for tuning in (PLAIN, *changed)}) == 1 + len(changed)
