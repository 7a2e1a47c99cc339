"""Items: upserts and soft deletes, each effect once, no text from a stalled writer."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
import pytest

from stream.agents.items import ItemsAgent
from stream.bugs import BugBudget
from stream.errors import OwnershipLost, TooManyBugs, Unavailable
from stream.kafka.deliveries import Delivery, TopicPartition
from stream.kafka.patience import Patience
from stream.results import Results
from stream.settings import load
from stream.store.rows import ItemRow
from tests.commit.world import DIMENSION, NOW, Crash, Path
from tests.kafka.fakes import FakeFlow, FakeHealth, FakeRecord
from tests.support.fakes import FakePublisher, FakeStore, HookedEncoder, delivery_of
from tests.support.rows import item_row

TP = TopicPartition("items", 0)


class Shop:
    """A topic of items and what outlives the agent that reads it."""

    def __init__(self) -> None:
        self.path = Path()
        self.store = FakeStore()
        self.publisher = FakePublisher()
        self.encoder = HookedEncoder(DIMENSION)
        self.health = FakeHealth()
        self.flow = FakeFlow({TP: 1})
        self.results = Results()
        self.now = NOW
        self.log: list[FakeRecord] = []
        for part in (self.store.items, self.publisher, self.encoder):
            part.hook = self.path.hook

    def agent(self) -> ItemsAgent:
        return ItemsAgent(
            load(max_bug_records_per_hour=1),
            encoder=self.encoder,
            items=self.store.items,
            publisher=self.publisher,
            patience=Patience(self.health, shortest_s=0.0001, longest_s=0.0002),
            bugs=BugBudget(self.store.meta, 1, clock=self.clock),
            on_done=self.results.add,
            clock=self.clock,
        )

    def clock(self) -> float:
        return self.now

    def produce(self, item_id: str, value: dict[str, Any] | bytes | None) -> None:
        body = json.dumps({"item_id": item_id} | value) if isinstance(value, dict) else value
        raw = body.encode() if isinstance(body, str) else body
        self.log.append(FakeRecord(len(self.log), raw, item_id.encode(), int(NOW * 1000)))

    def delivery(self, first: int = 0, count: int | None = None) -> Delivery:
        end = len(self.log) if count is None else first + count
        return delivery_of(TP, self.log[first:end], "source-0", self.flow)

    async def run(self, first: int = 0, count: int | None = None) -> None:
        agent, delivery = self.agent(), self.delivery(first, count)
        await agent.apply(delivery, delivery.records)
        await agent.finish(delivery)

    def row(self, item_id: str) -> ItemRow:
        return self.store.items.rows[item_id]


@pytest.fixture
def shop() -> Shop:
    return Shop()


async def test_an_item_is_encoded_and_stored(shop: Shop) -> None:
    shop.produce(
        "a", {"title": "Alien", "text": "In space", "categories": ["Horror", "SF"], "lang": "en"}
    )

    await shop.run()

    row = shop.row("a")
    assert (row.title, row.text, row.categories, row.lang) == (
        "Alien",
        "In space",
        ("Horror", "SF"),
        "en",
    )
    assert shop.encoder.inner.seen == ["Alien. Horror, SF. In space"]
    assert row.vector is not None
    assert dict(row.marks) == {"source-0": 0}
    assert row.revision == int(NOW * 1000)
    assert (shop.results.events, shop.results.applied) == (1, 1)


async def test_unchanged_content_is_not_encoded_again(shop: Shop) -> None:
    shop.produce("a", {"title": "Alien"})
    await shop.run()
    first = shop.row("a")
    shop.produce("a", {"title": "Alien", "available": False, "expires_at": NOW})

    await shop.run(first=1)

    row = shop.row("a")
    assert shop.encoder.inner.seen == ["Alien"]
    assert (row.available, row.expires_at) == (False, NOW)
    assert row.vector is first.vector
    shop.produce("a", {"title": "Aliens"})
    await shop.run(first=2)
    assert shop.encoder.inner.seen == ["Alien", "Aliens"]


async def test_attributes_are_stored_and_cost_no_encoding(shop: Shop) -> None:
    shop.produce("a", {"title": "Alien", "attributes": {"crew": 7, "tags": ["x"]}})
    shop.produce("a", {"title": "Alien", "attributes": {"crew": 8}})
    await shop.run(count=1)
    first = shop.row("a")
    assert first.attributes == {"crew": 7, "tags": ("x",)}

    await shop.run(first=1)

    row = shop.row("a")
    assert (row.attributes, row.content_hash) == ({"crew": 8}, first.content_hash)
    assert shop.encoder.inner.seen == ["Alien"]


async def test_a_null_deletes_softly_and_an_item_can_come_back(shop: Shop) -> None:
    shop.produce("a", {"title": "Alien"})
    shop.produce("a", None)
    await shop.run(count=1)
    await shop.run(first=1)

    row = shop.row("a")
    assert (row.deleted_at, row.title) == (NOW, "Alien")
    shop.produce("a", {"title": "Alien"})
    await shop.run(first=2)
    assert shop.row("a").deleted_at is None
    assert shop.encoder.inner.seen == ["Alien"]


async def test_deleting_what_nobody_knows_keeps_the_mark(shop: Shop) -> None:
    shop.produce("a", {"title": "Alien"})
    shop.produce("a", None)
    await shop.run(first=1)

    await shop.run(count=1)

    assert shop.row("a").deleted_at == NOW


async def test_the_producer_s_own_vector_is_used_at_unit_length(shop: Shop) -> None:
    shop.produce("a", {"title": "Alien", "vectors": {"text": [3.0, 4.0] + [0.0] * (DIMENSION - 2)}})

    await shop.run()

    vector = shop.row("a").vector
    assert vector is not None
    np.testing.assert_allclose(vector[:2], [0.6, 0.8], rtol=1e-6)
    assert shop.encoder.inner.seen == []
    shop.produce("a", {"title": "Alien"})
    await shop.run(first=1)
    assert shop.encoder.inner.seen == ["Alien"]


async def test_what_cannot_be_understood_is_a_dead_letter_and_the_rest_has_its_effect(
    shop: Shop,
) -> None:
    shop.produce("a", {"title": "Alien", "vectors": {"text": [1.0, 0.0]}})
    shop.produce("b", b"{")
    shop.produce("c", {"item_id": "d", "title": "Other"})
    shop.produce("e", {"title": "Good"})

    await shop.run()

    letters = [dict(r.headers)["dl_reason"] for r in shop.publisher.of("dead-letters")]
    assert letters == [b"vector_dimension", b"malformed_json", b"key_mismatch"]
    assert set(shop.store.items.rows) == {"e"}
    assert (shop.results.events, shop.results.applied) == (4, 1)
    assert shop.results.dead_letters.total() == 3


async def test_the_last_word_of_a_chunk_counts(shop: Shop) -> None:
    for title in ("One", "Two", "Three"):
        shop.produce("a", {"title": title})

    await shop.run()

    assert shop.row("a").title == "Three"
    assert shop.encoder.inner.seen == ["Three"]
    assert len(shop.store.items.history) == 1


async def test_redelivery_writes_nothing(shop: Shop) -> None:
    shop.produce("a", {"title": "One"})
    shop.produce("a", {"title": "Two"})
    shop.produce("b", {"title": "Other"})
    await shop.run()
    rows = dict(shop.store.items.rows)

    await shop.run(count=1)
    await shop.run()

    assert shop.store.items.rows == rows
    assert shop.encoder.inner.seen == ["Two", "Other"]


@pytest.mark.parametrize(
    "point", ["items.load", "items.loaded", "encode", "encoded", "items.save", "items.written"]
)
async def test_a_crash_and_a_redelivery_leave_the_same_rows(shop: Shop, point: str) -> None:
    shop.produce("a", {"title": "One"})
    shop.produce("b", b"{")
    shop.produce("a", {"title": "Two"})

    async def die() -> None:
        raise Crash

    shop.path.then(point, die)
    with pytest.raises(Crash):
        await shop.run()
    await shop.run(count=2)
    await shop.run(first=2)

    assert shop.row("a").title == "Two"
    assert dict(shop.row("a").marks) == {"source-0": 2}
    assert {r.key for r in shop.publisher.of("dead-letters")} == {b"items/0/1"}


@pytest.mark.parametrize("point", ["items.loaded", "items.save"])
async def test_a_stalled_writer_cannot_bring_back_an_older_text(shop: Shop, point: str) -> None:
    """It read before, and writes after, another worker took the partition and went on."""
    shop.produce("a", {"title": "Zero"})
    await shop.run()
    shop.produce("a", {"title": "Old"})
    shop.produce("a", None)
    shop.path.then(point, lambda: shop.run(first=1))

    await shop.run(first=1, count=1)

    assert shop.row("a").deleted_at == NOW
    assert shop.row("a").title in ("Zero", "Old")
    assert dict(shop.row("a").marks) == {"source-0": 2}


async def test_a_write_that_another_source_got_in_before_is_tried_again(shop: Shop) -> None:
    shop.produce("a", {"title": "Ours"})

    async def other_writes() -> None:
        row = item_row("a", title="Theirs", marks={"other": 3})
        assert await shop.store.items.save([row], {"a": None}) == {"a"}

    shop.path.then("items.save", other_writes)
    await shop.run()

    assert shop.row("a").title == "Ours"
    assert dict(shop.row("a").marks) == {"other": 3, "source-0": 0}


async def test_two_sources_keep_their_marks(shop: Shop) -> None:
    row = item_row("a", marks={"other": 7}, etag=5)
    await shop.store.items.save([row], {"a": None})
    shop.produce("a", {"title": "Alien"})

    await shop.run()

    assert dict(shop.row("a").marks) == {"other": 7, "source-0": 0}


async def test_a_row_s_revision_only_grows(shop: Shop) -> None:
    """A replica takes what is newer than what it has: two writes in a millisecond, or a worker
    whose clock is behind, would never be seen."""
    for title in ("One", "Two", None):
        shop.produce("a", None if title is None else {"title": title})
    await shop.run(count=1)
    await shop.run(first=1, count=1)
    shop.now -= 5
    await shop.run(first=2)

    revisions = [row.revision for row in shop.store.items.history]
    assert revisions == sorted(set(revisions))


def failing(part: str) -> Callable[[], Awaitable[None]]:
    async def fail() -> None:
        raise Unavailable(part, "injected")

    return fail


@pytest.mark.parametrize(
    ("point", "part"),
    [("encode", "encoder"), ("send", "kafka")]
    + [(f"items.{point}", "qdrant") for point in ("load", "save", "written")],
)
async def test_an_outage_is_waited_out_and_called_by_its_name(
    shop: Shop, point: str, part: str
) -> None:
    shop.produce("a", {"title": "Alien"})
    shop.produce("b", b"{")
    shop.path.then(point, failing(part))

    await shop.run()

    assert shop.health.said == [("unavailable", part), ("available", part)]
    assert shop.row("a").title == "Alien"


async def test_a_lost_partition_writes_nothing(shop: Shop) -> None:
    shop.produce("a", {"title": "Alien"})
    shop.path.strikes["encoded"] = shop.flow.epochs.clear
    delivery = shop.delivery()

    with pytest.raises(OwnershipLost):
        await shop.agent().apply(delivery, delivery.records)
    assert shop.store.items.rows == {}


async def test_a_text_that_breaks_the_encoder_is_buried_alone(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    encode = shop.encoder.inner.encode

    async def fail(texts: list[str], *given: Any) -> Any:
        if any("poison" in text for text in texts):
            raise ZeroDivisionError
        return await encode(texts, *given)

    monkeypatch.setattr(shop.encoder.inner, "encode", fail)
    shop.produce("a", {"title": "Alien"})
    shop.produce("b", {"title": "poison"})
    shop.produce("c", {"title": "Cube"})
    await shop.run()

    (letter,) = shop.publisher.of("dead-letters")
    assert dict(letter.headers)["dl_reason"] == b"bug"
    assert set(shop.store.items.rows) == {"a", "c"}
    assert (shop.results.events, shop.results.applied) == (3, 2)
    shop.produce("d", {"title": "poison again"})
    with pytest.raises(TooManyBugs):
        await shop.run(first=3)
