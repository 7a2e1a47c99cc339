"""The fact of the records stays small, and is written only where something changed."""

from __future__ import annotations

import pytest

from stream.core.segment_history import RECORDS_MAX, Flow, Record
from stream.errors import Unavailable
from stream.store import segment_history as module
from stream.store.segment_history import HISTORY_FACT, SegmentHistory
from tests.agents.segment_parts import FakeFacts, FakeSegments, axis, model


@pytest.fixture
def facts() -> FakeFacts:
    return FakeFacts()


@pytest.fixture
def history(facts: FakeFacts) -> SegmentHistory:
    segments = FakeSegments()
    segments.put_in_force(model(1000, s=axis(0)))
    return SegmentHistory(facts, segments)


def record(version: int, **given: object) -> Record:
    return Record(version, 1.0, "periodic", **given)  # type: ignore[arg-type]  # any field of it


async def test_the_last_ones_are_kept(history: SegmentHistory) -> None:
    for version in range(1, RECORDS_MAX + 6):
        await history.add(record(version))
    kept = [one.version for one in await history.records()]
    assert kept == list(range(6, RECORDS_MAX + 6))


async def test_large_records_leave_room_for_fewer(
    history: SegmentHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BYTES_MAX", 20_000)
    flow = tuple(Flow("a" * 8, "b" * 8, n) for n in range(1, 200))
    for version in range(1, 9):
        await history.add(record(version, flow=flow))
    kept = [one.version for one in await history.records()]
    assert 0 < len(kept) < 8
    assert kept[-1] == 8


async def test_what_is_known_is_not_written_again(
    history: SegmentHistory, facts: FakeFacts
) -> None:
    await history.add(record(1, outcome="in force"))
    etag = facts.facts[HISTORY_FACT].etag
    await history.settle()
    await history.add((await history.records())[0])
    assert facts.facts[HISTORY_FACT].etag == etag


async def test_another_writer_s_record_is_not_lost(
    history: SegmentHistory, facts: FakeFacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    put, raced = facts.put, [2]

    async def late(name: str, value: dict[str, object], etag: int | None) -> bool:
        if raced:
            await history.add(record(raced.pop()))
        return await put(name, value, etag)

    monkeypatch.setattr(facts, "put", late)
    await history.add(record(1))
    assert [one.version for one in await history.records()] == [1, 2]


async def test_endless_races_are_an_outage(
    history: SegmentHistory, facts: FakeFacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_: object) -> bool:
        return False

    monkeypatch.setattr(facts, "put", never)
    with pytest.raises(Unavailable, match="others kept writing"):
        await history.add(record(1))
