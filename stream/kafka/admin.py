"""Asking and changing the broker. Everything here blocks: from async code use asyncio.to_thread."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from kafka import TopicPartition as KafkaPartition
from kafka.admin import KafkaAdminClient, MemberToRemove
from kafka.errors import KafkaError, UnknownTopicOrPartitionError, for_code
from kafka.structs import OffsetAndMetadata
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_random_exponential

from stream.errors import Failed, Misconfigured, Unavailable
from stream.kafka.deliveries import TopicPartition
from stream.kafka.security import kafka_python_options, servers
from stream.kafka.topics import TopicPlan, topic_plans
from stream.settings import Settings

TOPIC_EXISTS = 36
KNOCK_S = 2.0


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic as the broker describes it; `topic_id` changes when it is deleted and made again."""

    name: str
    topic_id: str
    partitions: int


class Admin:
    """A connection for administration; a context manager. Its errors are Unavailable("kafka")."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client: Any = None

    def __enter__(self) -> Self:
        _knock(self._settings)
        timeout_ms = int(self._settings.kafka_timeout_s * 1000)
        with _outages():
            self._client = KafkaAdminClient(
                bootstrap_timeout_ms=min(2000, timeout_ms),
                request_timeout_ms=timeout_ms,
                reconnect_backoff_ms=50,
                reconnect_backoff_max_ms=200,
                **kafka_python_options(self._settings),
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.close()

    def cluster_id(self) -> str:
        with _outages():
            return str(self._client.describe_cluster()["cluster_id"])

    def topics(self) -> list[str]:
        """Names of all topics but the broker's own, sorted."""
        with _outages():
            return sorted(name for name in self._client.list_topics() if name[:2] != "__")

    def topic(self, name: str) -> Topic:
        """Raises Misconfigured if there is no such topic."""
        with _outages():
            (described,) = self._client.describe_topics([name])
        error = for_code(described["error_code"])
        if error is UnknownTopicOrPartitionError:
            raise Misconfigured(f"topic {name} is missing: run `interestream topics create`")
        if described["error_code"]:
            raise Unavailable("kafka", f"{name}: {error.__name__}")
        return Topic(name, str(described["topic_id"]), len(described["partitions"]))

    def create(self, plans: list[TopicPlan]) -> list[str]:
        """Create what does not exist yet and return the names of what was created.

        Raises Misconfigured with the broker's reason where it refuses one.
        """
        wanted = {plan.name: _options(plan) for plan in plans}
        with _outages():
            answers = self._client.create_topics(wanted, raise_errors=False)["topics"]
        refused = [a for a in answers if a["error_code"] not in (0, TOPIC_EXISTS)]
        if refused:
            reasons = "; ".join(f"{a['name']}: {a['error_message']}" for a in refused)
            raise Misconfigured(f"the broker refuses to create topics: {reasons}")
        return [a["name"] for a in answers if a["error_code"] == 0]

    def committed(self, group: str) -> dict[TopicPartition, int]:
        """The next offset that the group will read, by partition; empty for an unknown group."""
        with _outages():
            offsets = self._client.list_group_offsets(group)[group]
        return {
            TopicPartition(tp.topic, tp.partition): found.offset
            for tp, found in offsets.items()
            if found.offset >= 0
        }

    def commit(self, group: str, offsets: Mapping[TopicPartition, int]) -> None:
        """Let the group go on at these offsets. Raises Failed where it has members, or another
        reason of the broker's."""
        wanted = {
            KafkaPartition(tp.topic, tp.partition): OffsetAndMetadata(offset, "", -1)
            for tp, offset in offsets.items()
        }
        with _outages():
            answers = self._client.alter_group_offsets(group, wanted)
        if refused := {tp: error for tp, error in answers.items() if error.errno}:
            reasons = ", ".join(sorted({error.__name__ for error in refused.values()}))
            raise Failed(
                f"the broker refuses the offsets of {len(refused)} partitions of group {group}: "
                f"{reasons}; stop whoever reads with this group, then run the same command again"
            )

    def members(self, group: str) -> list[str]:
        """How people may call the members of a consumer group; empty for an unknown group."""
        found = self._members(group)
        return [f"{m['client_id'] or m['member_id']} {m['client_host']}" for m in found]

    def evict(self, group: str) -> None:
        """Put all members out of the group. One that lives joins again.

        The answers are not looked at: the embedded broker does it, and says that it did not.
        """
        gone = [MemberToRemove(member_id=member["member_id"]) for member in self._members(group)]
        if gone:
            with _outages():
                self._client.remove_group_members(group, gone)

    def _members(self, group: str) -> list[dict[str, Any]]:
        # It names the operations that the caller may do, and fails on numbers it does not know.
        self._client._process_acl_operations = dict
        with _outages():
            found = self._client.describe_groups([group])[group]
        if found["error"]:
            raise Unavailable("kafka", f"group {group}: {found['error']}")
        members: list[dict[str, Any]] = found["members"]
        return members


def ensure_topics(settings: Settings) -> list[str]:
    """Create the topics of the deployment that are missing; return their names."""
    with Admin(settings) as admin:
        return admin.create(topic_plans(settings))


def partitions_of(settings: Settings, name: str) -> int:
    """How many partitions the topic has. Raises Misconfigured if it is missing."""
    with Admin(settings) as admin:
        return admin.topic(settings.topic(name)).partitions


def list_topics(settings: Settings) -> list[str]:
    """Topics of this namespace, sorted."""
    with Admin(settings) as admin:
        return [name for name in admin.topics() if name.startswith(f"{settings.namespace}.")]


def wait_for_broker(settings: Settings, deadline_s: float) -> str:
    """Wait until the broker answers and return its cluster id.

    A Faust app that starts while the broker is away exits. Raises Unavailable("kafka") if there is
    no answer within `deadline_s` seconds.
    """
    started = time.monotonic()

    def ask() -> str:
        with Admin(settings) as admin:
            return admin.cluster_id()

    retrying = Retrying(
        retry=retry_if_exception_type(Unavailable),
        wait=wait_random_exponential(multiplier=0.1, max=2),
        stop=stop_after_delay(deadline_s),
        reraise=True,
    )
    try:
        return retrying(ask)
    except Unavailable as error:
        message = (
            f"{settings.kafka_url} did not answer within {time.monotonic() - started:.0f} s "
            f"(INTERESTREAM_KAFKA_URL): {error}"
        )
        raise Unavailable("kafka", message) from error


def _options(plan: TopicPlan) -> dict[str, object]:
    return {
        "num_partitions": plan.partitions,
        "replication_factor": plan.replication,
        "configs": plan.configs,
    }


def _knock(settings: Settings) -> None:
    """Raise Unavailable("kafka") if no bootstrap server accepts connections.

    kafka-python waits its whole time-out for a server that refuses, and leaves sockets open.
    """
    problems = []
    for server in servers(settings):
        host, _, port = server.rpartition(":")
        try:
            socket.create_connection((host.strip("[]"), int(port)), KNOCK_S).close()
        except OSError as error:
            problems.append(f"{server}: {error}")
        else:
            return
    raise Unavailable("kafka", "; ".join(problems))


@contextmanager
def _outages() -> Iterator[None]:
    try:
        yield
    except KafkaError as error:
        raise Unavailable("kafka", f"{error}") from error
