"""The endless load is of one population, and of words that were not written before."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import islice
from typing import Any

from tests.soak.blocks import block
from tests.soak.feeder import endless
from tests.support.records import KeyValue


def messages(records: Sequence[KeyValue]) -> list[dict[str, Any]]:
    """Those that are JSON objects of the good kind."""
    found = []
    for _, value in records:
        try:
            one = json.loads(value or b"")
        except (ValueError, RecursionError):
            continue
        if isinstance(one, dict) and isinstance(one.get("user_id"), str):
            found.append(one)
    return found


def test_blocks_share_their_users_and_nothing_else() -> None:
    first, second = (messages(block(n, users=20, events=300)) for n in (1, 2))

    users = [{one["user_id"] for one in each} for each in (first, second)]
    assert len(users[0] & users[1]) > 20
    ids = [{one["event_id"] for one in each if "event_id" in one} for each in (first, second)]
    assert not ids[0] & ids[1]


def test_every_review_has_words_of_its_own() -> None:
    reviews = [
        one["text"]
        for number in (1, 2)
        for one in messages(block(number, users=20, events=300, reviews=0.5))
        if one["type"] == "review"
    ]
    written = {one for one in reviews if one.startswith("Seen")}

    assert len(written) > 200
    assert len(written) > 0.8 * len(reviews)  # producers repeat some


def test_padding_makes_an_event_as_large_as_it_says() -> None:
    sizes = [len(value or b"") for _, value in block(1, users=5, events=60, padding=3000)]

    assert sum(3000 <= size < 4000 for size in sizes) > 50


def test_idle_events_are_of_a_type_that_nobody_knows() -> None:
    kinds = [one["type"] for one in messages(block(1, users=5, events=300, idle=0.75))]

    assert 0.6 < kinds.count("teleport") / len(kinds) < 0.9


def test_the_endless_load_goes_on_after_a_block() -> None:
    assert len({value for _, value in islice(endless(100), 250)}) > 200
