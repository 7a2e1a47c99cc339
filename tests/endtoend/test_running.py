"""A worker in its daily life: a catalogue that changes, an outage, a restart, a lost store."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from stream.demo.audience import Audience
from stream.embedded.broker import Broker
from stream.embedded.process import free_ports
from stream.embedded.qdrant.host import EmbeddedQdrant
from stream.wire.messages import Recommendation
from tests.endtoend.deployment import Deployment
from tests.support import load
from tests.support.kafka_workers import until
from tests.support.records import KeyValue, Sender
from tests.support.stores import Place
from tests.support.worker import WorkerProcess

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

FILMS = load.items()[: 2 * load.TOPICS * 3]  # six of each topic


@dataclass
class Service:
    """A deployment with its worker, its store's process, a producer and a consumer."""

    deployment: Deployment
    store: EmbeddedQdrant
    worker: WorkerProcess
    sender: Sender
    audience: Audience
    likes: int = 0

    def like(self, user: str, item: str = "film-0") -> str:
        """Send one more like; its event id."""
        self.likes += 1
        message = {
            "event_id": f"like-{self.likes}",
            "user_id": user,
            "item_id": item,
            "type": "like",
            "at": time.time(),
        }
        self.sender.burst("events", [(user.encode(), json.dumps(message).encode())])
        return f"like-{self.likes}"

    def fresh_list(self, user: str, item: str = "film-0") -> Recommendation:
        """A list made just now, for one more like of a film."""
        event = self.like(user, item)
        until(lambda: self.caused_by(event) is not None, "a fresh list")
        found = self.caused_by(event)
        assert found is not None
        return found

    def offered(self, user: str) -> set[str]:
        return {offer.item_id for offer in self.fresh_list(user).items}

    def put_items(self, records: Sequence[KeyValue]) -> None:
        """Send item records, and wait until they are acknowledged."""
        goal = self.worker.counters().items + len(records)
        self.sender.burst("items", records)
        until(lambda: self.worker.counters().items == goal, "items acknowledged")

    def caused_by(self, event: str) -> Recommendation | None:
        lists = [one.message for one in list(self.audience.received.values())]
        return next((one for one in lists if event in one.caused_by), None)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, model_dir: Path) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("running")
    broker = Broker(log=folder / "broker.log").start()
    store = EmbeddedQdrant(folder / "qdrant").start()
    place = Place(store.http_url, store.grpc_port)
    extra = {
        "INTERESTREAM_KAFKA_IDEMPOTENCE": "false",
        "INTERESTREAM_REPLICA_POLL_S": "0.2",
        "INTERESTREAM_ENCODER_CACHE_BYTES": "0",  # it would hide what is encoded again
    }
    deployment = Deployment(broker.url, place, folder, extra)
    settings = deployment.settings()
    audience = Audience(settings)
    try:
        with deployment.worker().start() as worker:
            audience.start()
            yield Service(deployment, store, worker, Sender(settings), audience)
            audience.stop()
    finally:
        broker.stop()
        store.stop()


@pytest.fixture
def user(request: pytest.FixtureRequest, service: Service) -> str:
    """A user of the test's own, in a catalogue of known films."""
    service.put_items(FILMS)
    return f"user-of-{request.node.name}"


def test_an_item_that_goes_is_offered_no_more(service: Service, user: str) -> None:
    until(lambda: "film-6" in service.offered(user), "the nearest film offered")
    service.put_items([(b"film-6", None)])

    until(lambda: "film-6" not in service.offered(user), "the deleted film gone")


def test_an_item_that_comes_is_offered(service: Service, user: str) -> None:
    film = {**json.loads(FILMS[0][1]), "item_id": "film-new", "title": "Just out"}
    service.put_items([_item(film)])

    until(lambda: "film-new" in service.offered(user), "the new film offered")


def test_an_item_that_changes_is_offered_as_it_is_now(service: Service, user: str) -> None:
    until(lambda: "film-12" in service.offered(user), "the film offered")
    film = {**json.loads(FILMS[12][1]), "title": "Another title"}
    service.put_items([_item(film)])

    def titles() -> set[str]:
        return {offer.title for offer in service.fresh_list(user).items}

    until(lambda: "Another title" in titles(), "the new title")
    service.put_items([_item({**film, "available": False})])
    until(lambda: "film-12" not in service.offered(user), "the unavailable film gone")


def test_what_is_known_of_a_user_can_be_read(service: Service, user: str) -> None:
    published = service.fresh_list(user)
    service.fresh_list(f"{user}-too")

    told = service.worker.read(f"/v1/users/{user}/explain")
    assert told["published"]["version"] >= published.version
    assert [one["item_id"] for one in told["user"]["recent"]] == ["film-0"]
    ranked = service.worker.read(f"/v1/users/{user}/recommendations?n=3&exclude=film-6")
    assert len(ranked["items"]) == 3
    assert "film-6" not in {one["item_id"] for one in ranked["items"]}
    alike = service.worker.read(f"/v1/users/{user}/lookalikes")
    assert f"{user}-too" in {one["user_id"] for one in alike["users"]}


def test_what_others_did_reaches_a_list_and_outlives_a_restart(service: Service, user: str) -> None:
    """Two films of different topics: nothing but their company makes the one follow the other."""
    for number in range(5):
        for film in ("film-1", "film-2"):
            service.fresh_list(f"{user}-{number}", film)

    def why(newcomer: str) -> tuple[str, tuple[str, ...]]:
        offers = service.fresh_list(newcomer, "film-1").items
        return next(((o.source, o.because) for o in offers if o.item_id == "film-2"), ("", ()))

    until(lambda: why(f"{user}-new") == ("neighbours", ("film-1",)), "the other film for company")
    assert service.worker.terminate() == 0
    service.worker.start()

    assert why(f"{user}-newer") == ("neighbours", ("film-1",))


def test_a_worker_that_may_not_hold_the_catalogue_searches_it(service: Service, user: str) -> None:
    until(lambda: len(service.offered(f"{user}-0")) == 10, "the films in the worker's replica")
    scored = service.fresh_list(f"{user}-1")
    assert service.worker.terminate() == 0
    service.worker.start(catalogue_max_items="5")

    searched = service.fresh_list(f"{user}-2")
    assert "items are searched" in service.worker.log()
    assert service.worker.terminate() == 0
    service.worker.start()

    assert len(searched.items) == len(scored.items) == 10
    assert [o.item_id for o in searched.items[:5]] == [o.item_id for o in scored.items[:5]]
    assert [o.score for o in searched.items[:5]] == pytest.approx(
        [o.score for o in scored.items[:5]], abs=0.01
    )


def test_unchanged_content_is_not_encoded_again(service: Service) -> None:
    def encoded(message: dict[str, Any]) -> float:
        before = service.worker.metric("encoder_real_tokens_total")
        service.put_items([_item(message)])
        return service.worker.metric("encoder_real_tokens_total") - before

    film = {"item_id": "told", "title": "The tale of a patient carpenter"}
    assert encoded(film) > 0
    assert encoded({**film, "domain": "films"}) == 0
    assert encoded({**film, "title": "The tale of an impatient carpenter"}) > 0


def test_while_the_store_is_away_events_wait(service: Service, user: str) -> None:
    """Not ready, but alive: nothing is lost, nothing is refused, nobody restarts anything."""
    service.fresh_list(user)
    service.store.kill()
    event = service.like(user)
    until(lambda: not service.worker.ready, "not ready")
    assert service.worker.alive
    assert service.caused_by(event) is None
    service.store.start()

    until(lambda: service.caused_by(event) is not None, "the event's list")
    until(lambda: service.worker.ready, "ready again")


def test_sigterm_finishes_and_acknowledges_what_is_in_hand(service: Service, user: str) -> None:
    """The next worker is given nothing that this one has applied."""
    now, likes = time.time(), []
    for number in range(1500):
        one = f"{user}-{number % 300}"
        like = {"user_id": one, "item_id": f"film-{number % 30}", "type": "like", "at": now}
        likes.append((one.encode(), json.dumps({**like, "event_id": f"e{number}"}).encode()))
    before = service.worker.counters().events
    service.sender.burst("events", likes)
    until(lambda: service.worker.counters().events > before + 100, "work under way")

    assert service.worker.terminate() == 0
    assert not service.sender.committed(), "the burst was over before the signal"
    service.worker.start()
    until(service.sender.committed, "everything committed")
    until(lambda: service.worker.counters().applied > 0, "counted")
    counters = service.worker.counters()
    assert counters.already_applied == 0
    assert counters.dead_letters == {}


def test_old_offsets_with_an_empty_store_are_refused(service: Service, tmp_path: Path) -> None:
    """What the store has lost would be skipped in silence."""
    service.fresh_list("user-before")
    until(service.sender.committed, "everything committed")
    assert service.worker.terminate() == 0
    lost = EmbeddedQdrant(tmp_path / "qdrant").start()
    place = Place(lost.http_url, lost.grpc_port)
    old = service.deployment
    fresh = Deployment(old.kafka_url, place, tmp_path, old.extra)
    try:
        with fresh.worker() as worker:
            worker.spawn()
            assert worker.wait() == 2
            assert "--accept-empty" in worker.log()
            assert "Traceback" not in worker.log()
            worker.start("--accept-empty")
            assert worker.terminate() == 0
    finally:
        lost.stop()


def test_a_worker_that_waits_for_its_broker_lives_is_not_ready_and_stops_when_told(
    tmp_path: Path, model_dir: Path
) -> None:
    """An operator stops it, or a supervisor moves it, whether or not the broker ever comes."""
    (nobody,) = free_ports(1)
    env = {
        "INTERESTREAM_KAFKA_URL": f"127.0.0.1:{nobody}",
        "INTERESTREAM_MODEL_DIR": str(model_dir),
    }
    with WorkerProcess(env, tmp_path / "worker.log") as worker:
        worker.spawn()
        until(lambda: "waiting" in worker.log(), "word of what is waited for")
        assert worker.alive
        assert not worker.ready
        assert worker.terminate() == 0


def _item(message: dict[str, Any]) -> KeyValue:
    return message["item_id"].encode(), json.dumps(message).encode()
