"""The central law: a crash anywhere, any number of times, and in the end it is as if there had been
none. Profiles are those of an undisturbed run, and nothing that was saved stays unpublished."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.commit.world import (
    ITEMS,
    NOW,
    Crash,
    World,
    assert_adds_up,
    assert_all_published,
    assert_same_picture,
    assert_versions_grow,
    clicks,
    event,
)

KINDS = ("click", "view", "like", "dislike", "rating", "review", "impression", "skip", "forget")
TEXTS = ("so good", "a red bicycle", "what a boring mess")
BROKEN = (b'{"user_id": "u"', b"\xff", event("teleport"), event(at=NOW * 1000))

#: Between every two steps, and before, within and after each effect: the n-th time at a point.
PLACES = {
    "1: in decode": ("clock", 1),
    "1: letters not sent": ("send", 1),
    "1: letters sent, not confirmed": ("sent", 1),
    "1-2: decoded": ("encode", 1),
    "2-3: encoded": ("users.load", 1),
    "3-4: loaded": ("users.loaded", 1),
    "4-5: folded": ("segments", 1),
    "5-6: ranked": ("users.save", 1),
    "6: written, not read back": ("users.written", 1),
    "6-7: saved": ("users.saved", 1),
    "7: nothing sent": ("send", 2),
    "7: half sent": ("sending", 2),
    "7: sent, not confirmed": ("sent", 2),
    "7-8: published": ("acknowledge", 1),
    "8: acknowledged, not counted": ("done", 1),
    "8: not committed": ("acknowledged", 1),
}


@dataclass(frozen=True)
class Life:
    """One worker's life: how it cuts what it gets, at which point it dies, if it does, and which
    requests go unanswered before (some of them only after they had their effect)."""

    sizes: tuple[int, ...] = ()
    parts: int = 1
    crash_at: int | None = None
    outages: frozenset[int] = frozenset()


async def live(world: World, life: Life) -> bool:
    """Whether the worker lived until everything was committed."""
    world.path.restart(life.crash_at, life.outages)
    commit = world.commit()
    try:
        for partition in world.log:
            await world.consume(commit, partition, life.sizes, life.parts)
    except Crash:
        return False
    return True


def world_with(events: list[tuple[int, bytes]]) -> World:
    world = World()
    for partition, value in events:
        world.produce(value, partition=partition)
    return world


async def lived_through(events: list[tuple[int, bytes]], lives: list[Life]) -> World:
    world = world_with(events)
    for life in lives:
        if await live(world, life):
            break
    world.now += 1.0
    assert await live(
        world, Life(sizes=lives[-1].sizes, parts=lives[-1].parts) if lives else Life()
    )
    return world


async def assert_as_if_nothing_had_happened(
    events: list[tuple[int, bytes]], lives: list[Life]
) -> World:
    undisturbed = await lived_through(events, [])
    world = await lived_through(events, lives)

    expected = undisturbed.profiles()
    found = world.profiles()
    assert found.keys() == expected.keys()
    for user, profile in found.items():
        assert_same_picture(profile, expected[user])
    assert_versions_grow(world)
    assert_all_published(world)
    assert world.letters() == undisturbed.letters()
    return world


def mixed() -> list[tuple[int, bytes]]:
    """Two users, a review to encode, a broken record, a repeat, something that does not publish."""
    values = [
        *clicks(2),
        event("review", "i4", rating=5, text="so good", event_id="r", at=NOW - 300),
        b"{",
        *clicks(2, user="v"),
        event("dislike", "i2", event_id="d"),
        event("dislike", "i2", event_id="d"),
        event("view", "i7", event_id="w"),
    ]
    return [(0, value) for value in values]


@pytest.mark.parametrize("again", [(), (1,), (2, 3)], ids=["whole", "one by one", "cut"])
@pytest.mark.parametrize("place", PLACES)
async def test_a_crash_at(place: str, again: tuple[int, ...]) -> None:
    """Dies there once; then all is delivered again to a new worker, also cut differently."""
    point, nth = PLACES[place]
    dry = world_with(mixed())
    await live(dry, Life())
    at = [n for n, passed in enumerate(dry.path.passed, 1) if passed == point][nth - 1]

    world = world_with(mixed())
    assert not await live(world, Life(crash_at=at))
    before = world.profiles()
    assert await live(world, Life(sizes=again, parts=2))

    for user, profile in world.profiles().items():
        assert_same_picture(profile, dry.profile(user))
        assert user not in before or profile.version >= before[user].version
    assert world.letters() == dry.letters() == {"in/0/3": "malformed_json"}
    assert_all_published(world)
    assert_adds_up(world.results, len(mixed()) * (2 if place == "8: not committed" else 1))


async def test_what_was_saved_and_not_published_goes_out_under_the_same_id() -> None:
    world = world_with([(0, value) for value in clicks(3)])
    assert not await live(world, Life(crash_at=await ordinal("send", clicks(3))))
    stored = world.profile()
    assert world.lists() == []
    assert len(stored.outbox) == 1

    assert await live(world, Life())

    assert world.profile().version == stored.version
    assert [m and m["version"] for m in world.lists()] == [stored.version]
    assert [c["change_id"] for c in world.changes()] == [stored.outbox[0].change_id]
    assert (world.results.applied, world.results.already_applied) == (0, 3)
    assert world.signals() == []  # statistics: a crash may lose them


async def test_sub_chunks_before_the_mark_send_nothing() -> None:
    """Saved up to offset 2; of what comes again one by one only the last may speak of it."""
    world = world_with([(0, value) for value in clicks(3)])
    assert not await live(world, Life(crash_at=await ordinal("send", clicks(3))))

    assert await live(world, Life(sizes=(1,)))

    assert len(world.lists()) == 1


async def ordinal(point: str, values: list[bytes]) -> int:
    dry = world_with([(0, value) for value in values])
    await live(dry, Life())
    return dry.path.passed.index(point) + 1


@st.composite
def records(draw: st.DrawFn) -> tuple[int, bytes]:
    """A record and its partition; a user keeps to one, as keys do it."""
    if draw(st.integers(0, 9)) == 0:
        return 0, draw(st.sampled_from(BROKEN))
    user = draw(st.sampled_from(("u", "v", "w")))
    kind = draw(st.sampled_from(KINDS))
    given: dict[str, Any] = {
        "item_id": draw(st.sampled_from((*ITEMS, "unheard-of"))),
        "event_id": f"{user}-{draw(st.integers(0, 30))}",
        "at": NOW - draw(st.integers(0, 900_000)),
    }
    if kind == "rating" or (kind == "review" and draw(st.booleans())):
        given["rating"] = draw(st.integers(0, 5))
    if kind == "review":
        given["text"] = draw(st.sampled_from(TEXTS))
    return int(user == "w"), event(kind, user_id=user, **given)


sizes = st.lists(st.integers(1, 6), min_size=1, max_size=3).map(tuple) | st.just(())
outages = st.frozensets(st.integers(1, 60), max_size=4)
crashing_lives = st.builds(Life, sizes, st.integers(1, 3), st.integers(1, 60), outages)


@settings(max_examples=60, deadline=None)
@given(st.lists(records(), min_size=1, max_size=14), st.lists(crashing_lives, max_size=5))
@example(mixed(), [Life((1,), 1, 20), Life((2,), 2, 30), Life((), 1, 14)])
def test_crashes_change_nothing(events: list[tuple[int, bytes]], lives: list[Life]) -> None:
    """Whatever the events, whoever dies how often, whatever does not answer, however it is cut."""
    asyncio.run(assert_as_if_nothing_had_happened(events, lives))


@settings(max_examples=25, deadline=None)
@given(st.lists(records(), min_size=1, max_size=14), sizes, st.integers(1, 3))
def test_every_event_has_one_fate(
    events: list[tuple[int, bytes]], cut: tuple[int, ...], parts: int
) -> None:
    world = asyncio.run(lived_through(events, [Life(cut, parts)]))

    assert_adds_up(world.results, len(events))
