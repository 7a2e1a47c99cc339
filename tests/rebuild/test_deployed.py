"""Rebuild and verify over a running deployment, by the commands that an operator types.

The tests stand in the order in which one deployment goes through them.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import pytest

from stream.commands import rebuild as rebuilds
from stream.core.profile import Profile
from stream.encoder import manifest
from stream.errors import Failed
from stream.settings import Settings
from stream.store import names
from stream.store.codec import pack, unpack
from stream.store.collections import collections_of
from stream.store.moves import Stage, standing
from stream.store.rows import fresh_etag
from tests.endtoend import deployment as deployments
from tests.endtoend.deployment import BOTH, Deployment
from tests.rebuild import deployed
from tests.rebuild.deployed import MODEL, OTHER_MODEL
from tests.support import load
from tests.support.kafka_workers import until
from tests.support.records import KeyValue, Sender
from tests.support.worker import WorkerProcess

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

USERS, EVENTS, RATE = 30, 400, 80.0
WANDERERS = 3  # whose events lie in several partitions


@dataclass
class Service:
    """A deployment with its worker and a producer."""

    deployment: Deployment
    worker: WorkerProcess
    sender: Sender
    plan: load.Load

    def settled(self) -> dict[str, Profile]:
        """All profiles, once everything that was sent is acknowledged."""
        until(self.sender.committed, "everything committed")
        return asyncio.run(deployed.profiles(self.deployment))

    def like(self, user: str, number: int, at: float | None = None) -> None:
        message = {"user_id": user, "item_id": f"film-{number}", "type": "like"}
        value = {**message, "at": time.time() if at is None else at}
        self.sender.burst("events", [(user.encode(), json.dumps(value).encode())])

    def collections(self) -> set[int]:
        """Generations of profiles that there are."""

        async def look() -> set[int]:
            async with deployed.store(self.deployment) as store:
                found = await collections_of(store.client)
            return names.generations("rebuild", manifest.read(MODEL).hash, found)

        return asyncio.run(look())

    def stage(self) -> Stage | None:
        async def look() -> Stage | None:
            async with deployed.store(self.deployment) as store:
                move = (await standing(store.meta)).move
            return None if move is None else move.stage

        return asyncio.run(look())


def films() -> list[KeyValue]:
    """The load's items without vectors of their own, which would be of another model."""
    found: list[KeyValue] = []
    for key, value in load.items():
        message = json.loads(value)
        message.pop("vectors", None)
        title = " ".join([*message.get("categories", ()), message["title"]])
        found.append((key, json.dumps({**message, "title": title}).encode()))
    return found


@pytest.fixture(scope="module", params=BOTH)
def service(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    extra = {"replica_poll_s": "0.2", "interests_max": "5"}
    with (
        deployments.deployed(
            request, tmp_path_factory.mktemp("rebuild"), "rebuild", **extra
        ) as deployment,
        deployed.worker(deployment).start() as worker,
    ):
        sender = Sender(deployment.settings())
        sender.burst("items", films())
        until(sender.committed, "items committed")
        plan = load.Load(users=USERS, events=EVENTS, now=time.time())
        yield Service(deployment, worker, sender, plan)


def untouched(before: dict[str, Profile], after: dict[str, Profile]) -> None:
    """To the bit."""
    assert {u: p.version for u, p in after.items()} == {u: p.version for u, p in before.items()}


def same(before: dict[str, Profile], after: dict[str, Profile]) -> None:
    """Nothing but versions and roundings differs."""
    assert before.keys() == after.keys()
    for user, was in before.items():
        now = after[user]
        assert now.version > was.version, user
        for name in ("current", "offered", "membership", "outbox", "forgetting", "as_of"):
            assert getattr(now, name) == getattr(was, name), (user, name)
        if user.startswith("wanderer-"):
            continue  # in several partitions: any order between them
        for name in ("seen", "event_ids", "marks", "ratings", "budget"):
            assert getattr(now, name) == getattr(was, name), (user, name)
        assert [(r.item_id, r.at) for r in now.recent] == [(r.item_id, r.at) for r in was.recent]
        assert now.forgotten_at == pytest.approx(was.forgotten_at, abs=1e-3), user


def test_under_load_a_rebuild_ends_in_the_profiles_that_live_ones_would_be(
    service: Service,
) -> None:
    todo = [one.record for one in service.plan.events]
    service.sender.burst("events", todo[:100])
    with ThreadPoolExecutor(1) as aside:
        sending = aside.submit(service.sender.paced, "events", todo[100:], RATE)
        until(lambda: service.worker.counters().events > 120, "work under way")
        told = deployed.rebuild(service.deployment)
        assert service.worker.wait() == 0
        assert "profiles are being rebuilt" in service.worker.log()
        service.worker.start()
        sending.result()
    after = service.settled()

    assert "_r1\n" in told
    assert {p.forgotten_at is not None for p in after.values()} == {True, False}
    found = deployed.certificate(service.deployment)
    assert (found.generation, found.different, found.bugs) == (1, 0, 0)
    assert found.same >= len(after) - WANDERERS
    assert found.live.marks == found.rebuilt.marks


def test_a_planted_corruption_is_found_and_mended(service: Service) -> None:
    user = "user-1"
    service.settled()
    assert service.worker.terminate() == 0
    right = asyncio.run(deployed.profiles(service.deployment))

    async def spoil() -> None:
        async with deployed.store(service.deployment) as store:
            row = (await store.users.load([user]))[user]
            profile = unpack(row)
            assert profile.session is not None
            turned = replace(profile.session, vector=np.roll(profile.session.vector, 1))
            wrong = replace(profile, session=turned, seen=profile.seen[:-1])
            packed = pack(wrong, fresh_etag(), service.deployment.settings().tuning(), now=0.0)
            assert await store.users.save([packed], {user: row.etag}) == {user}

    asyncio.run(spoil())
    found = deployed.certificate(service.deployment, good=False)
    assert [one.user for one in found.differences if not one.excuse] == [user]
    assert {field for field, _, _ in found.differences[0].fields} == {"seen", "session"}

    deployed.rebuild(service.deployment, wait_s=0)
    same(right, asyncio.run(deployed.profiles(service.deployment)))
    assert deployed.certificate(service.deployment).generation == 2
    assert service.collections() == {0, 1, 2}
    rebuilds.drop_old(service.deployment.settings(), str, str)
    assert service.collections() == {2}


def test_kill_9_leaves_live_profiles_as_they_were_and_another_run_succeeds(
    service: Service,
) -> None:
    before = asyncio.run(deployed.profiles(service.deployment))
    running = deployed.spawned(service.deployment, "rebuild", "--yes", "--wait-s", "60")
    until(lambda: 3 in service.collections(), "a collection half made")
    running.kill()
    running.wait()
    untouched(before, asyncio.run(deployed.profiles(service.deployment)))

    service.worker.start()
    running = deployed.spawned(service.deployment, "rebuild", "--yes", "--wait-s", "60")
    until(lambda: service.stage() is Stage.LEAVING, "workers asked to leave")
    running.kill()
    running.wait()
    assert service.worker.wait() == 0
    service.worker.spawn()
    until(lambda: "profiles are being rebuilt" in service.worker.log(), "the worker waits")
    rebuilds.undo(service.deployment.settings(), str)
    until(lambda: service.worker.ready, "the worker works")
    assert service.collections() == {2}
    service.like("e2e-one", 1)
    assert {"e2e-one"} == service.settled().keys() - before.keys()

    assert service.worker.terminate() == 0
    after = asyncio.run(deployed.profiles(service.deployment))
    deployed.rebuild(service.deployment, wait_s=0)
    same(after, asyncio.run(deployed.profiles(service.deployment)))


def test_ctrl_c_undoes_it(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """While workers are asked to leave, which is the worst moment of those that can be undone."""
    before = asyncio.run(deployed.profiles(service.deployment))
    there = service.collections()

    def interrupted(_: Settings) -> list[str]:
        assert service.stage() is Stage.LEAVING
        os.kill(os.getpid(), signal.SIGINT)
        return ["worker-1"]

    monkeypatch.setattr(rebuilds, "_members", interrupted)
    with pytest.raises(Failed, match="interrupted"):
        deployed.rebuild(service.deployment, wait_s=60)
    assert service.stage() is None
    assert service.collections() == there
    untouched(before, asyncio.run(deployed.profiles(service.deployment)))


def test_who_has_no_record_from_there_on_keeps_the_profile(service: Service) -> None:
    before = asyncio.run(deployed.profiles(service.deployment))
    ends = deployed.certificate(service.deployment).partitions
    start = ",".join(f"{partition}:{end - 4}" for partition, (_, end) in ends.items())
    told = deployed.rebuild(service.deployment, since=start, wait_s=0)
    after = asyncio.run(deployed.profiles(service.deployment))

    shorter = {user for user, one in after.items() if len(one.recent) < len(before[user].recent)}
    assert 0 < len(shorter) <= 4 * len(ends)
    for user in after.keys() - shorter:
        assert after[user].recent == before[user].recent
    assert "users have no record among these: their profiles are as they were" in told


def test_another_model_after_a_rebuild_and_back(service: Service) -> None:
    before = asyncio.run(deployed.profiles(service.deployment))
    for model in (OTHER_MODEL, MODEL):
        deployed.reembed(service.deployment, model)
        found = asyncio.run(deployed.profiles(service.deployment, model))
        assert {u: p.marks for u, p in found.items()} == {u: p.marks for u, p in before.items()}
    assert "profiles rebuilt (generation" in deployed.doctor(service.deployment)
    service.worker.start()
    service.like("user-4", 4)
    assert service.settled()["user-4"].recent[-1].item_id == "film-4"
