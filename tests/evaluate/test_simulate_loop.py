"""A simulated world with somebody's lists in it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import numpy as np
import pytest

from stream.core.catalogue import Catalogue
from stream.core.rank import rank
from stream.core.tuning import Tuning
from stream.evaluate.engine import Engine, entries
from stream.evaluate.simulate import ClosedLoop, Plan, Shown, Simulated, Truth, World, simulate
from stream.observe import event_kinds
from stream.settings import load
from stream.wire.inputs import Event
from stream.wire.messages import Model, Offer, Recommendation
from tests.evaluate.simulated import SMALL, clicks

PLAN = replace(SMALL, users=24, items=120, births=0, deaths=0, bots=0, drifting=0, quiet=())


def test_lists_that_match_tastes_are_clicked_more_than_others() -> None:
    truth = World(PLAN).truth
    orders = [liked_first(truth, user) for user in USERS]

    best = click_rate([order[:10] for order in orders])
    mixed = click_rate([order[:5] + order[-5:] for order in orders])
    mixed_badly = click_rate([order[-5:] + order[:5] for order in orders])
    any_ = click_rate([ITEMS[n : n + 10] for n in range(len(USERS))])

    assert best > mixed > mixed_badly > any_
    assert best > 3 * any_


USERS = [f"user-{n}" for n in range(PLAN.users)]
ITEMS = [f"item-{n}" for n in range(PLAN.items)]


def liked_first(truth: Truth, user: str) -> list[str]:
    """All items, those of the user's foremost category first."""
    shares = truth.shares_at(user, PLAN.start)
    return sorted(ITEMS, key=lambda item: -shares[truth.category_of[item]])


def click_rate(lists: list[list[str]]) -> float:
    """Clicks on lists for each list shown."""
    loop = ClosedLoop()
    for user, items in zip(USERS, lists, strict=True):
        loop.offer(user, items, f"list-of-{user}")
    events = simulate(PLAN, loop).events
    shown = [event for event in events if event.type == "impression"]
    assert {event.recommendation_id for event in shown} == {f"list-of-{user}" for user in USERS}
    return len(clicks(events, listed=True)) / len(shown)


def test_a_list_is_asked_for_when_all_before_it_was_handed_out() -> None:
    handed: list[Event] = []
    asked: list[tuple[float, int]] = []

    class Asked:
        def shown(self, user_id: str, at: float) -> Shown | None:
            asked.append((at, len(handed)))
            return None

    for event in World(PLAN, Asked()).events():
        handed.append(event)  # noqa: PERF402  # the world looks at it meanwhile

    times = np.array([event.at for event in handed])
    assert len(asked) > 100
    for at, count in asked:
        assert (times[:count] <= at).all()
        assert (times[count:] >= at).all()


def test_asking_changes_nothing_by_itself() -> None:
    """No list for anybody is the world without a loop."""
    assert simulate(PLAN, ClosedLoop()).events == simulate(PLAN).events


def test_what_one_is_shown_is_nothing_to_the_others() -> None:
    loop = ClosedLoop()
    loop.offer("user-0", ["item-1"], "list")
    ours, theirs = simulate(PLAN, loop).events, simulate(PLAN).events

    assert [e for e in ours if e.user_id != "user-0"] == [
        e for e in theirs if e.user_id != "user-0"
    ]
    assert ours != theirs


def test_other_lists_meet_the_same_people_who_want_the_same_things() -> None:
    """What users look for by themselves does not depend on what they are shown."""
    loop, truth = ClosedLoop(), World(PLAN).truth
    for user in USERS:
        loop.offer(user, liked_first(truth, user)[:10], "list")

    ours, theirs = wanted(simulate(PLAN, loop)), wanted(simulate(PLAN))

    assert len(ours) > 100
    assert ours == theirs


def wanted(found: Simulated) -> dict[str, list[str]]:
    """Categories of what was found without a list in each visit that the last hour cannot cut."""
    visits: dict[str, list[str]] = defaultdict(list)
    for event in clicks(found.events, listed=False):
        if event.at < PLAN.end - 3600:
            visit = event.event_id.rpartition("-")[0]
            visits[visit].append(found.truth.category_of[event.item_id or ""])
    return visits


def test_what_is_not_of_this_world_or_gone_is_shown_but_not_clicked() -> None:
    plan = replace(PLAN, deaths=1, position_bias=0)
    loop = ClosedLoop()
    for user in USERS:
        loop.offer(user, ["of-another-world", *ITEMS], f"list-of-{user}")

    found = simulate(plan, loop)

    dies = {good.id: good.dies or plan.end for good in found.truth.items}
    answers = [(dies.get(e.item_id or "", 0.0), e.at) for e in clicks(found.events, listed=True)]
    assert {len(e.offers) for e in found.events if e.type == "impression"} == {1 + len(ITEMS)}
    assert len(answers) > 300
    assert all(at < gone for gone, at in answers)


def recommendation(version: int, *items: str) -> Recommendation:
    return Recommendation(
        recommendation_id=f"list-{version}",
        version=version,
        user_id="user-0",
        as_of="2025-01-01T00:00:00.000Z",
        valid_until="2025-01-02T00:00:00.000Z",
        caused_by=(),
        items=tuple(
            Offer(item_id=item, title=item, score=1.0, rank=rank, source="interest")
            for rank, item in enumerate(items, 1)
        ),
        interests=(),
        entropy=0.0,
        confidence=0.0,
        segment=None,
        variant=None,
        model=Model(encoder="", ranker=""),
    )


def test_of_the_service_s_messages_the_highest_version_is_shown() -> None:
    loop = ClosedLoop()
    for version, item in ((1, "item-1"), (3, "item-3"), (2, "item-2")):
        loop.take(recommendation(version, item))

    assert loop.shown("user-0", 0.0) == Shown("list-3", ("item-3",))
    assert loop.shown("user-1", 0.0) is None

    loop.take(recommendation(4))
    assert loop.shown("user-0", 0.0) is None  # an empty list leaves the front page


@pytest.mark.parametrize("seed", [1, 2])
def test_the_service_s_own_lists_are_clicked_more_than_the_front_page(seed: int) -> None:
    """The worker's fold and ranking in the loop: what they learn from clicks brings clicks."""
    plan = Plan(users=8, items=240, days=4, seed=seed, dimension=16, bots=0, bursts=0, births=0)
    loop, found = ClosedLoop(), defaultdict[str, list[Event]](list)
    world = World(plan, loop)
    items = list(world.items())
    vectors = {item.item_id: np.array(item.vectors["text"], np.float32) for item in items}
    engine = Engine(Catalogue(16, entries(items, vectors)), event_kinds(load()), Tuning())
    while events := world.step():
        for event in events:
            found["loop"].append(event)
            if engine.learn(event).publishes:
                profile = engine.profile(event.user_id)
                (fresh,) = rank([profile], [()], engine.catalogue, engine.tuning)
                loop.offer(event.user_id, [offer.item_id for offer in fresh.offers], event.event_id)
        engine.flush()
    found["page"] += simulate(plan).events

    def rate(events: list[Event]) -> float:
        return len(clicks(events, listed=True)) / sum(e.type == "impression" for e in events)

    assert rate(found["loop"]) > 2 * rate(found["page"])
