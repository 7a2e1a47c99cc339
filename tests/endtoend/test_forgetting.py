"""A user asks to be forgotten: what the topics and the store hold then, and a minute later."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from kafka import KafkaProducer
from typer.testing import CliRunner

from stream.cli import app
from stream.encoder import manifest
from stream.kafka.security import kafka_python_options
from stream.store.collections import open_store
from stream.store.rows import UserRow
from stream.wire.ids import user_hash
from tests.endtoend.deployment import Deployment, embedded
from tests.support import load, records
from tests.support.kafka_workers import until
from tests.support.records import Kept, Sender
from tests.support.worker import WorkerProcess

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

CONFIRM_S = 9.0  # the session, and what the broker may take: the least that is accepted


@dataclass
class Place:
    deployment: Deployment
    worker: WorkerProcess
    sender: Sender
    model_dir: Path

    def send(self, user: str, **given: object) -> None:
        event = {"user_id": user, "type": "like", "item_id": "film-0", "at": time.time(), **given}
        self.sender.burst("events", [(user.encode(), json.dumps(event).encode())])

    def put_into(self, topic: str, key: bytes, value: bytes) -> None:
        settings = self.deployment.settings()
        producer = KafkaProducer(**kafka_python_options(settings))
        producer.send(settings.topic(topic), key=key, value=value).get(timeout=10)
        producer.close()

    def newest(self, topic: str, user: str) -> list[bytes | None]:
        """The value of the user's last record, as compaction leaves it; empty: there is none."""
        own = [r.value for r in self.read(topic) if r.key == user.encode()]
        return own[-1:]

    def letters(self, user: str) -> list[Kept]:
        kept = {r.key: r for r in self.read("dead-letters")}
        hashed = user_hash(user).encode()
        own = [one for one in kept.values() if one.headers.get("dl_user") == hashed]
        return [one for one in own if one.value is not None]

    def receipts(self, user: str) -> list[dict[str, object]]:
        found = [json.loads(r.value or b"") for r in self.read("receipts")]
        return [receipt for receipt in found if receipt["user_hash"] == user_hash(user)]

    def row(self, user: str) -> UserRow | None:
        """As the store has it, under whatever name."""
        return asyncio.run(self._row(user))

    def read(self, topic: str) -> list[Kept]:
        return records.read(self.deployment.settings(), topic)

    async def _row(self, user: str) -> UserRow | None:
        model = manifest.read(self.model_dir)
        store = await open_store(
            self.deployment.settings(), dimension=model.dimension, encoder_hash=model.hash
        )
        try:
            point = (await store.users.table.heads([user])).get(user)
            rows = [row async for page in store.users.pages(100) for row in page]
            return next((r for r in rows if point and r.etag == point.etag), None)
        finally:
            await store.close()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, model_dir: Path) -> Iterator[Place]:
    times = {"forget_confirm_s": str(CONFIRM_S), "kafka_timeout_s": "3"}
    with embedded(tmp_path_factory.mktemp("forgetting"), **times) as deployment:
        sender = Sender(deployment.settings())
        with deployment.worker().start() as worker:
            sender.burst("items", load.items())
            until(lambda: worker.counters().items == len(load.items()), "items acknowledged")
            yield Place(deployment, worker, sender, model_dir)


def test_a_forgotten_user_leaves_no_name_behind(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.send("ada")
    place.send("ada", at="yesterday")  # refused: a dead letter
    until(lambda: bool(place.letters("ada")), "the dead letter")
    place.put_into("dead-letters", b"\xff", b"somebody else's")
    until(lambda: place.newest("recommendations", "ada") not in ([], [None]), "a list")

    for name, value in place.deployment.env.items():
        monkeypatch.setenv(name, value)
    asked = CliRunner().invoke(app, ["forget", "ada", "--yes", "--json"])
    assert asked.exit_code == 0, asked.output
    until(lambda: place.newest("recommendations", "ada") == [None], "the null")
    assert place.newest("segments", "ada") == [None]
    until(lambda: bool(place.receipts("ada")), "the receipt")

    (receipt,) = place.receipts("ada")
    assert receipt["asked_by"] == [json.loads(asked.stdout)["event_id"]]
    removed = receipt["removed"]
    assert isinstance(removed, dict)
    assert removed["recent"] == removed["interests"] == removed["dead_letters"] == 1
    assert place.letters("ada") == []
    until(lambda: "ada" not in str(place.row("ada")), "the name to be gone")

    place.send("ada", at=time.time() - 60)  # older than what was asked for
    place.send("ada", type="forget", item_id=None, event_id=receipt["asked_by"][0])
    place.send("ann")
    until(lambda: place.newest("recommendations", "ann") != [], "the next user's list")
    row = place.row("ada")
    assert row is not None
    assert not row.interests.size
    assert "ada" not in str(row)
    assert place.newest("recommendations", "ada") == [None]


def test_late_events_do_not_bring_a_user_back_and_later_ones_begin_anew(place: Place) -> None:
    place.send("ben")
    until(lambda: place.newest("recommendations", "ben") not in ([], [None]), "a list")
    asked_at = time.time()
    place.send("ben", type="forget", item_id=None)
    place.send("ben", at=asked_at - 5, item_id="film-1")
    until(lambda: bool(place.receipts("ben")), "the receipt")
    assert place.newest("recommendations", "ben") == [None]

    place.send("ben", item_id="film-3")

    until(lambda: place.newest("recommendations", "ben") != [None], "a list of the new life")
    row = place.row("ben")
    assert row is not None
    assert row.user_id == "ben"
    assert json.loads(row.state)["recent_ids"] == ["film-3"]


def test_a_new_life_before_the_confirmation_keeps_its_list(place: Place) -> None:
    place.send("cid")
    place.send("cid", type="forget", item_id=None)
    place.send("cid", item_id="film-3")
    until(lambda: bool(place.receipts("cid")), "the receipt")

    (kept,) = place.newest("recommendations", "cid")
    row = place.row("cid")
    assert row is not None
    assert row.user_id == "cid"
    current = json.loads(row.state)["current"]
    assert json.loads(kept or b"{}")["version"] == current[0]
