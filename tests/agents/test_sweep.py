"""Laws of the sweep: what was confirmed leaves the outbox, and nothing else does."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from stream.agents import sweep as module
from stream.agents.sweep import Sweep
from stream.core.profile import Membership
from stream.errors import Unavailable
from tests.agents.segment_parts import (
    NOW,
    Clock,
    FakePublisher,
    FakeUsers,
    axis,
    change,
    model,
    sweep_of,
    user,
    waiting,
)

LATER = Clock(NOW + 60)


@pytest.fixture
def publisher() -> FakePublisher:
    return FakePublisher()


def sweep(users: FakeUsers, publisher: FakePublisher, clock: Clock = LATER) -> Sweep:
    return sweep_of(users, publisher, clock)


def sent_changes(publisher: FakePublisher) -> list[str]:
    return [msgspec.json.decode(record.value or b"")["change_id"] for record in publisher.sent]


async def test_what_waits_is_sent_in_order_and_gone_afterwards(publisher: FakePublisher) -> None:
    users = FakeUsers([waiting("a", 1, 2), waiting("b", 3), user("c", axis(1))])
    before = users.profile("a")

    await sweep(users, publisher).send_waiting()

    assert sent_changes(publisher) == ["change-1", "change-2", "change-3"]
    after = users.profile("a")
    assert users.profile("b").outbox == after.outbox == ()
    assert after.version == int(LATER() * 1000) > before.version
    assert replace(after, version=1, interests=()) == replace(before, outbox=(), interests=())
    assert users.profile("c").version == 1


async def test_a_change_that_was_made_just_now_is_left_to_its_maker(
    publisher: FakePublisher,
) -> None:
    """Whatever its version says: that of a profile whose writer's clock was ahead lies ahead."""
    fresh = waiting("a", 1)
    users = FakeUsers([fresh], written_at=LATER() - 29)

    await sweep(users, publisher).send_waiting()

    assert publisher.sent == []
    assert users.profile("a").outbox == fresh.outbox


async def test_a_clock_that_was_ahead_keeps_no_change_back(publisher: FakePublisher) -> None:
    ahead = replace(waiting("a", 1), version=int((LATER() + 3600) * 1000))

    await sweep(FakeUsers([ahead]), publisher).send_waiting()

    assert sent_changes(publisher) == ["change-1"]


async def test_nothing_leaves_the_outbox_while_the_broker_is_away(
    publisher: FakePublisher,
) -> None:
    """The records may have arrived: they go out again under the same ids."""
    users = FakeUsers([waiting("a", 1), waiting("b", 2)])
    publisher.away = True

    with pytest.raises(Unavailable):
        await sweep(users, publisher).send_waiting()
    assert [users.profile(name).outbox for name in "ab"] == [(change(1),), (change(2),)]
    publisher.away = False
    await sweep(users, publisher).send_waiting()

    assert sent_changes(publisher) == ["change-1", "change-2"] * 2
    assert [users.profile(name).outbox for name in "ab"] == [(), ()]


async def test_a_change_that_arrives_during_the_sweep_is_not_lost(
    publisher: FakePublisher,
) -> None:
    """Another writer adds a change between the send and the save: its profile stands."""
    users = FakeUsers([waiting("a", 1), waiting("b", 2)])
    users.before_save = lambda: users.write(waiting("a", 1, 9))

    await sweep(users, publisher).send_waiting()
    assert users.profile("a").outbox == (change(1), change(9))
    assert users.profile("b").outbox == ()

    users.before_save = lambda: None
    await sweep(users, publisher).send_waiting()
    assert sent_changes(publisher) == ["change-1", "change-2", "change-1", "change-9"]
    assert users.profile("a").outbox == ()


async def test_more_waits_only_where_a_full_page_moved_on(
    publisher: FakePublisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Users that conflict every time must not keep the sweep in one place for ever."""
    monkeypatch.setattr(module, "USERS", 2)
    users = FakeUsers([waiting(name, 1) for name in "abc"])
    sweeping = sweep(users, publisher)

    assert await sweeping.send_waiting()
    assert not await sweeping.send_waiting()
    users = FakeUsers([waiting(name, 1) for name in "abc"])
    users.before_save = lambda: users.rows.update(FakeUsers([waiting(n, 1) for n in "abc"]).rows)
    assert not await sweep(users, publisher).send_waiting()


async def test_users_move_to_their_segment_and_the_change_goes_out_once(
    publisher: FakePublisher,
) -> None:
    gone = Membership("old", 1, NOW)
    users = FakeUsers([user("a", axis(0), membership=gone), user("b", axis(1))])

    moved = await sweep(users, publisher).reassign(
        list(users.rows.values()), model(5, s0=axis(0), s1=axis(1))
    )

    assert moved == 2
    assert [users.profile(name).membership for name in "ab"] == [
        Membership("s0", 5, NOW),
        Membership("s1", 5, NOW),
    ]
    assert [users.profile(name).outbox for name in "ab"] == [(), ()]
    messages = [msgspec.json.decode(record.value or b"") for record in publisher.sent]
    assert [(m["user_id"], m["from"], m["to"], m["cause"]) for m in messages] == [
        ("a", "old", "s0", "sweep"),
        ("b", None, "s1", "sweep"),
    ]


async def test_who_stays_is_not_written(publisher: FakePublisher) -> None:
    users = FakeUsers([user("a", axis(0), membership=Membership("s0", 1, NOW))])
    before = dict(users.rows)

    assert (
        await sweep(users, publisher).reassign(
            list(users.rows.values()), model(5, s0=axis(0), s1=axis(1))
        )
        == 0
    )
    assert users.rows == before
    assert publisher.sent == []


async def test_a_move_that_could_not_be_sent_waits_in_the_outbox(publisher: FakePublisher) -> None:
    users = FakeUsers([user("a", axis(0))])
    publisher.away = True

    with pytest.raises(Unavailable):
        await sweep(users, publisher).reassign(list(users.rows.values()), model(5, s0=axis(0)))

    (kept,) = users.profile("a").outbox
    assert sent_changes(publisher) == [kept.change_id]


async def test_a_user_that_was_written_meanwhile_is_neither_moved_nor_told(
    publisher: FakePublisher,
) -> None:
    users = FakeUsers([user("a", axis(0))])
    read = list(users.rows.values())
    users.write(user("a", axis(1)))

    assert await sweep(users, publisher).reassign(read, model(5, s0=axis(0))) == 0
    assert publisher.sent == []
    assert users.profile("a").membership is None
