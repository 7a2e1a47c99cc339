"""The commands in a process of the test's own: what they ask, refuse and print."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from stream.backup.plan import Broker
from stream.cli import app
from stream.commands import backup
from stream.errors import Failed, Misconfigured
from tests.backup.deployment import OURS, Deployment, positions, settings_at
from tests.support.stores import Place

pytestmark = [pytest.mark.integration, pytest.mark.timeout(60)]


@pytest.fixture
def one(embedded_qdrant: Place, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    """A deployment that the environment names, on a broker that the test holds in its hands."""
    found = Deployment(settings_at(embedded_qdrant))
    settings = found.settings
    for name in ("namespace", "qdrant_url", "qdrant_grpc_port"):
        monkeypatch.setenv(f"INTERESTREAM_{name.upper()}", str(getattr(settings, name)))
    monkeypatch.setattr("stream.backup.broker.committed", lambda _: positions())
    monkeypatch.setattr(Broker, "of", classmethod(lambda *_: found.around.broker))
    monkeypatch.setattr(backup, "_identity", lambda _: OURS)
    return found


def test_there_and_back(one: Deployment, tmp_path: Path) -> None:
    runner, folder = CliRunner(), str(tmp_path / "monday")
    _filled(one)
    saved = runner.invoke(app, ["snapshot", folder, "--json"], catch_exceptions=False)
    manifest = json.loads(saved.stdout)
    assert {part["part"]: part["points"] for part in manifest["collections"]}["users"] == 3

    shown = runner.invoke(app, ["restore", folder, "--dry-run"], catch_exceptions=False)
    assert shown.exit_code == 2
    assert "in the way: collections hold something already" in shown.stdout
    with pytest.raises(Misconfigured, match="--replace"):
        runner.invoke(app, ["restore", folder], catch_exceptions=False)
    refused = runner.invoke(app, ["restore", folder, "--replace"], input="n\n")
    assert refused.exit_code == 1
    assert one.around.set_to == []
    assert "give up what is stored now" in refused.output

    back = runner.invoke(
        app, ["restore", folder, "--replace", "--yes", "--json"], catch_exceptions=False
    )
    told = json.loads(back.stdout)
    assert told["done"] is True
    assert told["topics"][0] == {
        "name": "events",
        "same": True,
        "offsets": {"0": 12},
        "again": 8,
        "missing": {},
        "beyond": {},
        "skips": False,
    }
    assert one.around.set_to != []


def test_a_whole_snapshot_is_left_alone(one: Deployment, tmp_path: Path) -> None:
    _filled(one)
    backup.snapshot(one.settings, tmp_path, str, export=False)
    with pytest.raises(Misconfigured, match="choose another folder"):
        backup.snapshot(one.settings, tmp_path, str, export=False)


def test_an_interruption_says_where_it_ended(
    one: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(backup, "saved", interrupted)
    with pytest.raises(Failed, match="begins anew"):
        backup.snapshot(one.settings, tmp_path, str, export=False)


def _filled(one: Deployment) -> None:
    asyncio.run(one.filled({"users": 3, "items": 2}))
