"""`interestream segments report`: what it reads, tells and writes."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest

from stream.commands import segments_report
from stream.errors import Misconfigured
from stream.segment_report.report import report
from stream.segment_report.rivals import METHODS
from stream.settings import load
from stream.store.codec import pack
from stream.store.collections import open_store
from tests.commands.conftest import Command, told_of
from tests.commands.segment_store import fill, said
from tests.core.samples import NOW
from tests.reads.world import DIMENSION, GROUPS, TUNING, profiles
from tests.segment_report.world import fits, planted, sampled
from tests.support.stores import Place


def test_names_cannot_steer_the_terminal() -> None:
    found = report(sampled(planted(2, 60, labels="\x1b[2J"), fits()))

    assert "\x1b" not in "\n".join(segments_report.tell(found))


def test_a_terminal_gets_segments_methods_and_history() -> None:
    found = report(sampled(planted(3, 200), fits()))
    text = "\n".join(segments_report.tell(found))

    for words in ("model 7, 3 segments; 200 users", "group 2", "HDBSCAN", "split into", "is new"):
        assert words in text, words
    many = report(sampled(planted(30, 200)))
    assert "and 10 smaller ones" in "\n".join(segments_report.tell(many))
    assert segments_report.tell(replace(found, version=None, segments=())) == [
        "no segments yet: they are fitted when enough users have a taste"
    ]


@pytest.mark.parametrize(("name", "said"), [("a.pdf", r"\.html or \.png"), ("a", r"\.html or")])
def test_a_report_of_another_kind_is_refused_at_once(name: str, said: str) -> None:
    with pytest.raises(Misconfigured, match=said):
        segments_report.check(Path(name))


def test_a_folder_that_is_not_there_is_refused_at_once(command: Command, tmp_path: Path) -> None:
    result = command("segments", "report", "--out", str(tmp_path / "away" / "a.html"))

    assert result.exit_code == 2
    assert "cannot be written" in result.output


# --- with a store


@pytest.fixture
async def there(embedded_qdrant: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The planted world in a store that the commands are told of, after two fits."""
    told_of(embedded_qdrant, monkeypatch)
    await fill()


@pytest.mark.integration
@pytest.mark.usefixtures("there")
async def test_a_report_is_made_of_a_store(command: Command, tmp_path: Path) -> None:
    out = tmp_path / "segments.html"
    result = await asyncio.to_thread(command, "segments", "report", "--json", "--out", str(out))
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)

    assert found["version"] == 7
    assert found["users"] == sum(one["users"] for one in found["segments"])
    assert found["users"] == with_taste()
    assert {one["label"] for one in found["segments"]} == set(GROUPS)
    for one in found["segments"]:
        assert one["items"][0]["title"].lower().startswith(one["label"])
    assert [one["outcome"] for one in found["fits"]] == ["in force", "in force"]
    assert {one["name"] for one in found["compared"]["methods"]} > set(METHODS)
    text = out.read_text(encoding="utf-8")
    assert "opera (old) → music (s3): 4" in text
    assert f"written: {out}" in result.stderr


def with_taste() -> int:
    """Users of the world who have one."""
    rows = [pack(profile, 1, TUNING, now=NOW) for profile in profiles()]
    return sum(row.taste is not None for row in rows)


@pytest.mark.integration
@pytest.mark.usefixtures("there")
async def test_so_many_users_are_looked_at(command: Command) -> None:
    found = json.loads(await said(command, "report", "--json", "--users", "10"))

    assert found["users"] == 10
    assert "10 users looked at" in await said(command, "report", "--users", "10")


@pytest.mark.integration
async def test_without_a_store_the_remedy_is_named(
    embedded_qdrant: Place, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    told_of(embedded_qdrant, monkeypatch)
    result = await asyncio.to_thread(command, "segments", "report")

    assert isinstance(result.exception, Misconfigured)


@pytest.mark.integration
async def test_a_store_without_segments_is_no_error(
    embedded_qdrant: Place, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    told_of(embedded_qdrant, monkeypatch)
    store = await open_store(load(), dimension=DIMENSION, encoder_hash="e1")
    await store.close()

    assert "no segments yet" in await said(command, "report")
