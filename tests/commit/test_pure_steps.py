"""A bug in a pure step: the record that fails alone is buried, the others have their effect."""

from __future__ import annotations

from typing import Any

import pytest

import stream.commit
from stream.bugs import BugBudget, PureStepFailed
from stream.errors import TooManyBugs
from stream.render import Renderer
from tests.commit.world import World, assert_adds_up, assert_all_published, clicks, event
from tests.support.fakes import FakeMeta


@pytest.fixture
def world() -> World:
    return World()


def poison(n: int = 0) -> bytes:
    return event("review", "i5", rating=5, text=f"poison {n}", event_id=f"poison {n}")


def poisoned(name: str, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a pure step fail on every poisoned event."""

    def failing(real: Any) -> Any:
        def step(*given: Any, **named: Any) -> Any:
            if "poison" in repr(given):
                raise ZeroDivisionError("the bug")
            return real(*given, **named)

        return step

    if name == "encode":
        encode = world.encoder.inner.encode

        async def encode_or_fail(texts: Any, *given: Any) -> Any:
            if any("poison" in text for text in texts):
                raise ZeroDivisionError("the bug")
            return await encode(texts, *given)

        monkeypatch.setattr(world.encoder.inner, "encode", encode_or_fail)
    elif name == "sentiment":
        monkeypatch.setattr(world.sentiment, "of", failing(world.sentiment.of))
    else:
        monkeypatch.setattr(stream.commit, name, failing(getattr(stream.commit, name)))


STEPS = ["decode_event", "encode", "sentiment", "observation", "fold", "rank", "pack"]


@pytest.mark.parametrize("step", STEPS)
async def test_only_the_record_that_fails_alone_is_buried(
    world: World, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    poisoned(step, world, monkeypatch)
    world.produce(*clicks(2), poison(), *clicks(2, user="v"), *clicks(1, first=2))

    await world.consume(world.commit())

    assert world.letters() == {"in/0/2": "bug"}
    (letter,) = world.publisher.of("dead-letters")
    assert "ZeroDivisionError: the bug" in dict(letter.headers)["dl_trace"].decode()
    assert letter.value == poison()
    assert [r.item_id for r in world.profile().recent] == ["i0", "i1", "i2"]
    assert world.profile().mark("source-0") == 5
    assert len(world.profile("v").recent) == 2
    assert world.results.applied == 5
    assert world.results.dead_letters == {"bug": 1}
    assert_adds_up(world.results, 6)
    assert_all_published(world)


async def test_a_profile_that_cannot_be_read_buries_its_events_alone(world: World) -> None:
    """A worker that stopped at it would stop at it again after every restart."""
    world.produce(*clicks(1))
    await world.consume(world.commit())
    good = world.store.users.rows["u"]
    world.store.users.rows["u"] = type(good)(
        "u", good.etag, '{"v":1}', good.interests, good.taste, None, good.updated_at, None
    )
    world.produce(*clicks(1, first=1), *clicks(1, user="v"))

    await world.consume(world.commit())

    assert world.letters() == {"in/0/1": "bug"}
    assert len(world.profile("v").recent) == 1


async def test_a_list_that_cannot_be_rendered_buries_one_record_and_keeps_what_was_saved(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    render = Renderer.recommendation

    def fail(self: Renderer, profile: Any, catalogue: Any) -> Any:
        if profile.user_id == "v":
            raise ZeroDivisionError
        return render(self, profile, catalogue)

    monkeypatch.setattr(Renderer, "recommendation", fail)
    world.produce(*clicks(2), *clicks(2, user="v"))

    await world.consume(world.commit())

    assert world.letters() == {"in/0/3": "bug"}
    assert len(world.profile("v").recent) == 2
    assert len(world.lists("u")) == 1
    assert_adds_up(world.results, 4)


async def test_what_cannot_be_read_again_is_not_stored(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreadable(row: Any) -> Any:
        raise ValueError(row.user_id)

    monkeypatch.setattr(stream.commit, "unpack", unreadable)
    world.produce(*clicks(1))

    await world.consume(world.commit())

    assert world.store.users.rows == {}
    assert world.letters() == {"in/0/0": "bug"}


async def test_beyond_the_budget_the_worker_stops_with_nothing_acknowledged(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two an hour are allowed here; a restart grants no more, another hour does."""
    poisoned("fold", world, monkeypatch)
    world.produce(poison(0), *clicks(1), poison(1), poison(2))
    delivery = world.delivery()

    with pytest.raises(TooManyBugs, match=r"limit 2 .*MAX_BUG_RECORDS_PER_HOUR"):
        await world.consume(world.commit())
    assert world.letters() == {"in/0/0": "bug", "in/0/2": "bug"}
    assert world.committed[0] == 0
    assert world.results.events == 0

    with pytest.raises(TooManyBugs, match="the bug"):
        await world.commit().apply(delivery, delivery.records[3:])

    world.now += 3600
    await world.commit().apply(delivery, delivery.records[3:])
    assert world.letters()["in/0/3"] == "bug"


async def test_io_that_fails_with_a_bug_is_nobody_s_dead_letter(world: World) -> None:
    """Nothing says which record is to blame: the worker stops, and all of it comes again."""

    async def fail() -> None:
        raise RuntimeError("not an outage")

    world.produce(*clicks(2))
    world.path.then("users.save", fail)

    with pytest.raises(RuntimeError, match="not an outage"):
        await world.consume(world.commit())

    assert world.publisher.arrived == []
    await world.consume(world.commit())
    assert_all_published(world)


async def test_the_budget_counts_over_all_workers() -> None:
    meta, failure = FakeMeta(), PureStepFailed(ValueError("x"))
    now = 7200.0
    budgets = [BugBudget(meta, 3, clock=lambda: now) for _ in range(2)]

    for n in range(3):
        await budgets[n % 2].spend(failure)
    for budget in budgets:
        with pytest.raises(TooManyBugs):
            await budget.spend(failure)
    now += 3600
    await budgets[0].spend(failure)
