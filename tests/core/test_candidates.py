"""Candidates: what is asked of the store, and what is popular around a user."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from stream.core import candidates
from stream.core.allowed import Filters
from stream.core.candidates import Popular, asked, by_parts, history, last_items
from stream.core.catalogue import Catalogue, Entry
from stream.core.hashes import hash32
from stream.core.profile import Membership, Profile
from stream.core.signals import Row
from stream.core.tuning import RECENT_MAX, Tuning
from tests.core.samples import DIMENSION, NOW, TUNING, axis, entry, folded, near, observation
from tests.core.worlds import liking

ITEMS = 40
NOBODY = Profile("nobody", as_of=NOW)
EVERYTHING = Filters()


def shop(*entries: Entry, heat: dict[str, float] | None = None) -> Catalogue:
    """Items, cold ones after those that are given."""
    cold = (entry(f"cold-{n}", near(axis(n % 2), n)) for n in range(ITEMS))
    rows = {name: Row(count, count, NOW) for name, count in (heat or {}).items()}
    return Catalogue(DIMENSION, (*entries, *cold), rows)


def popular(
    catalogue: Catalogue,
    profile: Profile = NOBODY,
    tuning: Tuning = TUNING,
    filters: Filters = EVERYTHING,
) -> set[str]:
    rows = Popular(catalogue, tuning, NOW, filters).around(profile)
    return {catalogue.entries[row].item_id for row in rows.tolist()}


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a small world has more of everything than is taken."""
    for name, most in {"HOTTEST": 3, "NEWEST": 2, "HOTTEST_NEAR": 1, "BY_PARTS": 4}.items():
        monkeypatch.setattr(candidates, name, most)


def test_a_question_is_an_interest_with_the_session() -> None:
    """So the nearest items are those that have most of both parts of the score."""
    events = [observation(n, vector=axis(n % 2), at=NOW + n) for n in range(6)]
    user = folded(*events).profile
    question = asked(user, shop(), EVERYTHING, TUNING)

    assert len(user.interests) == len(question.vectors) == 2
    assert question.as_of == user.as_of
    assert {int(np.argmax(vector)) for vector in question.vectors} == {0, 1}
    assert (question.vectors[:, :2] > 0).all()  # the session is of both


def test_a_user_of_whom_nothing_is_known_asks_nothing() -> None:
    assert asked(NOBODY, shop(), EVERYTHING, TUNING).vectors.shape == (0, DIMENSION)


def test_what_was_seen_and_the_languages_go_with_the_question() -> None:
    catalogue = shop(entry("fi", axis(0), lang="fi"), entry("any", axis(0)))
    question = asked(liking(catalogue, "fi", "any"), catalogue, EVERYTHING, TUNING)

    assert question.seen == {"fi", "any"}
    assert question.langs == {"fi"}


def test_the_item_that_would_move_up_without_another_is_looked_up_too() -> None:
    """`because` asks what a list would be without one of the last items."""
    user = folded(*(observation(n) for n in range(RECENT_MAX))).profile

    last = last_items(user, TUNING)

    assert len(last) == TUNING.neighbour_window + 1
    assert last[0] == f"item-{RECENT_MAX - 1}"


def test_the_hottest_and_the_newest_are_popular() -> None:
    heat = {f"cold-{n}": float(n) for n in range(10)}
    news = [entry(f"new-{n}", None, published_at=NOW - n) for n in range(5)]

    assert popular(shop(*news, heat=heat)) == {"cold-9", "cold-8", "cold-7", "new-0", "new-1"}


def test_what_cannot_be_offered_takes_no_place() -> None:
    gone = [
        entry("expired", None, expires_at=NOW - 1),
        entry("scheduled", None, published_at=NOW + 1),
        entry("sold out", None, available=False),
        entry("deleted", None, deleted=True),
    ]
    heat = {one.item_id: 99.0 for one in gone} | {f"cold-{n}": 1.0 + n for n in range(5)}

    found = popular(shop(*gone, heat=heat))

    assert {"cold-4", "cold-3", "cold-2"} <= found
    assert not found & {one.item_id for one in gone}


def test_what_is_hot_in_the_user_s_language_is_popular() -> None:
    spoken = [entry(f"fi-{n}", axis(0), lang="fi") for n in range(3)]
    others = [entry(f"en-{n}", axis(0), lang="en") for n in range(9)]
    heat = {one.item_id: 99.0 for one in others} | {"fi-1": 2.0, "fi-2": 3.0}
    catalogue = shop(*spoken, *others, heat=heat)

    assert {"fi-1", "fi-2"} <= popular(catalogue, liking(catalogue, "fi-0"))
    assert "fi-2" not in popular(catalogue)


def test_what_is_hot_in_the_user_s_domain_is_popular() -> None:
    books = [entry(f"book-{n}", axis(0), domain="books") for n in range(3)]
    heat = {f"cold-{n}": 99.0 for n in range(9)} | {"book-1": 2.0, "book-2": 3.0}
    catalogue = shop(*books, heat=heat)

    assert "book-2" in popular(catalogue, liking(catalogue, "book-0"))
    assert "book-2" not in popular(catalogue)


def test_what_is_hot_in_the_user_s_segment_is_popular_where_that_counts() -> None:
    catalogue = shop(heat={f"cold-{n}": 99.0 for n in range(9)})
    crowd = np.array([hash32("s1")], np.uint32), np.array([2.0], np.float32)
    row = Row(2.0, 2.0, NOW, segments=crowd[0], crowds=crowd[1])
    catalogue = catalogue.with_rows({"cold-30": row})
    member = replace(NOBODY, membership=Membership("s1", 1, NOW))

    assert "cold-30" in popular(catalogue, member, replace(TUNING, crowd_part=0.1))
    assert "cold-30" not in popular(catalogue, member)


def test_filters_come_first() -> None:
    shelf = [entry(f"b-{n}", axis(0), categories=("b",)) for n in range(3)]
    catalogue = shop(*shelf, heat={f"cold-{n}": 99.0 for n in range(9)})

    found = popular(catalogue, filters=Filters(categories=frozenset("b")))

    assert found == {"b-0", "b-1", "b-2"}


def test_a_catalogue_with_nothing_to_offer_has_no_candidates() -> None:
    gone = Catalogue(DIMENSION, (entry("gone", None, deleted=True),), light=True)
    stranger = folded(observation(0, item_id="unknown")).profile
    nothing = history(stranger, gone)

    (rows,) = by_parts(
        [stranger], [nothing], gone, {}, Popular(gone, TUNING, NOW), EVERYTHING, TUNING
    )

    assert not len(rows)
