"""Segment models over either store: whole or not at all, and one switch at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import numpy as np
import pytest

from stream.agents.fit import Job
from stream.agents.leader import Leader
from stream.core.catalogue import Catalogue
from stream.core.segment_fit import refit
from stream.core.segment_history import ACCEPTED, REJECTED, REPLACED, Fitted, Record, Standing
from stream.core.segments import Segment, SegmentModel
from stream.errors import Unavailable
from stream.store.client import Points
from stream.store.codec import pack, unpack
from stream.store.collections import Store
from stream.store.rows import fresh_etag
from stream.store.segment_history import SegmentHistory
from stream.store.segment_keeper import SegmentKeeper
from stream.store.segments import MODEL_FACT, Claim
from tests.agents.segment_parts import (
    NOW,
    TUNING,
    FakePublisher,
    axis,
    no_letters,
    renderer,
    settings,
    user,
)
from tests.contracts.conftest import DIMENSION
from tests.support.candidates import candidates_of
from tests.support.rows import unit_rows, user_row

pytestmark = pytest.mark.integration


def model(version: int, count: int = 3) -> SegmentModel:
    """A model whose labels say which version they are of."""
    rows = unit_rows(count, DIMENSION, seed=version % 1000)
    return SegmentModel(
        version, tuple(Segment(f"s{n}", f"{version}", row, n) for n, row in enumerate(rows))
    )


async def claimed(store: Store, now_ms: int = 0) -> Claim:
    claim = await store.segments.claim(now_ms)
    assert claim is not None
    return claim


async def put_in_force(store: Store, count: int = 3) -> int:
    claim = await claimed(store)
    await store.segments.save(model(claim.version, count))
    assert await store.segments.switch(claim.version, claim.etag)
    return claim.version


def assert_same(found: SegmentModel | None, written: SegmentModel) -> None:
    assert found is not None
    assert found.version == written.version
    assert [(s.id, s.label, s.size) for s in found.segments] == [
        (s.id, s.label, s.size) for s in written.segments
    ]
    for ours, theirs in zip(written.segments, found.segments, strict=True):
        assert np.allclose(theirs.centroid, ours.centroid, atol=1e-6)


async def test_a_model_comes_back_as_saved(store: Store) -> None:
    written = model(1_700_000_000_123, count=12)
    await store.segments.save(written)

    assert_same(await store.segments.load(written.version), written)
    assert await store.segments.load(7) is None


async def test_nobody_sees_a_model_before_its_switch(store: Store) -> None:
    assert await store.segments.current() is None
    claim = await claimed(store)
    await store.segments.save(model(claim.version))
    assert await store.segments.current() is None

    assert await store.segments.switch(claim.version, claim.etag)
    assert_same(await store.segments.current(), model(claim.version))


async def test_a_reader_sees_one_model_or_the_next_whole(store: Store) -> None:
    """Models of different sizes come into force while three readers read."""
    done = asyncio.Event()

    async def read() -> Sequence[SegmentModel]:
        seen: list[SegmentModel] = []
        while not done.is_set():
            found = await store.segments.current()
            assert found is not None
            seen.append(found)
        return seen

    first = await put_in_force(store, count=3)
    readers = [asyncio.create_task(read()) for _ in range(3)]
    sizes = {first: 3} | {await put_in_force(store, count=n): n for n in (9, 2, 7, 4)}
    done.set()

    for seen in await asyncio.gather(*readers):
        versions = [found.version for found in seen]
        assert versions == sorted(versions)
        for found in seen:
            assert len(found.segments) == sizes[found.version]
            assert {segment.label for segment in found.segments} == {str(found.version)}


async def test_of_two_claims_the_later_one_may_switch(store: Store) -> None:
    first, second = await claimed(store), await claimed(store)
    assert second.version > first.version
    await store.segments.save(model(first.version))
    await store.segments.save(model(second.version))

    assert not await store.segments.switch(first.version, first.etag)
    assert await store.segments.switch(second.version, second.etag)
    assert not await store.segments.switch(first.version, second.etag)
    assert await store.segments.current_version() == second.version


async def test_leaders_that_claim_together_get_different_versions(store: Store) -> None:
    claims = await asyncio.gather(*(store.segments.claim(5) for _ in range(8)))

    versions = [claim.version for claim in claims if claim is not None]
    assert versions
    assert len(set(versions)) == len(versions)


async def test_versions_follow_the_clock_and_never_fall(store: Store) -> None:
    assert (await claimed(store, 1_700_000_000_000)).version == 1_700_000_000_000
    assert (await claimed(store, 5)).version == 1_700_000_000_001


async def test_the_model_before_stays_and_older_ones_go(store: Store) -> None:
    versions = [await put_in_force(store) for _ in range(4)]

    kept = [v for v in versions if await store.segments.load(v) is not None]
    assert kept == versions[-2:]


async def test_a_switch_stands_though_the_old_models_could_not_be_deleted(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise Unavailable("qdrant", "injected")

    versions = [await put_in_force(store) for _ in range(2)]
    with monkeypatch.context() as patched:
        patched.setattr(Points, "delete", away)
        versions.append(await put_in_force(store))
    assert await store.segments.load(versions[0]) is not None

    await put_in_force(store)
    assert [await store.segments.load(v) for v in versions[:2]] == [None, None]


async def hold(store: Store) -> int:
    claim = await claimed(store)
    await store.segments.save(model(claim.version))
    assert await store.segments.hold(claim.version, claim.etag)
    return claim.version


async def test_a_held_model_is_in_force_only_after_a_yes(store: Store) -> None:
    first = await put_in_force(store)
    held = await hold(store)
    assert await store.segments.current_version() == first
    assert not await store.segments.accept(first)

    assert await store.segments.accept(held)
    assert_same(await store.segments.current(), model(held))
    assert await store.segments.standing() == Standing(held, first, held, 0, held, ACCEPTED)
    assert await store.segments.load(first) is not None
    assert not await store.segments.accept(held)
    assert not await store.segments.reject(held)


async def test_a_no_drops_the_held_model(store: Store) -> None:
    first = await put_in_force(store)
    held = await hold(store)

    assert await store.segments.reject(held)
    assert await store.segments.standing() == Standing(first, 0, held, 0, held, REJECTED)
    assert not await store.segments.accept(held)
    await put_in_force(store)
    assert await store.segments.load(held) is None


async def test_a_newer_model_takes_the_place_of_the_held_one(store: Store) -> None:
    first = await put_in_force(store)
    one = await hold(store)
    other = await hold(store)
    assert await store.segments.standing() == Standing(first, 0, other, other, one, REPLACED)
    assert await store.segments.load(one) is None
    assert await store.segments.load(first) is not None

    newest = await put_in_force(store)
    assert await store.segments.standing() == Standing(newest, first, newest, 0, other, REPLACED)
    assert not await store.segments.accept(other)


async def test_a_claim_from_before_a_decision_is_void(store: Store) -> None:
    """A leader that slept over the decision would put its model over the accepted one."""
    await put_in_force(store)
    held = await hold(store)
    sleeper = await claimed(store)
    await store.segments.save(model(sleeper.version))

    assert await store.segments.accept(held)
    assert not await store.segments.switch(sleeper.version, sleeper.etag)
    assert not await store.segments.hold(sleeper.version, sleeper.etag)
    assert await store.segments.current_version() == held


async def test_of_a_switch_and_a_yes_at_once_one_happens(store: Store) -> None:
    await put_in_force(store)
    held = await hold(store)
    claim = await claimed(store)
    await store.segments.save(model(claim.version))

    switched, accepted = await asyncio.gather(
        store.segments.switch(claim.version, claim.etag), store.segments.accept(held)
    )
    assert switched != accepted
    now = await store.segments.standing()
    assert (now.version, now.held) == (claim.version if switched else held, 0)
    assert await store.segments.current() is not None


async def test_a_held_model_whose_points_are_gone_is_not_accepted(store: Store) -> None:
    """An encoder was changed: its collections have the model in force alone."""
    first = await put_in_force(store)
    held = await hold(store)
    await store.segments.replace(model(first))

    assert not await store.segments.accept(held)
    assert await store.segments.current_version() == first


async def test_a_fact_from_before_there_was_holding_is_understood(store: Store) -> None:
    await store.segments.save(model(7))
    await store.meta.put(MODEL_FACT, {"version": 7, "previous": 0, "claimed": 7}, None)

    assert await store.segments.standing() == Standing(7, 0, 7)
    held = await hold(store)
    assert await store.segments.accept(held)


async def test_records_come_back_as_written(store: Store) -> None:
    history = SegmentHistory(store.meta, store.segments)
    version = await put_in_force(store)
    await history.add(Record(version, 1.5, "first", adjusted_rand=0.25))

    [record] = await history.records()
    assert record == Record(version, 1.5, "first", outcome="in force", adjusted_rand=0.25)


async def test_a_worker_keeps_the_model_in_force(store: Store) -> None:
    keeper = SegmentKeeper(store)
    await keeper.refresh()
    assert keeper.model is None

    version = await put_in_force(store)
    await keeper.refresh()
    assert_same(keeper.model, model(version))


async def test_pages_bring_every_user_once(store: Store) -> None:
    rows = {f"u{n}": user_row(f"u{n}") for n in range(25)}
    await store.users.save(list(rows.values()), dict.fromkeys(rows))

    pages = [page async for page in store.users.pages(10)]
    assert [len(page) for page in pages] == [10, 10, 5]
    assert sorted(row.user_id for page in pages for row in page) == sorted(rows)


async def test_a_leader_fits_moves_everybody_and_tells_them(store: Store) -> None:
    async def fit_here(job: Job) -> Fitted:
        return refit(job.tastes, count=job.count, start=job.start, before=job.before)

    people = [user(f"u{n}", axis(n % 2)) for n in range(20)]
    rows = [pack(profile, fresh_etag(), TUNING, now=NOW) for profile in people]
    await store.users.save(rows, dict.fromkeys(row.user_id for row in rows))
    publisher = FakePublisher()
    leader = Leader(
        settings(),
        TUNING,
        store=store,
        catalogue=lambda: Catalogue(DIMENSION),
        nearest=candidates_of(Catalogue(DIMENSION)).nearest,
        publisher=publisher,
        renderer=renderer(),
        letters=no_letters,
        fit=fit_here,
        users_per_s=1e9,
    )

    assert await leader.lease.hold()
    await leader.refit()
    await leader.reassign()

    found = await store.users.load(row.user_id for row in rows)
    segments = [found[profile.user_id].segment for profile in people]
    assert len(set(segments[::2])) == len(set(segments[1::2])) == 1
    assert set(segments) == {s.id for s in (await _current(store)).segments}
    assert all(unpack(row).outbox == () and row.outbox_at is None for row in found.values())
    assert sorted(r.key or b"" for r in publisher.sent) == sorted(u.encode() for u in found)


async def _current(store: Store) -> SegmentModel:
    found = await store.segments.current()
    assert found is not None
    return found
