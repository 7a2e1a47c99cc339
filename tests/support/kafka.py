"""Apache Kafka itself, one KRaft process on loopback, from its ordinary Java artifacts."""

from __future__ import annotations

import shutil
import subprocess
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from stream.embedded.process import LOOPBACK, Child, accepts, free_ports

POM = Path(__file__).with_name("kafka.pom.xml")
CACHE = Path(__file__).parents[2] / ".cache" / "kafka" / "libs-4.1.1"
LISTENERS = ("CLIENT", "LINE", "CONTROLLER")
JAVA = ("-Xmx256m", "-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn")


def missing() -> str | None:
    """Why Apache Kafka cannot be run here; None if it can."""
    for command in ("java", "mvn"):
        if shutil.which(command) is None:
            return f"Apache Kafka needs {command}, which is not installed"
    return None


@dataclass(frozen=True, slots=True)
class Line:
    """A way to the broker through something in between.

    port  where the broker listens for it
    told  the port on loopback that clients who come this way are told to connect to
    """

    port: int
    told: int


class Kafka:
    """A broker with the shape of stream.embedded.broker.Broker; its data survives a restart.

    line  a second way to it, beside the direct one
    """

    def __init__(self, folder: Path, line: Line | None = None) -> None:
        self._folder = folder
        self._line = line
        self._child: Child | None = None
        self._ports = free_ports(2)

    @property
    def url(self) -> str:
        return f"{LOOPBACK}:{self._ports[0]}"

    @property
    def pid(self) -> int:
        assert self._child is not None
        return self._child.pid

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.running

    def start(self) -> Self:
        """Start, or start again on the same data and port; returns when it accepts connections."""
        if self._child is None:
            self._child = self._prepare()
        self._child.start(lambda: accepts(self._ports[0]), within_s=60)
        return self

    def stop(self) -> None:
        if self._child is not None:
            self._child.stop()

    def kill(self) -> None:
        if self._child is not None:
            self._child.kill()

    def _prepare(self) -> Child:
        config = self._folder / "server.properties"
        config.write_text(_properties(self._folder / "data", self._ports, self._line))
        tool = ["kafka.tools.StorageTool", "format", "-t", str(uuid.uuid4()), "-c", str(config)]
        subprocess.run(_java(*tool), check=True, capture_output=True)
        return Child("Apache Kafka", _java("kafka.Kafka", str(config)), self._folder / "log")


def _java(*arguments: str) -> list[str]:
    return ["java", *JAVA, "-cp", f"{_libraries()}/*", *arguments]


def _libraries() -> Path:
    """The jars, fetched into the cache by the first test that needs them."""
    if not any(CACHE.glob("kafka_2.13-*.jar")):
        goal = ["dependency:copy-dependencies", "-DincludeScope=runtime"]
        target = f"-DoutputDirectory={CACHE}"
        subprocess.run(["mvn", "-q", "-B", "-f", str(POM), *goal, target], check=True)
    return CACHE


def _properties(data: Path, ports: list[int], line: Line | None) -> str:
    port, controller_port = ports
    client, controller = f"CLIENT://{LOOPBACK}:{port}", f"CONTROLLER://{LOOPBACK}:{controller_port}"
    listens, told = [client], [client]
    if line is not None:
        listens.append(f"LINE://{LOOPBACK}:{line.port}")
        told.append(f"LINE://{LOOPBACK}:{line.told}")
    options = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@{LOOPBACK}:{controller_port}",
        "listeners": ",".join([*listens, controller]),
        "advertised.listeners": ",".join(told),
        "listener.security.protocol.map": ",".join(f"{n}:PLAINTEXT" for n in LISTENERS),
        "inter.broker.listener.name": "CLIENT",
        "controller.listener.names": "CONTROLLER",
        "log.dirs": data,
        "auto.create.topics.enable": "false",
        "offsets.topic.num.partitions": 4,
        "offsets.topic.replication.factor": 1,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "share.coordinator.state.topic.replication.factor": 1,
        "group.initial.rebalance.delay.ms": 0,
        "group.min.session.timeout.ms": 1000,
        "broker.session.timeout.ms": 3000,  # ready 5 s after a kill -9 instead of 12.5 s
        "broker.heartbeat.interval.ms": 500,
        "log.cleaner.backoff.ms": 1000,
    }
    return "".join(f"{name}={value}\n" for name, value in options.items())
