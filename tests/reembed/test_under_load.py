"""Another model and back again under a running load, by the commands that an operator types."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from stream.core.profile import Profile
from stream.encoder import manifest
from stream.store.codec import unpack
from stream.store.collections import open_store
from stream.wire.ids import recommendation_id
from tests.endtoend.deployment import BOTH, Deployment, deployed
from tests.support import records
from tests.support.kafka_workers import until
from tests.support.records import KeyValue, Sender
from tests.support.worker import ROOT, WorkerProcess

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

FIXTURES = Path(__file__).parents[1] / "encoder" / "fixtures"
OLD, NEW = FIXTURES / "tiny", FIXTURES / "tiny_pooled"
USERS, ITEMS, RATE = 20, 120, 60.0
TOPICS = ("sea", "war", "love", "train")
HALF_LIFE_S = 30 * 86_400.0


@pytest.fixture(scope="module", params=BOTH)
def deployment(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    folder = tmp_path_factory.mktemp("reembed")
    with deployed(request, folder, "reembed", replica_poll_s="0.2") as running:
        yield running


class Likes:
    """Likes of all users in turn, each with an id of its own; what was sent is remembered."""

    def __init__(self) -> None:
        self.sent: dict[str, list[tuple[str, float]]] = {}
        self._count = 0
        self._chance = random.Random(1)
        self._start = round(time.time() - 3600, 3)

    def some(self, count: int) -> list[KeyValue]:
        return [self._one() for _ in range(count)]

    def _one(self) -> KeyValue:
        number, self._count = self._count, self._count + 1
        user, item = f"user-{number % USERS}", f"film-{self._chance.randrange(ITEMS)}"
        at = self._start + number
        self.sent.setdefault(user, []).append((item, at))
        message = {"user_id": user, "item_id": item, "type": "like", "at": at}
        return user.encode(), json.dumps({**message, "event_id": f"like-{number}"}).encode()


def films() -> list[KeyValue]:
    found: list[KeyValue] = []
    for number in range(ITEMS):
        topic = TOPICS[number % len(TOPICS)]
        message = {"item_id": f"film-{number}", "title": f"{topic} {number}", "categories": [topic]}
        found.append((f"film-{number}".encode(), json.dumps(message).encode()))
    return found


def worker(deployment: Deployment, model: Path, name: str) -> WorkerProcess:
    env = {**deployment.env, "INTERESTREAM_MODEL_DIR": str(model)}
    return WorkerProcess(env, deployment.folder / f"{name}.log")


def reembed(deployment: Deployment, *arguments: str) -> str:
    """What the command says; it must end well."""
    done = subprocess.run(
        [sys.executable, "-m", "stream.cli", "reembed", *arguments],
        cwd=ROOT,
        env={**os.environ, **deployment.env},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def knows_no_goodbye(deployment: Deployment) -> bool:
    """The embedded broker goes on to list a worker that has left."""
    return deployment.extra.get("INTERESTREAM_KAFKA_IDEMPOTENCE") == "false"


async def profiles(deployment: Deployment, model: Path) -> dict[str, Profile]:
    identity = manifest.read(model)
    store = await open_store(
        deployment.settings(), dimension=identity.dimension, encoder_hash=identity.hash
    )
    try:
        return {row.user_id: unpack(row) async for page in store.users.pages(100) for row in page}
    finally:
        await store.close()


def published(deployment: Deployment) -> dict[str, set[str]]:
    """Ids of the lists that reached their topic, by user."""
    found: dict[str, set[str]] = {}
    for record in records.read(deployment.settings(), "recommendations"):
        name = json.loads(record.value or b"{}").get("recommendation_id")
        found.setdefault((record.key or b"").decode(), set()).add(name)
    return found


def check(likes: Likes, found: dict[str, Profile], lists: dict[str, set[str]]) -> None:
    """Every like is in its user's profile, once, in order; the list that followed got out."""
    assert found.keys() == likes.sent.keys()
    for user, sent in likes.sent.items():
        profile = found[user]
        assert [(r.item_id, r.at) for r in profile.recent] == sent[-50:]
        topics: Counter[str] = Counter()
        for item, at in sent:
            topic = TOPICS[int(item.removeprefix("film-")) % len(TOPICS)]
            topics[topic] += 0.8 * 2 ** (-(sent[-1][1] - at) / HALF_LIFE_S)  # type: ignore[assignment]
        assert profile.categories.weights == pytest.approx(dict(topics), rel=1e-4)
        assert profile.interests
        assert profile.current is not None
        assert recommendation_id(user, profile.current.version) in lists[user]


async def test_no_event_is_lost_or_applied_twice_on_the_way_there_and_back(
    deployment: Deployment, tmp_path: Path
) -> None:
    likes, sender = Likes(), Sender(deployment.settings())
    to_old, to_new = ("--model", str(OLD)), ("--model", str(NEW))
    with (
        worker(deployment, OLD, "old") as old,
        worker(deployment, NEW, "new") as new,
        worker(deployment, OLD, "old-again") as again,
        ThreadPoolExecutor(1) as aside,
    ):
        old.start()
        sender.burst("items", films())
        until(sender.committed, "items committed")

        sending = aside.submit(sender.paced, "events", likes.some(600), RATE)
        until(lambda: old.counters().events > 60, "work under way")
        told = reembed(deployment, *to_new, "--report", str(tmp_path / "report.json"))
        assert "held out" in told
        assert json.loads((tmp_path / "report.json").read_text())["items"] == ITEMS
        assert old.ready
        new.spawn()
        until(lambda: "waits for the switch" in new.log(), "the new worker waits")
        assert new.alive
        assert not new.ready

        told = reembed(deployment, *to_new, "--switch", "--wait-s", "8")
        assert "is in force" in told
        assert "still listed" not in told or knows_no_goodbye(deployment)
        assert old.wait() == 0
        assert "INTERESTREAM_MODEL_DIR" in old.log()
        until(lambda: new.ready, "the new worker works")
        sending.result()
        until(sender.committed, "everything committed")
        assert new.counters().already_applied == 0
        check(likes, await profiles(deployment, NEW), published(deployment))

        sending = aside.submit(sender.paced, "events", likes.some(200), RATE)
        reembed(deployment, *to_old)
        again.spawn()
        until(lambda: "waits for the switch" in again.log(), "the old worker waits")
        reembed(deployment, *to_old, "--switch", "--wait-s", "8")
        assert new.wait() == 0
        until(lambda: again.ready, "the old model works again")
        sending.result()
        until(sender.committed, "everything committed")
        check(likes, await profiles(deployment, OLD), published(deployment))
