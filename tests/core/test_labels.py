"""Labels: what sets an interest apart, in the catalogue's own words."""

from __future__ import annotations

import pytest

from stream.core.catalogue import Entry
from stream.core.decay import Mass
from stream.core.labels import labels
from stream.core.profile import Interest, Profile, Recent
from tests.core.samples import DAY_S, NOW, TUNING, axis

Row = tuple[str, tuple[str, ...]]  # title, categories


def labelled(*interests: list[Row], ages_days: float = 0.0) -> list[str]:
    """Labels of interests, given what was liked of each, oldest first, so many days apart."""
    entries: dict[str, Entry] = {}
    recent = []
    for number, rows in enumerate(interests):
        for place, (title, categories) in enumerate(rows):
            item_id = f"{number}-{place}"
            entries[item_id] = Entry(item_id, title, None, categories)
            at = NOW - ages_days * DAY_S * (len(rows) - 1 - place)
            recent.append(Recent(item_id, at, 1.0, f"interest {number}"))
    profile = Profile(
        "u",
        as_of=NOW,
        interests=tuple(
            Interest(f"interest {number}", Mass(1.0, axis(number), NOW), "m", 1.0, "medoid's")
            for number in range(len(interests))
        ),
        recent=tuple(recent),
    )
    found = labels(profile, entries.get, TUNING)
    assert list(found) == [interest.id for interest in profile.interests]
    return list(found.values())


def test_a_category_of_half_an_interest_tells_more_than_one_of_everything() -> None:
    assert labelled(
        [("", ("drama", "noir")), ("", ("drama",)), ("", ("drama", "noir"))],
        [("", ("drama",)), ("", ("drama", "war")), ("", ("drama", "war"))],
    ) == ["noir", "war"]


def test_the_only_interest_is_called_by_what_it_has_most_of() -> None:
    rows = [("", ("comedy",)), ("", ("comedy", "crime")), ("", ("comedy",))]

    assert labelled(rows) == ["comedy"]


def test_what_was_liked_lately_counts_more() -> None:
    rows: list[Row] = [("", ("old",)), ("", ("old",)), ("", ("new",))]

    assert labelled(rows) == ["old"]
    assert labelled(rows, ages_days=28) == ["new"]


def test_titles_speak_where_there_are_no_categories() -> None:
    assert labelled(
        [("Sourdough with rye, for bread", ()), ("Bread from a pan", ()), ("Rye SOURDOUGH", ())],
        [("Bike tours with panniers", ()), ("A bike for rain", ()), ("Panniers with pockets", ())],
    ) == ["bread sourdough", "bike panniers"]


@pytest.mark.parametrize("rows", [[], [("One title", ())], [("It is so", ()), ("It is so", ())]])
def test_without_anything_in_common_it_is_the_medoids(rows: list[Row]) -> None:
    """Nothing known, a single title, or only short words."""
    assert labelled(rows) == ["medoid's"]


def test_items_of_interests_that_are_gone_say_nothing() -> None:
    gone = Profile("u", as_of=NOW, recent=(Recent("i", NOW, 1.0, "gone"),))

    assert labels(gone, {"i": Entry("i", "t", None, ("war",))}.get, TUNING) == {}


def test_after_decades_nothing_breaks() -> None:
    assert labelled([("", ("a",)), ("", ("b",))], ages_days=36_500) == ["b"]
