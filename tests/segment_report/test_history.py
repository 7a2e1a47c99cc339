"""Records as a story, and sizes that add up."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.core.segment_history import ACCEPTED, HELD, OVERTAKEN, REJECTED
from stream.segment_report.history import about, chapters, counted, moving, name, shares, since
from tests.segment_report.world import fits, record

SIZES = st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 50), max_size=6)


@given(st.lists(SIZES, max_size=5), st.lists(st.sampled_from("abcxyz"), unique=True))
def test_the_shares_of_a_fit_add_up_to_all_its_users(
    sizes: list[dict[str, int]], ids: list[str]
) -> None:
    rows = shares([record(n, each) for n, each in enumerate(sizes)], ids)

    assert len(rows) == len(ids) + 1
    for n, each in enumerate(sizes):
        assert sum(row[n] for row in rows) == pytest.approx(1.0 if sum(each.values()) else 0.0)
        assert all(row[n] >= 0 for row in rows)


def test_everything_that_became_of_segments_is_told_once() -> None:
    told = [[h.text for h in one.happenings] for one in chapters(fits())]

    assert told == [
        ["the first 3 segments"],
        ["label s0 (s0) split into label s0 (s0) and label s3 (s3)", "label s4 (s4) is new"],
        [
            "label s1 (s1) and label s2 (s2) merged into label s1 (s1)",
            "label s4 (s4) is gone",
            "s0 is called “sea” now, it was “label s0”",
        ],
    ]


def test_one_segment_has_its_own_story() -> None:
    story = chapters(fits())
    told = {
        each: [(one.record.version, h.text) for one in about(each, story) for h in one.happenings]
        for each in ("s0", "s2", "s3", "nobody")
    }

    assert [version for version, _ in told["s0"]] == [1, 2, 3]
    assert told["s2"][-1] == (3, "label s1 (s1) and label s2 (s2) merged into label s1 (s1)")
    assert [version for version, _ in told["s3"]] == [2]
    assert told["nobody"] == []


@pytest.mark.parametrize(("outcome", "told"), [(HELD, True), (REJECTED, False), (OVERTAKEN, False)])
def test_what_never_came_into_force_is_no_part_of_a_segment_s_story(
    outcome: str, told: bool
) -> None:
    first, second, third = fits()
    story = chapters((first, replace(second, outcome=outcome), third))

    assert bool(about("s4", story[:2])) is told
    assert since("s4", [one.record for one in story]) is None


def test_a_label_that_was_only_proposed_is_not_the_one_before() -> None:
    first, second, third = fits()
    rejected = replace(third, outcome=REJECTED)
    again = replace(third, version=4, outcome=ACCEPTED)

    *_, last = chapters((first, second, rejected, again))

    assert "s0 is called “sea” now, it was “label s0”" in [h.text for h in last.happenings]


def test_what_moved_nobody_and_never_will_is_not_drawn() -> None:
    first, second, third = fits()
    outcomes = {
        each: [
            one.record.version
            for one in moving(chapters((first, second, replace(third, outcome=each))))
        ]
        for each in (ACCEPTED, HELD, REJECTED, OVERTAKEN)
    }

    assert outcomes == {ACCEPTED: [2, 3], HELD: [2, 3], REJECTED: [2], OVERTAKEN: [2]}


def test_a_picture_is_for_fits_that_moved_more_than_a_few() -> None:
    first, second, third = fits()
    few = [replace(one, moved_share=0.002) for one in (second, third)]

    story = chapters((first, second, few[1]))
    assert [one.record.version for one in moving(story)] == [2]
    assert [one.record.version for one in moving(chapters((first, *few)))] == [2, 3]


def test_numbers_have_their_words() -> None:
    assert [counted(n, "fit") for n in (0, 1, 2, 1000)] == [
        "0 fits",
        "1 fit",
        "2 fits",
        "1,000 fits",
    ]


def test_since_when_a_segment_exists() -> None:
    first, second, third = fits()

    assert since("s3", (first, second, third)) == (second, True)
    assert since("s3", (third,)) == (third, False)  # the records reach no farther back
    assert since("s4", (first,)) is None
    assert since("s3", (first, replace(second, outcome=REJECTED), third)) == (third, False)


def test_names_are_on_one_line() -> None:
    assert name("s0", {"s0": "a\nb\x1b[2J"}) == "a�b�[2J (s0)"
    assert name("s0", {}) == name("s0", {"s0": ""}) == "s0"
    assert len(name("s0", {"s0": "x" * 500})) < 60
