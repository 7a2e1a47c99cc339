"""The command line as a person uses it: arguments in, lines and an exit code out."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from stream.cli import app
from stream.embedded.broker import Broker
from stream.settings import Settings, load
from tests.support.stores import Place

Command = Callable[..., Result]


@pytest.fixture
def command() -> Command:
    """Runs a command line; what is typed into it by `typed`."""

    def run(*arguments: str, typed: str | bytes | None = None) -> Result:
        return CliRunner().invoke(app, list(arguments), input=typed)

    return run


@pytest.fixture
def here(
    broker: Broker, embedded_qdrant: Place, model_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> Settings:
    """A namespace of its own on the embedded parts, told to the commands by the environment."""
    variables = {
        "NAMESPACE": f"t{secrets.token_hex(4)}",
        "KAFKA_URL": broker.url,
        "KAFKA_IDEMPOTENCE": "false",
        "QDRANT_URL": embedded_qdrant.http_url,
        "QDRANT_GRPC_PORT": str(embedded_qdrant.grpc_port),
        "MODEL_DIR": str(model_dir),
        "MAX_VALUE_BYTES": "4096",
        "MAX_TEXT_BYTES": "1024",
    }
    for name, value in variables.items():
        monkeypatch.setenv(f"INTERESTREAM_{name}", value)
    return load()


def told_of(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands look into a namespace of its own there, where nothing is yet."""
    variables = {
        "NAMESPACE": f"t{secrets.token_hex(4)}",
        "QDRANT_URL": place.http_url,
        "QDRANT_GRPC_PORT": str(place.grpc_port),
    }
    for name, value in variables.items():
        monkeypatch.setenv(f"INTERESTREAM_{name}", value)
