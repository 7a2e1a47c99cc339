"""Laws of confirming a removal: the outputs are put right, the receipt is sent, the name goes."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from stream.agents.sweep import Sweep
from stream.core.forgetting import begun, tombstone
from stream.core.profile import Profile, StoredList
from stream.errors import Unavailable
from stream.wire.ids import receipt_id, user_hash
from tests.agents.segment_parts import (
    NOW,
    Clock,
    FakePublisher,
    FakeUsers,
    axis,
    sweep_of,
    user,
)

CONFIRM_S = 600.0
EARLY, DUE = Clock(NOW + CONFIRM_S - 1), Clock(NOW + CONFIRM_S + 1)
LETTER = b"interestream.events/0/7"
A_LIST = StoredList(5, NOW, ("e",), (), (), 0.0, 0.0, None)


async def letters(user_hashes: frozenset[str]) -> dict[str, list[bytes]]:
    return {user_hash("ada"): [LETTER]} if user_hash("ada") in user_hashes else {}


@pytest.fixture
def publisher() -> FakePublisher:
    return FakePublisher()


@pytest.fixture
def users() -> FakeUsers:
    return FakeUsers([forgotten("ada"), user("ben", axis(0))])


def forgotten(user_id: str) -> Profile:
    gone = tombstone(user(user_id, axis(1)), "please", NOW)
    return begun(gone, NOW, confirm_s=CONFIRM_S)


def sweep(users: FakeUsers, publisher: FakePublisher, clock: Clock = DUE) -> Sweep:
    return sweep_of(users, publisher, clock, letters)


def sent(publisher: FakePublisher) -> list[tuple[str, bytes | None]]:
    return [(one.topic.rsplit(".")[-1], one.key) for one in publisher.sent]


async def test_all_that_was_said_is_taken_back_and_the_name_goes(
    users: FakeUsers, publisher: FakePublisher
) -> None:
    await sweep(users, publisher).send_waiting()

    assert sent(publisher) == [
        ("dead-letters", LETTER),
        ("recommendations", b"ada"),
        ("segments", b"ada"),
        ("receipts", receipt_id("ada", NOW).encode()),
    ]
    assert all(one.value is None for one in publisher.sent[:-1])
    receipt = msgspec.json.decode(publisher.sent[-1].value or b"")
    assert receipt["user_hash"] == user_hash("ada")
    assert receipt["asked_by"] == ["please"]
    assert receipt["removed"]["interests"] == receipt["removed"]["dead_letters"] == 1
    row = users.rows["ada"]
    assert "ada" not in row.user_id
    assert "ada" not in row.state
    assert row.outbox_at is None


async def test_nothing_is_confirmed_while_something_may_be_on_its_way(
    users: FakeUsers, publisher: FakePublisher
) -> None:
    before = users.rows["ada"]

    await sweep(users, publisher, EARLY).send_waiting()

    assert publisher.sent == []
    assert users.rows["ada"] is before


async def test_who_has_come_to_life_again_keeps_name_and_list(publisher: FakePublisher) -> None:
    """The list goes out again: a null that was late may have taken it out of the topic."""
    alive = replace(forgotten("ada"), as_of=NOW + 1, current=A_LIST)
    users = FakeUsers([alive])

    await sweep(users, publisher).send_waiting()

    by_topic = {one.topic.rsplit(".")[-1]: one.value for one in publisher.sent}
    assert msgspec.json.decode(by_topic["recommendations"] or b"")["version"] == A_LIST.version
    assert users.rows["ada"].user_id == "ada"
    assert users.profile("ada").forgetting is None
    assert users.profile("ada").current == A_LIST


async def test_what_is_not_sent_is_not_confirmed(
    users: FakeUsers, publisher: FakePublisher
) -> None:
    publisher.away = True
    with pytest.raises(Unavailable):
        await sweep(users, publisher).send_waiting()

    assert users.profile("ada").forgetting is not None
    publisher.away = False
    await sweep(users, publisher).send_waiting()
    assert sent(publisher)[-1][0] == "receipts"


async def test_who_was_written_meanwhile_is_confirmed_the_next_time(
    users: FakeUsers, publisher: FakePublisher
) -> None:
    """The list that was sent may be older than the one that the other writer sent."""
    alive = replace(forgotten("ada"), as_of=NOW + 1, current=A_LIST)
    users.before_save = lambda: users.write(alive)

    await sweep(users, publisher).send_waiting()
    assert users.profile("ada").forgetting is not None

    users.before_save = lambda: None
    await sweep(users, publisher).send_waiting()
    assert users.profile("ada").forgetting is None
    ids = [key for topic, key in sent(publisher) if topic == "receipts"]
    assert ids == [receipt_id("ada", NOW).encode()] * 2
