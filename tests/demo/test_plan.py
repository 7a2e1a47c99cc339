"""What the demo sends: all ratings once, in time order but for the late ones, ending now."""

from __future__ import annotations

import json

import pytest

from stream.core.tuning import DAY_S
from stream.demo.movielens import Rating
from stream.demo.plan import DUPLICATES, UNKNOWN_ITEMS, Plan, malformed, plan
from stream.errors import Reject
from stream.settings import load
from stream.wire.decode import Limits, Skipped, decode_event

NOW = 1_790_000_000.0


def ratings(count: int) -> list[Rating]:
    return [Rating(str(n % 7), str(n), 1 + n % 5, 880_000_000 + 60.0 * n) for n in range(count)]


@pytest.fixture(scope="module")
def planned() -> Plan:
    return plan(ratings(500), live=100, now=NOW)


def test_the_last_rating_is_now_and_distances_stay(planned: Plan) -> None:
    assert planned.ratings[-1].at == NOW
    assert planned.ratings[-1].at - planned.ratings[0].at == 499 * 60


def test_every_rating_is_sent_once_but_for_the_planned_repeats(planned: Plan) -> None:
    sends = [*planned.history, *planned.live]
    places = [s.rating for s in sends if s.rating is not None and not s.repeat]

    assert sorted(places) == list(range(500))
    assert sum(s.repeat for s in sends) == DUPLICATES


def test_a_repeat_comes_after_its_original_with_the_same_bytes(planned: Plan) -> None:
    for place, send in enumerate(planned.history):
        if send.repeat:
            before = planned.history[:place]
            assert any(one.value == send.value and not one.repeat for one in before)


def test_the_live_part_is_the_end_in_order_and_clean(planned: Plan) -> None:
    assert [send.rating for send in planned.live] == list(range(400, 500))


def test_the_mischief_of_the_history_is_counted(planned: Plan) -> None:
    others = [send for send in planned.history if send.rating is None]

    assert len(others) == UNKNOWN_ITEMS + len(malformed(NOW))


def test_what_is_malformed_is_refused_or_skipped() -> None:
    settings = load()
    limits = Limits.of(settings)
    for key, value in malformed(NOW):
        try:
            event = decode_event(
                value, key, limits=limits, event_types=settings.event_types, now=NOW
            )
        except Reject:
            continue
        assert isinstance(event, Skipped)


def test_a_plan_shorter_than_its_live_part_is_all_live() -> None:
    short = plan(ratings(50), live=100, now=NOW)

    assert short.history == ()
    assert len(short.live) == 50


def test_ratings_are_messages_that_a_producer_would_write(planned: Plan) -> None:
    message = json.loads(planned.live[-1].value)

    assert message == {
        "event_id": "rating-499",
        "user_id": str(499 % 7),
        "item_id": "499",
        "type": "rating",
        "at": NOW,
        "rating": 5,
        "rating_max": 5,
    }
    assert NOW - planned.ratings[0].at < 400 * DAY_S
