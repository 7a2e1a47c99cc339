"""The parts in force follow the folder: a new model is taken, a broken one leaves the old one."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from stream.core.parts import PARTS, Part
from stream.core.sequence import NAME
from stream.errors import Misconfigured
from stream.sequence import in_force
from stream.sequence.in_force import InForce, open_parts
from stream.sequence.manifest import MANIFEST, NETWORK
from stream.sequence.model import open_sequence
from stream.settings import load
from tests.sequence.parts import model_folder, opened

WEIGHT = {"sequence_part": 0.3}


async def following(folder: Path) -> InForce:
    return await open_parts(load(**WEIGHT, sequence_model_dir=model_folder(folder)))


def versions(parts: tuple[Part, ...]) -> list[str]:
    assert parts[: len(PARTS)] == PARTS
    return [part.version for part in parts[len(PARTS) :]]


async def test_the_settings_model_is_a_part(tmp_path: Path) -> None:
    found = await following(tmp_path)

    assert versions(found.parts()) == [opened().version]
    assert found.parts()[-1].name == NAME


@pytest.mark.parametrize("weight", [{}, {"sequence_part": 0.0}])
async def test_without_a_weight_no_model_is_read(tmp_path: Path, weight: dict[str, float]) -> None:
    found = await open_parts(load(sequence_model_dir=tmp_path / "nowhere", **weight))
    await found.refresh()

    assert found.parts() is PARTS


def test_a_weight_without_a_model_is_refused() -> None:
    with pytest.raises(Misconfigured, match=r"INTERESTREAM_SEQUENCE_PART is 0\.3 and no model"):
        load(**WEIGHT)


async def test_a_weight_with_a_broken_model_is_refused(tmp_path: Path) -> None:
    (model_folder(tmp_path) / NETWORK).unlink()

    with pytest.raises(Misconfigured, match=NETWORK):
        await open_parts(load(**WEIGHT, sequence_model_dir=tmp_path))


async def test_a_new_model_is_taken_and_told_once(tmp_path: Path) -> None:
    found = await following(tmp_path)
    replaced(tmp_path, midpoint=0.1)

    with capture_logs() as told:
        await found.refresh()
        now = found.parts()
        await found.refresh()

    assert versions(now) == [opened(midpoint=0.1).version] != [opened().version]
    assert found.parts() is now
    assert [line["event"] for line in told] == ["sequence model"]


async def test_a_folder_that_stays_is_not_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = await following(tmp_path)
    before = found.parts()
    monkeypatch.delattr(in_force, "open_sequence")

    await found.refresh()

    assert found.parts() is before


async def test_a_broken_folder_leaves_the_old_model_and_says_so_once(tmp_path: Path) -> None:
    found = await following(tmp_path)
    before = found.parts()
    replaced(tmp_path, network_sha256="0" * 64)

    with capture_logs() as told:
        await found.refresh()
        await found.refresh()

    assert found.parts() is before
    [line] = told
    assert line["event"] == "sequence model stays"
    assert "sha256" in line["reason"]


async def test_a_folder_that_is_gone_leaves_the_old_model_until_there_is_one(
    tmp_path: Path,
) -> None:
    found = await following(tmp_path)
    before = found.parts()
    (tmp_path / MANIFEST).unlink()
    await found.refresh()
    assert found.parts() is before

    replaced(tmp_path, midpoint=0.1)
    await found.refresh()

    assert versions(found.parts()) == [opened(midpoint=0.1).version]


async def test_what_is_replaced_while_it_is_read_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The manifest is looked at first: what came in between differs from what was looked at."""

    def replacing(folder: Path) -> object:
        found = open_sequence(folder)
        replaced(folder, midpoint=0.2)
        monkeypatch.setattr(in_force, "open_sequence", open_sequence)
        return found

    monkeypatch.setattr(in_force, "open_sequence", replacing)
    found = await following(tmp_path)
    assert versions(found.parts()) == [opened().version]

    await found.refresh()

    assert versions(found.parts()) == [opened(midpoint=0.2).version]


async def test_it_looks_again_and_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_force, "POLL_S", 0.0)
    told = asyncio.Event()
    found = await following(tmp_path)
    monkeypatch.setattr(in_force, "_tell", lambda model: told.set())
    running = asyncio.create_task(found.run())
    replaced(tmp_path, midpoint=0.1)

    async with asyncio.timeout(10):
        await told.wait()

    assert versions(found.parts()) == [opened(midpoint=0.1).version]
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def replaced(folder: Path, **changed: Any) -> None:
    """Another manifest in the place of the old one, as an export leaves it: another file."""
    if (folder / MANIFEST).exists():
        (folder / MANIFEST).rename(folder / "old")
    model_folder(folder, **changed)
