"""The small world as a file of our own messages, and an encoder of it without a model."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest

from stream.commands import evaluate as command
from stream.encoder.fake import FakeEncoder
from stream.wire.inputs import Event
from tests.evaluate.parts import dataset


def fake_encoder(monkeypatch: pytest.MonkeyPatch) -> FakeEncoder:
    """What `evaluate`, and what goes through its preparations, encodes with from now on."""
    fake = FakeEncoder(8)

    async def opened(*_: object, **__: object) -> FakeEncoder:
        return fake

    monkeypatch.setattr(command, "model_folder", lambda _: Path("model"))
    monkeypatch.setattr(command, "manifest", SimpleNamespace(read=lambda _: fake.manifest))
    monkeypatch.setattr(command, "open_encoder", opened)
    return fake


def planted_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The world as JSON lines; caches go beside it."""
    monkeypatch.setenv("INTERESTREAM_CACHE_DIR", str(tmp_path / "cache"))
    data = tmp_path / "planted.jsonl"
    lines = [msgspec.json.encode(_sent(one)) for one in (*dataset().items, *dataset().events)]
    data.write_bytes(b"\n".join(lines))
    return data


def _sent(one: object) -> dict[str, object]:
    empty: tuple[object, ...] = (None, "", [], {}, ())
    fields = msgspec.to_builtins(one)
    fields = {name: value for name, value in fields.items() if value not in empty}
    return fields | ({"rating_max": 5} if isinstance(one, Event) else {})
