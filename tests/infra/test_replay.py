"""What runs in the image, made by its own steps: on a read-only root, and without rights."""

from __future__ import annotations

from pathlib import Path

import pytest

from stream.embedded.broker import Broker
from stream.embedded.process import Child, free_ports
from tests.infra import files
from tests.infra.box import Box, Stage
from tests.infra.files import DOCKERFILES
from tests.support.stores import Place

pytestmark = [pytest.mark.ops, pytest.mark.timeout(420)]

CPU = DOCKERFILES[0]


def test_it_is_the_user_and_may_write_to_one_folder(image: tuple[Box, Stage]) -> None:
    building, stage = image
    user = files.steps(CPU)
    (number,) = {step.text.split(":")[0] for step in user if step.name == "USER"}

    assert building.call(stage, ["id", "-u"]) == (0, f"{number}\n")
    code, told = building.call(stage, ["sh", "-c", "touch here && touch /opt/there"])
    assert code != 0
    assert "/opt/there" in told
    assert "Read-only file system" in told


def test_the_command_is_there_with_its_version(image: tuple[Box, Stage]) -> None:
    building, stage = image
    code, told = building.call(stage, [*stage.entry, "--version"])
    assert (code, told) == (0, "interestream 0.1.0\n")
    code, told = building.call(stage, [*stage.entry, "doctor", "--help"])
    assert code == 0
    assert "effective settings" in told


def test_nothing_but_the_image_is_needed_to_read_a_text(image: tuple[Box, Stage]) -> None:
    """`doctor` finds the model in the image, and the broker and the store away."""
    building, stage = image
    dark = {
        "INTERESTREAM_KAFKA_URL": "127.0.0.1:1",
        "INTERESTREAM_QDRANT_URL": "http://127.0.0.1:1",
    }
    dark |= {"INTERESTREAM_KAFKA_TIMEOUT_S": "1", "INTERESTREAM_QDRANT_TIMEOUT_S": "1"}
    code, told = building.call(stage, [*stage.entry, "doctor"], **dark)

    assert code == 1
    (line,) = (line for line in told.splitlines() if line.split()[1:2] == ["model"])
    assert line.split()[0] == "ok"


def test_a_worker_in_it_is_healthy_and_leaves_when_told(
    image: tuple[Box, Stage], broker: Broker, embedded_qdrant: Place, tmp_path: Path
) -> None:
    building, stage = image
    (port,) = free_ports(1)
    where = {
        "INTERESTREAM_NAMESPACE": "image",
        "INTERESTREAM_KAFKA_URL": broker.url,
        "INTERESTREAM_KAFKA_IDEMPOTENCE": "false",
        "INTERESTREAM_QDRANT_URL": embedded_qdrant.http_url,
        "INTERESTREAM_QDRANT_GRPC_PORT": str(embedded_qdrant.grpc_port),
        "INTERESTREAM_WEB_PORT": str(port),
    }
    (check,) = (step.text for step in files.steps(CPU) if step.name == "HEALTHCHECK")
    health = files.Step("", "CMD", check.partition("CMD ")[2]).words()
    (command,) = (step.words() for step in files.steps(CPU) if step.name == "CMD")

    assert building.call(stage, health, **where)[0] != 0, "nobody is there yet"
    log = tmp_path / "log"
    worker = Child("worker", building.command(stage, [*stage.entry, *command], **where), log)
    try:
        worker.start(lambda: '"ready"' in log.read_text(), within_s=60)
        assert building.call(stage, health, **where)[0] == 0
    finally:
        worker.stop(within_s=30)
    assert '"stopped"' in log.read_text(), "SIGTERM reached it, and it left in order"
