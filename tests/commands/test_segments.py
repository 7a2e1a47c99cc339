"""`interestream segments`: what it tells, asks for and decides."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from stream.commands import segments
from stream.commands.segments import Overview, tell
from stream.core.segment_history import HELD, IN_FORCE, PERIODIC, Named, Record
from stream.core.segments import Segment, SegmentModel
from stream.errors import Failed, Misconfigured
from stream.settings import Settings, load
from stream.store.collections import Store, open_store
from stream.store.segment_history import SegmentHistory
from stream.store.segment_requests import SegmentRequests
from tests.commands.conftest import Command, told_of
from tests.core.samples import axis
from tests.support.stores import Place

DIMENSION = 8


def model(version: int) -> SegmentModel:
    found = Segment("s0", "sea", axis(0, DIMENSION), 12, ("sea", "storm"))
    return SegmentModel(version, (found, Segment("s1", "", axis(1, DIMENSION), 3)))


def record(version: int, outcome: str) -> Record:
    named = (Named("s0", "sea", 12), Named("s1", "", 3))
    return Record(
        version, 0.0, PERIODIC, outcome=outcome, users=15, segments=named, moved_share=0.42
    )


def test_before_the_first_fit_it_says_what_is_waited_for() -> None:
    assert tell(Overview(None, None, ()), fits=5) == [
        "no segments yet: they are fitted when enough users have a taste"
    ]


def test_it_tells_the_segments_what_waits_and_the_last_fits() -> None:
    fits = (record(1, IN_FORCE), record(2, IN_FORCE), record(3, HELD))
    text = "\n".join(tell(Overview(model(2), fits[2], fits), fits=2))

    assert "model 2, 2 segments" in text
    assert "sea, storm" in text
    assert "held: model 3, which would move 42.0% of the users" in text
    assert [line.split()[0] for line in text.splitlines()[-2:]] == ["2", "3"]


def test_names_cannot_steer_the_terminal() -> None:
    odd = Segment("s0", "\x1b[2J", axis(0, DIMENSION), 1, ("\x1b[2J",))

    assert "\x1b" not in "\n".join(tell(Overview(SegmentModel(1, (odd,)), None, ()), fits=5))


@pytest.fixture
async def there(
    embedded_qdrant: Place, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Settings, Store]]:
    """A store with a model in force, and another one held, that the commands are told of."""
    told_of(embedded_qdrant, monkeypatch)
    store = await open_store(load(), dimension=DIMENSION, encoder_hash="e1")
    history = SegmentHistory(store.meta, store.segments)
    for version, put in ((7, store.segments.switch), (9, store.segments.hold)):
        claim = await store.segments.claim(version)
        assert claim is not None
        assert claim.version == version
        await store.segments.save(model(version))
        await history.add(record(version, outcome="fitted"))
        assert await put(version, claim.etag)
    yield load(), store
    await store.close()


@pytest.mark.integration
@pytest.mark.parametrize(("word", "in_force"), [("accept", 9), ("reject", 7)])
async def test_a_held_model_is_decided_once(
    command: Command, there: tuple[Settings, Store], word: str, in_force: int
) -> None:
    _, store = there
    before = json.loads((await asyncio.to_thread(command, "segments", "list", "--json")).stdout)
    assert (before["version"], before["held"]["version"]) == (7, 9)

    assert (await asyncio.to_thread(command, "segments", word)).exit_code == 0
    assert await store.segments.current_version() == in_force
    again = await asyncio.to_thread(command, "segments", word)
    assert again.exit_code == 1
    assert isinstance(again.exception, Failed)
    assert "no model is held" in str(again.exception)
    assert (await asyncio.to_thread(command, "segments", word, "9")).exit_code == 0  # as once


@pytest.mark.integration
async def test_another_version_than_the_held_one_is_not_decided(
    command: Command, there: tuple[Settings, Store]
) -> None:
    result = await asyncio.to_thread(command, "segments", "accept", "8")

    assert result.exit_code == 1
    assert "model 8 is not held: model 9 is" in str(result.exception)


@pytest.mark.integration
async def test_a_refit_waits_for_its_answer(there: tuple[Settings, Store]) -> None:
    settings, store = there
    requests = SegmentRequests(store.meta)
    answered: list[asyncio.Task[None]] = []

    async def lead() -> None:
        asked = await requests.newest()
        assert asked is not None
        await requests.answer(asked.id, version=11, outcome=IN_FORCE)

    found = await segments.refit(
        settings, 20, lambda _: answered.append(asyncio.create_task(lead()))
    )
    assert (found.version, found.outcome) == (11, IN_FORCE)


@pytest.mark.integration
async def test_a_refit_that_nobody_answers_says_what_to_look_at(
    there: tuple[Settings, Store],
) -> None:
    with pytest.raises(Failed, match=r"no answer within 0 s \(--wait-s\): does a worker"):
        await segments.refit(there[0], 0, str)


@pytest.mark.integration
async def test_without_a_store_there_is_nothing_to_list(
    embedded_qdrant: Place, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    told_of(embedded_qdrant, monkeypatch)
    result = await asyncio.to_thread(command, "segments", "list")

    assert isinstance(result.exception, Misconfigured)
