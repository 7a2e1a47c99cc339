"""Segments while leaders fight, die and lose their broker and store: nothing stored stays untold,
nothing is told twice under different ids, and who comes too late puts nothing in force.

The tests stand in the order in which one deployment goes through them; each ends in an audit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from stream.core.segment_history import ACCEPTED, ASKED, FIRST, FITTED, IN_FORCE, OVERTAKEN
from stream.embedded.broker import Broker
from stream.wire.ids import change_id
from tests.endtoend import segments_world
from tests.endtoend.deployment import BOTH
from tests.endtoend.segments_world import (
    USERS,
    Sight,
    World,
    drifting,
    likes,
    renamed,
    swapped,
)
from tests.faults.stack import Puppet
from tests.support import kafka, stores
from tests.support.processes import ends
from tests.support.segment_audit import decoded

WAITS = ("segment reassignment waits", "segment sweep waits")

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]


@pytest.fixture(scope="module", params=BOTH)
def world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    if request.param == "kafka":
        if reason := kafka.missing():
            pytest.skip(reason)
        if not stores.SERVER.exists():
            pytest.skip("no Qdrant server that can be killed")
    with segments_world.playing(request.param, tmp_path_factory.mktemp("segments")) as playing:
        yield playing


def test_leaders_killed_in_a_fit_and_before_the_switch_leave_no_child_and_no_half_model(
    world: World,
) -> None:
    """The first dies in its fit, the second with a model saved; the third answers who asked."""
    leader, child = world.fitting()
    request = world.ask()
    world.orders.crash_after("saved")
    leader.kill()
    assert ends(child)
    world.revive()
    world.orders.fits_go_on()
    world.until(lambda: not world.orders.crash_waits, "the second killed")
    world.killed()
    half = world.look()
    assert half.standing.claimed
    assert (half.model, half.fits) == (None, ())

    answer = world.answer(request)
    now = world.audit()
    (fit,) = (one for one in now.fits if one.version == answer.version)
    assert answer.version > half.standing.claimed
    assert (fit.reason, fit.outcome, fit.asked, fit.users) == (FIRST, IN_FORCE, request, USERS)
    assert {decoded(one).cause for one in world.told()} == {"sweep"}
    # gRPC tells whenever it looks at a fork: a child in which it went to work crashed at times
    assert not any("fork_posix" in worker.log() for worker in world.workers)


def test_one_stopped_before_its_switch_comes_too_late_for_one_killed_after_its_own(
    world: World,
) -> None:
    """The one had checked its lease and had one write to do; the other did not tell anybody."""
    moved_to = world.put_in_force(renamed)
    world.orders.stop_at("recorded")
    request = world.ask()
    sleeper = world.stopped()
    half = world.look()
    late = half.standing.claimed
    assert (half.standing.version, half.outcomes()[late]) == (moved_to, FITTED)

    world.orders.crash_after("switched")
    world.killed()
    switched = world.look()
    in_force = switched.standing.version
    assert in_force > late
    assert switched.request is not None
    assert not switched.request.answered
    sleeper.resume()
    world.until(lambda: bool(ends_of(sleeper, late)), "the sleeper has ended its fit")
    assert ends_of(sleeper, late) == ["segments overtaken"]

    answer = world.answer(request)
    assert (answer.version, answer.outcome) == (in_force, IN_FORCE)
    now = world.audit()
    assert now.standing.version >= in_force
    outcomes = now.outcomes()
    assert (outcomes[moved_to], outcomes[in_force]) == (ACCEPTED, IN_FORCE)
    assert outcomes[late] == OVERTAKEN


def test_one_stopped_in_its_fit_publishes_nothing_when_another_leads(world: World) -> None:
    world.orders.hang_fits()
    request = world.ask()
    sleeper, _ = world.fitting()
    sleeper.suspend()
    late = world.look().standing.claimed
    world.orders.fits_go_on()
    answer = world.answer(request)  # of another, who leads now
    assert answer.version > late
    moved_to = world.put_in_force(renamed)
    sleeper.resume()
    world.until(lambda: bool(ends_of(sleeper, late)), "the sleeper has ended its fit")
    assert ends_of(sleeper, late) == ["segments overtaken"]

    now = world.audit()
    assert now.standing.version >= moved_to
    assert [fit.reason for fit in now.fits if fit.version == answer.version] == [ASKED]
    assert late not in now.outcomes(), "who knows that it leads no more does not even try"


def test_workers_killed_amid_the_sweep_leave_nothing_untold(world: World) -> None:
    """One before it told anybody of those it had moved, the next before it wrote down that it had;
    the third ends it."""
    world.orders.crash_after("moved", 3)
    world.put_in_force(renamed)
    world.killed()
    half = world.remember()
    untold = told_of(world, half, so=False)
    assert untold
    for name, user in untold.items():
        assert name == change_id(user, half.profiles[user].version)

    world.orders.crash_after("sent", 3)
    world.revive()
    world.killed()
    again = told_of(world, world.remember(), so=True)
    assert again

    world.audit()
    times = Counter(decoded(one).change_id for one in world.told())
    assert all(times[name] >= 1 for name in untold)
    assert all(times[name] >= 2 for name in again)


def test_two_who_sweep_at_once_while_events_come_tell_each_change_under_one_id(
    world: World,
) -> None:
    """The lease is broken: both lead, and both move everybody to each model."""
    world.orders.everybody_leads(so=True)
    with ThreadPoolExecutor(1) as aside:
        for number, change in enumerate((swapped, renamed), 3):
            version = world.put_in_force(change)
            coming = aside.submit(world.sender.paced, "events", drifting([number]), 150.0)
            world.until(partial(both_moved, world, version), "both have swept")
            world.remember()
            coming.result()
    world.orders.everybody_leads(so=False)

    now = world.audit()
    assert len(now.profiles) > USERS
    assert {decoded(one).cause for one in world.told()} >= {"event", "sweep"}


def test_a_sweep_goes_on_after_an_outage_of_the_store_and_of_the_broker(world: World) -> None:
    """Each is killed while the sweep has moved users and told nobody; with the broker goes who
    would have sent it all the same when that is back."""
    parts = [world.store] if isinstance(world.broker, Broker) else [world.store, world.broker]
    for part in parts:
        world.orders.stop_at("moved", 3)
        world.put_in_force(renamed)
        sweeper = world.stopped()
        world.remember()
        outages = waits_of(sweeper)
        part.kill()
        sweeper.resume()
        world.until(lambda: waits_of(sweeper) > outages, "the outage is known")  # noqa: B023
        if part is world.broker:
            sweeper.kill()
        part.start()
        world.settle()
    world.sender.burst("events", likes([5]))

    world.audit()


def told_of(world: World, sight: Sight, *, so: bool) -> dict[str, str]:
    """Those of the changes that wait which are in the topic already, or are not."""
    there = {decoded(one).change_id for one in world.told()}
    return {name: user for name, user in sight.waiting.items() if (name in there) == so}


def ends_of(worker: Puppet, version: int) -> list[str]:
    """What the worker says became of its fit of this version; nothing yet: it has not ended."""
    found = []
    for event in ("segments", "segments overtaken"):
        found += [event for told in worker.logged(event) if told["version"] == version]
    return found


def waits_of(worker: Puppet) -> int:
    """How often it told that it waits for a part that is away."""
    return sum(len(worker.logged(event)) for event in WAITS)


def both_moved(world: World, version: int) -> bool:
    return all(
        any(one["version"] >= version for one in worker.logged("users reassigned"))
        for worker in world.workers
    )
