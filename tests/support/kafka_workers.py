"""Worker processes and topics for delivery tests, over whatever broker a test has."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path

from kafka import KafkaProducer, TopicPartition
from kafka.errors import KafkaError
from kafka.structs import OffsetAndMetadata

from stream import settings as settings_module
from stream.errors import Unavailable
from stream.kafka.admin import Admin
from stream.kafka.topics import TopicPlan
from stream.settings import Settings

PATIENCE_S = 40.0
POLL_S = 0.05


def until(condition: Callable[[], bool], what: str, *, within_s: float = PATIENCE_S) -> None:
    """Poll until `condition()`; fails with `what` and the time given."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {within_s:g} s"
        time.sleep(POLL_S)


def small_settings(url: str, **overrides: object) -> Settings:
    """Settings with short time-outs and a namespace of their own."""
    return settings_module.load(
        **{
            "kafka_url": url,
            "namespace": f"t{uuid.uuid4().hex[:8]}",
            "session_timeout_s": 3,
            "heartbeat_interval_s": 0.3,
            "kafka_idempotence": False,
            "chunk_records": 100,
            "shutdown_s": 5,
            **overrides,
        }
    )


class Stand:
    """A topic, the workers of one group that read it, and what they wrote down."""

    def __init__(self, settings: Settings, folder: Path, *, partitions: int = 4) -> None:
        self.settings = settings
        self.topic = settings.topic("in")
        self._folder = folder
        self._workers: list[subprocess.Popen[bytes]] = []
        self._plan = TopicPlan(self.topic, partitions, 1)
        with Admin(settings) as admin:
            admin.create([self._plan])

    def commit_beyond_the_end(self) -> None:
        """Leave the group with offsets that no record has reached."""
        offsets = {
            TopicPartition(self.topic, partition): OffsetAndMetadata(1000, "", -1)
            for partition in range(self._plan.partitions)
        }

        def committed() -> bool:
            try:
                with Admin(self.settings) as admin:
                    admin._client.alter_group_offsets(self.settings.namespace, offsets)
            except KafkaError:  # a broker just started still makes the topic that holds them
                return False
            return self.committed() == 1000 * self._plan.partitions

        until(committed, "offsets beyond the end")

    def produce(self, values: Iterable[int]) -> None:
        """Send the values, each as its own key too, and wait until all are confirmed."""
        producer = KafkaProducer(bootstrap_servers=self.settings.kafka_url.split(","))
        sent = [producer.send(self.topic, key=b"%d" % v, value=b"%d" % v) for v in values]
        for confirmation in sent:
            confirmation.get(timeout=20)
        producer.close()

    def worker(self, fail_at: int | None = None) -> subprocess.Popen[bytes]:
        number = len(self._workers)
        options = self.settings.model_dump(
            mode="json",
            include={
                *("kafka_url", "namespace", "session_timeout_s", "heartbeat_interval_s"),
                *("kafka_idempotence", "chunk_records", "shutdown_s"),
            },
        )
        arguments = [str(self._folder / f"out-{number}"), self.topic, json.dumps(options)]
        if fail_at is not None:
            arguments.append(str(fail_at))
        with (self._folder / f"log-{number}").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.support.chunk_worker", *arguments],
                cwd=Path(__file__).parents[2],
                stderr=log,
            )
        self._workers.append(process)
        return process

    def lines(self) -> list[tuple[int, int, int]]:
        """(partition, offset, value) as written by all workers; a half-written line is left out."""
        found = []
        for out in sorted(self._folder.glob("out-*")):
            whole, _, _ = out.read_text().rpartition("\n")
            found += [tuple(map(int, line.split())) for line in whole.splitlines()]
        return found  # type: ignore[return-value]  # three numbers a line

    def values(self) -> set[int]:
        return {value for _, _, value in self.lines()}

    def committed(self) -> int:
        """Records of the topic that the group will not read again; 0 while nobody can tell."""
        try:
            with Admin(self.settings) as admin:
                offsets = admin.committed(self.settings.namespace)
        except Unavailable:  # a broker just started still makes the topic that holds the offsets
            return 0
        return sum(offset for tp, offset in offsets.items() if tp.topic == self.topic)

    def log(self, number: int) -> str:
        return (self._folder / f"log-{number}").read_text()

    def close(self) -> None:
        for process in self._workers:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
            process.wait()


def kill(process: subprocess.Popen[bytes]) -> None:
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
