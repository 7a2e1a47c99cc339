"""The doctor: green where all is well, and each check red with its remedy."""

from __future__ import annotations

import asyncio
import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from stream.commands import doctor, store_checks
from stream.commands.clock import check_clock
from stream.commands.doctor import check_model, check_sentiment
from stream.commands.effective import effective, unknown_variables
from stream.embedded.process import free_ports
from stream.encoder import Encoder
from stream.errors import Misconfigured
from stream.kafka.admin import Admin, ensure_topics
from stream.kafka.topics import topic_plans
from stream.settings import Settings, load
from stream.store.client import open_client
from stream.store.collections import open_store
from tests.commands.conftest import Command
from tests.encoder.parts import TINY

NOW = 1_700_000_000.5


def checks(command: Command, exit_code: int) -> dict[str, dict[str, str]]:
    """The doctor's findings by check."""
    result = command("doctor", "--json")
    assert result.exit_code == exit_code, result.output
    report: dict[str, Any] = json.loads(result.stdout)
    assert report["ok"] is (exit_code == 0)
    return {one["check"]: one for one in report["checks"]}


def red(found: dict[str, dict[str, str]]) -> list[str]:
    return [name for name, one in found.items() if one["status"] == "failed"]


# --- settings, without any server


def test_secrets_are_hidden_and_origins_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTERESTREAM_QDRANT_API_KEY", "hush")
    monkeypatch.setenv("INTERESTREAM_KAFKA_PASSWORD", "hush")
    monkeypatch.setenv("INTERESTREAM_QDRANT_URL", "https://ada:hush@store:6333")

    rows = {one.variable: one for one in effective(load())}

    assert len(rows) == len(Settings.model_fields)
    assert "hush" not in str(list(rows.values()))
    assert rows["INTERESTREAM_QDRANT_URL"].value == "https://********@store:6333"
    assert rows["INTERESTREAM_QDRANT_API_KEY"].origin == "environment"
    assert rows["INTERESTREAM_LIST_SIZE"].origin == "default"


def test_a_variable_that_is_no_setting_is_found() -> None:
    """It has no effect, which nobody would notice."""
    environment = {
        "INTERESTREAM_KAFKA_ULR": "x",
        "interestream_list_size": "5",
        "INTERESTREAM_TEST_QDRANT_URL": "x",
        "HOME": "/",
    }
    assert unknown_variables(environment) == ["INTERESTREAM_KAFKA_ULR"]


@contextmanager
def http_server(date: str | None) -> Iterator[Settings]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response_only(200)
            if date is not None:
                self.send_header("Date", date)
            self.end_headers()

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield load(qdrant_url=f"http://127.0.0.1:{server.server_port}")
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("ahead_s", "status"),
    [(0, "ok"), (29, "ok"), (32, "failed"), (-29, "ok"), (-32, "failed")],
)
def test_clocks_may_differ_by_a_tenth_of_max_future_s(ahead_s: float, status: str) -> None:
    with http_server(formatdate(NOW, usegmt=True)) as settings:
        found = check_clock(settings, clock=lambda: NOW + ahead_s)

    assert found.status == status
    assert ("NTP" in found.remedy) is (status == "failed")


def test_a_store_that_tells_no_time_is_not_compared() -> None:
    with http_server(None) as settings:
        assert "not compared" in check_clock(settings).found


# --- against real parts


@pytest.mark.integration
async def test_all_is_well_before_and_after_the_first_worker(
    here: Settings, command: Command
) -> None:
    ensure_topics(here)

    before = await _in_thread(checks, command, 0)
    encoder = before["model"]["found"].partition("(")[2][:8]
    store = await open_store(here, dimension=384, encoder_hash=encoder)
    await store.close()
    after = await _in_thread(checks, command, 0)

    assert "first worker makes them" in before["collections"]["found"]
    assert f"of encoder {encoder}" in after["collections"]["found"]
    assert "384 d" in after["model"]["found"]
    assert f"{here.topic('signals')} (4)" in after["topics"]["found"]
    assert after["record sizes"]["found"].startswith("7 topics")
    assert after["conditional writes"]["found"] == "honoured"
    assert await _leftovers(here) == []


@pytest.mark.integration
def test_the_report_for_people_names_settings_and_remedies(
    here: Settings, command: Command
) -> None:
    result = command("doctor")

    assert result.exit_code == 1
    words = [line.split() for line in result.stdout.splitlines()]
    assert ["*", "INTERESTREAM_NAMESPACE", here.namespace] in words
    assert ["INTERESTREAM_LIST_SIZE", "10"] in words
    assert "remedies\n  topics  run `interestream topics create`" in result.stdout


@pytest.mark.integration
def test_wrong_addresses_are_found_together(
    here: Settings, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    kafka, http, grpc = free_ports(3)
    monkeypatch.setenv("INTERESTREAM_KAFKA_URL", f"127.0.0.1:{kafka}")
    monkeypatch.setenv("INTERESTREAM_QDRANT_URL", f"http://127.0.0.1:{http}")
    monkeypatch.setenv("INTERESTREAM_QDRANT_GRPC_PORT", str(grpc))
    monkeypatch.setenv("INTERESTREAM_QDRANT_TIMEOUT_S", "1")

    found = checks(command, 1)

    assert red(found) == ["broker", "store", "clock"]
    assert str(kafka) in found["broker"]["found"]
    assert "INTERESTREAM_KAFKA_URL" in found["broker"]["remedy"]
    assert str(grpc) in found["store"]["found"]
    assert "INTERESTREAM_QDRANT_GRPC_PORT" in found["store"]["remedy"]


@pytest.mark.integration
def test_a_missing_model_and_a_slip_of_the_pen(
    here: Settings, command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ensure_topics(here)
    monkeypatch.setenv("INTERESTREAM_MODEL_DIR", str(tmp_path / "none"))
    monkeypatch.setenv("INTERESTREAM_LIST_SIZ", "5")

    found = checks(command, 1)

    assert red(found) == ["settings", "model"]
    assert "did you mean INTERESTREAM_LIST_SIZE?" in found["settings"]["remedy"]
    assert "INTERESTREAM_MODEL_DIR" in found["model"]["remedy"]


# --- the model, without any server


async def test_the_model_s_line_says_what_really_runs_it() -> None:
    """Not what was asked for: the CPU may have taken over."""
    settings = load(
        model_dir=TINY, encoder_provider="cuda", encoder_fallback=True, encoder_sessions=1
    )

    finding, manifest = await check_model(settings)

    assert finding.status == "ok"
    assert finding.found.startswith("tiny (5e9c6c55), 16 d, mean pooling; on cpu ×1 fp32; a text")
    assert manifest is not None


async def test_a_provider_that_is_not_there_is_found_with_its_remedy() -> None:
    finding, manifest = await check_model(load(model_dir=TINY, encoder_provider="cuda"))

    assert (finding.status, manifest) == ("failed", None)
    assert "INTERESTREAM_ENCODER_PROVIDER=cpu" in finding.found


async def test_a_model_without_a_manifest_is_found_with_its_remedy(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(TINY, tmp_path / "tiny"))
    (folder / "manifest.json").unlink()

    finding, _ = await check_model(load(model_dir=folder))

    assert "manifest.json is missing or empty" in finding.found
    assert "interestream-export --model" in finding.remedy


async def test_a_model_that_stops_working_after_its_start_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The error is not one of ours: it took the doctor down with it."""

    async def encode(_self: Encoder, _texts: list[str]) -> None:
        raise ValueError("the model gave a vector that is zero or not finite")

    monkeypatch.setattr(Encoder, "encode", encode)

    finding, _ = await check_model(load(model_dir=TINY, encoder_sessions=1))

    assert finding.status == "failed"
    assert "tiny cannot encode a text: ValueError('the model gave" in finding.found
    assert "interestream-export --model" in finding.remedy


async def test_an_error_of_another_kind_at_the_start_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def broken(_settings: Settings) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(doctor, "open_encoder", broken)

    finding, manifest = await check_model(load())

    assert (finding.status, manifest) == ("failed", None)
    assert "no space left" in finding.found


async def test_who_reads_reviews_is_told() -> None:
    settings = load(model_dir=TINY, encoder_sessions=1)
    _, manifest = await check_model(settings)

    (finding,) = await check_sentiment(settings, manifest)

    assert finding.status == "ok"
    assert finding.found.startswith("VADER reads English")


async def test_a_missing_head_is_found_with_its_remedy(tmp_path: Path) -> None:
    settings = load(
        model_dir=TINY, encoder_sessions=1, sentiment="head", sentiment_dir=tmp_path / "none"
    )
    _, manifest = await check_model(settings)

    (finding,) = await check_sentiment(settings, manifest)

    assert finding.status == "failed"
    assert "INTERESTREAM_SENTIMENT_DIR" in finding.found


@pytest.mark.integration
async def test_vectors_of_another_encoder_are_found(here: Settings, command: Command) -> None:
    ensure_topics(here)
    store = await open_store(here, dimension=8, encoder_hash="other")
    await store.close()

    found = await _in_thread(checks, command, 1)

    assert red(found) == ["collections"]
    assert "'dimension': 8" in found["collections"]["found"]
    assert "INTERESTREAM_NAMESPACE" in found["collections"]["remedy"]


@pytest.mark.integration
def test_topics_that_do_not_fit_the_settings(
    here: Settings, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Admin(here) as admin:
        admin.create(topic_plans(here))
    monkeypatch.setenv("INTERESTREAM_TOPIC_PARTITIONS", "5")
    monkeypatch.setenv("INTERESTREAM_MAX_VALUE_BYTES", "8192")

    found = checks(command, 1)

    assert red(found) == ["topics", "record sizes"]
    assert "has 4 partitions, INTERESTREAM_TOPIC_PARTITIONS is 5" in found["topics"]["found"]
    assert "takes 36864 bytes, 40960 are needed" in found["record sizes"]["found"]
    assert "INTERESTREAM_MAX_VALUE_BYTES" in found["record sizes"]["remedy"]


def test_an_old_store_is_refused() -> None:
    for version, status in (("1.16.3", "failed"), ("1.17.0", "ok"), ("2.0.0", "ok")):
        assert store_checks._version(load(), version).status == status


@pytest.mark.integration
async def test_ignored_conditions_are_red(
    here: Settings, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ignored(points: object, version: str) -> None:
        raise Misconfigured(f"Qdrant {version} ignores conditional writes (InsertOnly)")

    monkeypatch.setattr("stream.commands.store_checks.probe_conditional_writes", ignored)
    ensure_topics(here)

    found = await _in_thread(checks, command, 1)

    assert red(found) == ["conditional writes"]
    assert await _leftovers(here) == []


async def _in_thread(function: Any, *arguments: Any) -> Any:
    """Commands run an event loop of their own."""
    return await asyncio.to_thread(function, *arguments)


async def _leftovers(settings: Settings) -> list[str]:
    client = open_client(settings)
    names = [c.name for c in (await client.get_collections()).collections]
    await client.close()
    return [name for name in names if name.startswith(f"{settings.namespace}_doctor")]
