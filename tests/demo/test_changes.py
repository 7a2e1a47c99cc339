"""What the demo says of segment changes."""

from __future__ import annotations

from typing import Any

import pytest

from stream.core.segment_history import PERIODIC, Named, Record
from stream.demo.changes import (
    CAUSES,
    FIRST,
    as_json,
    by_cause,
    in_words,
    labels_of,
    out_of_gone,
    telling,
)
from stream.wire.messages import SegmentChange

LABELS = {"s1": "Drama", "s2": "Crime & Thriller"}


def change(number: int = 1, before: str | None = "s1", **given: Any) -> SegmentChange:
    said: dict[str, Any] = {
        "change_id": f"change-{number}",
        "user_id": f"{number}",
        "at": "2026-01-01T00:00:00.000Z",
        "to": "s2",
        "label": LABELS["s2"],
        "cause": "sweep",
        "event_id": None,
        "margin": 0.1,
        "model_version": 2,
    }
    return SegmentChange(from_=before, **{**said, **given})


def test_changes_are_counted_by_cause_and_a_first_assignment_is_nobody_s_move() -> None:
    causes = ("event", "sweep", "sweep")
    moves = [change(n, cause=cause) for n, cause in enumerate(causes)]
    firsts = [change(9, before=None, cause=cause) for cause in ("event", "sweep", "refit")]

    counted = by_cause([*moves, *firsts])
    assert counted == {FIRST: 3, "event": 1, "refit": 0, "sweep": 2}
    assert tuple(counted) == CAUSES
    assert sum(counted.values()) == len(moves) + len(firsts)


def test_every_cause_has_its_example_before_any_has_two() -> None:
    found = [change(n, cause="sweep", margin=0.1 * n) for n in range(1, 6)]
    found += [change(7, cause="event", margin=0.01), change(8, cause="event", margin=0.02)]
    found += [change(9, before=None, margin=9.0), change(10, margin=0.95)]

    told = telling(found, 4, gone={"change-10"})
    assert [(one.cause, one.user_id) for one in told] == [
        ("event", "8"),
        ("sweep", "5"),
        ("event", "7"),
        ("sweep", "4"),
    ]
    assert telling(found, 99, gone={"change-10"})[-1].user_id == "10"
    assert telling([change(before=None)], 3, gone=()) == []


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (
            {"cause": "event", "event_id": "e1", "drift": 0.314},
            "user 1 went from Drama to Crime & Thriller: rated Alien (1979) 5★ "
            "(nearer by 0.10, drift 0.31 within a week)",
        ),
        (
            {"cause": "event", "event_id": "e2"},
            "user 1 went from Drama to Crime & Thriller: did something (nearer by 0.10)",
        ),
        (
            {"cause": "refit"},
            "user 1 went from Drama to Crime & Thriller: did something for the first time since "
            "segments were fitted anew (nearer by 0.10)",
        ),
        (
            {"before": "s0"},
            "user 1 went from s0 to Crime & Thriller: segments were fitted anew (nearer by 0.10)",
        ),
        (
            {"before": "s3"},
            "user 1 went from Crime & Thriller (s3) to Crime & Thriller (s2): segments were fitted "
            "anew (nearer by 0.10)",
        ),
        (
            {"change_id": "g"},
            "user 1 went from Drama to Crime & Thriller: segments were fitted anew (out of one "
            "that is gone)",
        ),
    ],
)
def test_a_move_in_plain_words(given: dict[str, Any], words: str) -> None:
    events = {"e1": "rated Alien (1979) 5★"}
    one = change(**given)

    said = in_words(one, {**LABELS, "s3": LABELS["s2"]}, events, gone={"g"})
    assert said == words
    assert as_json(one, said).keys() == {
        *("user_id", "at", "from", "to", "cause", "margin", "drift", "in_words")
    }


def test_labels_cannot_steer_the_terminal() -> None:
    assert "\x1b" not in in_words(change(), {"s1": "\x1b[2J", "s2": "b"}, {})


def test_a_segment_is_called_as_it_was_last() -> None:
    old, new = change(1, model_version=1, label="Old"), change(2, model_version=2, label="New")

    assert labels_of([new, old]) == {"s2": "New"}


def test_a_segment_is_gone_where_the_model_that_moved_its_user_has_it_no_more() -> None:
    fit = Record(2, 0.0, PERIODIC, segments=(Named("s1", "Drama", 1), Named("s2", "Crime", 1)))
    stays, left = change(1), change(2, before="s9")
    unknown, first = change(3, before="s9", model_version=7), change(4, before=None)

    assert out_of_gone([stays, left, unknown, first], [fit]) == {"change-2"}
