"""The services of compose.yaml: their settings, commands and health checks, without Docker.

Apache Kafka is set up by the program that its image runs, from its jars; Qdrant is the server that
other tests use; ours run in the image that was made by its Dockerfile. Only paths are others, and
all share one loopback, on which the names of the services lead to it.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from stream.embedded.process import Child
from tests.infra import files
from tests.infra.box import Box, Stage
from tests.infra.files import DOCKERFILES
from tests.support import kafka, stores

pytestmark = [pytest.mark.ops, pytest.mark.timeout(420)]

SERVICES: dict[str, dict[str, Any]] = files.compose()["services"]


@dataclass(frozen=True, slots=True)
class Stack:
    """What runs, and how to run more in it."""

    box: Box
    stage: Stage
    folder: Path

    def ours(self, name: str, *more: str, **env: str) -> list[str]:
        """The command of a service of ours, with further arguments."""
        service = SERVICES[name]
        command = [*self.stage.entry, *service["command"], *more]
        return self.box.command(self.stage, command, **{**service["environment"], **env})

    def beside(self, command: list[str], env: dict[str, str]) -> list[str]:
        return self.box.beside(
            ["env", *(f"{name}={value}" for name, value in env.items()), *command]
        )

    @contextmanager
    def running(self, name: str, argv: list[str], healthy: Callable[[], bool]) -> Iterator[Child]:
        child = Child(name, argv, self.folder / f"{name}.log")
        child.start(healthy, within_s=60)
        try:
            yield child
        finally:
            child.stop(within_s=30)

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()


@pytest.fixture(scope="module")
def stack(image: tuple[Box, Stage], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Kafka, Qdrant, the topics, and two workers: all healthy."""
    if reason := kafka.missing() or _server_missing():
        pytest.skip(reason)
    box, stage = image
    stack = Stack(box, stage, tmp_path_factory.mktemp("stack"))
    with ExitStack() as parts:
        parts.enter_context(box.network(stage, ("kafka", "qdrant")))
        parts.enter_context(_kafka(stack))
        parts.enter_context(_qdrant(stack))
        subprocess.run(stack.ours("topics"), check=True, capture_output=True, timeout=60)
        for number in range(SERVICES["worker"]["deploy"]["replicas"]):
            parts.enter_context(_worker(stack, number))
        yield stack


def test_the_doctor_finds_nothing(stack: Stack) -> None:
    environment = SERVICES["worker"]["environment"]
    code, told = stack.box.call(stack.stage, [*stack.stage.entry, "doctor"], **environment)
    assert code == 0, told


def test_topics_that_are_there_stay_as_they_are(stack: Stack) -> None:
    done = subprocess.run(stack.ours("topics"), capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert lines
    assert all(line.split()[:2] == ["is", "there"] for line in lines), lines


def test_people_of_the_demo_hear_lists(stack: Stack) -> None:
    """A short world in place of the long one; a repeated option counts as it stands last."""
    short = ("--users=40", "--items=40", "--days=1", "--speed=6000")
    done = subprocess.run(
        stack.ours("demo", *short), capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    (line,) = (line for line in done.stdout.splitlines() if "lists heard" in line)
    assert int(line.split("confirmed, ")[1].split()[0]) > 0


def test_a_stranger_is_refused_by_the_store(stack: Stack) -> None:
    request = "GET /collections HTTP/1.0\\r\\n\\r\\n"
    ask = f"exec 3<>/dev/tcp/qdrant/6333; printf '{request}' >&3; head -1 <&3"
    done = subprocess.run(
        stack.beside(["bash", "-c", ask], {}), capture_output=True, text=True, check=True
    )
    assert " 401 " in done.stdout


@contextmanager
def _kafka(stack: Stack) -> Iterator[Child]:
    """Set up as the image does: properties from KAFKA_* variables, storage formatted."""
    service = SERVICES["kafka"]
    home = stack.folder / "kafka"
    for name in ("default", "mounted", "final", "data"):
        (home / name).mkdir(parents=True)
    (home / "final" / "server.properties").touch()
    env = {**service["environment"], "KAFKA_LOG_DIRS": str(home / "data")}
    folders = [
        word
        for name in ("default", "mounted", "final")
        for word in (f"--{name}-configs-dir", str(home / name))
    ]
    java = ["java", *env["KAFKA_HEAP_OPTS"].split(), "-XX:TieredStopAtLevel=1"]
    java += ["-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", f"{kafka._libraries()}/*"]
    setup = [*java, "kafka.docker.KafkaDockerWrapper", "setup", *folders]
    subprocess.run(stack.beside(setup, env), check=True, capture_output=True, timeout=60)
    serve = [*java, "kafka.Kafka", str(home / "final" / "server.properties")]
    with stack.running("kafka", stack.beside(serve, env), _healthy(stack, "kafka")) as child:
        yield child


@contextmanager
def _qdrant(stack: Stack) -> Iterator[Child]:
    env = SERVICES["qdrant"]["environment"]
    home = stack.folder / "qdrant"
    home.mkdir()
    env = {name: value.replace("/qdrant/storage", str(home)) for name, value in env.items()}
    ports = [env["QDRANT__SERVICE__HTTP_PORT"], env["QDRANT__SERVICE__GRPC_PORT"]]
    serve = stack.beside([str(stores.SERVER), str(home), *ports], env)
    with stack.running("qdrant", serve, _healthy(stack, "qdrant")) as child:
        yield child


@contextmanager
def _worker(stack: Stack, number: int) -> Iterator[Child]:
    """Healthy by the image's own check, and ready; the first has the port of the image."""
    own = {"INTERESTREAM_WEB_PORT": str(6066 + number)}
    (text,) = (step.text for step in files.steps(DOCKERFILES[0]) if step.name == "HEALTHCHECK")
    check = files.Step("", "CMD", text.partition("CMD ")[2]).words()
    name = f"worker-{number}"

    def healthy() -> bool:
        if '"ready"' not in stack.log(name):
            return False
        code, told = stack.box.call(stack.stage, check, **own)
        assert code == 0, told
        return True

    with stack.running(name, stack.ours("worker", **own), healthy) as child:
        yield child
    assert '"stopped"' in stack.log(name), "it leaves in order within the time that compose gives"


def _healthy(stack: Stack, name: str) -> Callable[[], bool]:
    """Whether the health check of a service says so."""
    kind, *command = SERVICES[name]["healthcheck"]["test"]
    assert kind == "CMD"
    argv = stack.beside(command, {})
    return lambda: subprocess.run(argv, capture_output=True, check=False).returncode == 0


def _server_missing() -> str | None:
    """The server must be a program here: one that runs elsewhere has settings of its own."""
    return None if stores.SERVER.exists() else f"no Qdrant server at {stores.SERVER}"
