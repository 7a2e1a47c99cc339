"""Signals: summed in memory, written now and then, acknowledged only once they are written."""

from __future__ import annotations

import numpy as np
import pytest

from stream.agents.signals import KEPT_MAX, SignalsAgent
from stream.bugs import BugBudget
from stream.core.hashes import hash32
from stream.core.tuning import Tuning
from stream.errors import Unavailable
from stream.kafka.deliveries import Delivery, TopicPartition
from stream.kafka.patience import Patience
from stream.results import Results
from stream.settings import load
from stream.wire.encode import encode
from stream.wire.messages import ItemSignals, SignalBatch
from tests.commit.world import NOW, Path
from tests.kafka.fakes import FakeFlow, FakeHealth, FakeRecord
from tests.support.fakes import FakePublisher, FakeStore, delivery_of
from tests.support.rows import neighbour_row

HALF_LIFE_S = 100.0
HERE, THERE = TopicPartition("signals", 0), TopicPartition("signals", 1)


class Post:
    """Partitions of signals, and the agent that reads them."""

    def __init__(self) -> None:
        self.path = Path()
        self.store = FakeStore()
        self.publisher = FakePublisher()
        self.flow = FakeFlow({HERE: 1, THERE: 1})
        self.now = NOW
        self.results = Results()
        self.store.neighbours.hook = self.publisher.hook = self.path.hook
        self.agent = SignalsAgent(
            load(),
            neighbours=self.store.neighbours,
            publisher=self.publisher,
            patience=Patience(FakeHealth(), shortest_s=0.0001, longest_s=0.0002),
            bugs=BugBudget(self.store.meta, 10),
            on_done=self.results.add,
            tuning=Tuning(hotness_half_life_s=HALF_LIFE_S, neighbour_half_life_s=HALF_LIFE_S),
            clock=lambda: self.now,
        )

    async def bring(
        self,
        *said: tuple[str, float, float],
        tp: TopicPartition = HERE,
        pairs: dict[str, float] | None = None,
        segments: dict[int, float] | None = None,
    ) -> Delivery:
        """Deliver one batch of (item, weight, seconds ago), each together with `pairs`, and so much
        of it from users of `segments`."""
        others = {hash32(other): weight for other, weight in (pairs or {}).items()}
        items = tuple(
            ItemSignals(
                item_id=item,
                at=NOW - ago,
                count=weight,
                hotness=weight,
                pairs=others,
                segments=segments or {},
            )
            for item, weight, ago in said
        )
        value = encode(SignalBatch(source="s", chunk=1, items=items))
        delivery = delivery_of(tp, [FakeRecord(0, value)], "source", self.flow)
        await self.agent.apply(delivery, delivery.records)
        await self.agent.finish(delivery)
        return delivery

    def count(self, item_id: str) -> float:
        return self.store.neighbours.rows[item_id].hotness

    def cut(self, point: str) -> None:
        async def fail() -> None:
            raise Unavailable("qdrant", "injected")

        self.path.then(point, fail)


def acknowledged(*deliveries: Delivery) -> list[bool]:
    return [delivery.span.acknowledged for delivery in deliveries]


@pytest.fixture
def post() -> Post:
    return Post()


async def test_deliveries_are_acknowledged_by_the_flush_that_writes_them(post: Post) -> None:
    first = await post.bring(("a", 1.0, 0))
    second = await post.bring(("a", 1.0, HALF_LIFE_S), ("b", 2.0, 0))
    assert acknowledged(first, second) == [False, False]
    assert post.store.neighbours.rows == {}

    await post.agent.flush()

    assert acknowledged(first, second) == [True, True]
    assert post.count("a") == pytest.approx(1.5)
    assert post.count("b") == pytest.approx(2.0)
    assert len(post.store.neighbours.history) == 2


async def test_later_signals_add_to_the_stored_row_and_to_its_pairs(post: Post) -> None:
    pairs = (np.array([hash32("known")], np.uint32), np.array([0.5], np.float32))
    row = neighbour_row("a", hotness=4.0, count=4.0, at=NOW - HALF_LIFE_S, pairs=pairs, revision=7)
    await post.store.neighbours.save([row], {"a": None})
    await post.bring(("a", 1.0, 0), pairs={"known": 1.0, "fresh": 2.0})

    await post.agent.flush()

    assert post.count("a") == pytest.approx(3.0)
    written = post.store.neighbours.rows["a"]
    assert written.count == pytest.approx(3.0)
    assert written.at == NOW
    assert dict(zip(*(each.tolist() for each in written.pairs), strict=True)) == {
        hash32("known"): 1.25,
        hash32("fresh"): 2.0,
    }


async def test_hotness_by_segment_is_added_and_kept_through_an_outage(post: Post) -> None:
    segments = (np.array([7], np.uint32), np.array([4.0], np.float32))
    row = neighbour_row("a", hotness=4.0, at=NOW - HALF_LIFE_S, segments=segments)
    await post.store.neighbours.save([row], {"a": None})
    await post.bring(("a", 1.0, 0), segments={7: 1.0})
    post.cut("neighbours.save")
    await post.agent.flush()
    await post.bring(("a", 1.0, 0), segments={9: 0.5})

    await post.agent.flush()

    hashes, weights = post.store.neighbours.rows["a"].segments
    assert (hashes.tolist(), weights.tolist()) == ([7, 9], [3.0, 0.5])


async def test_a_flush_writes_only_once(post: Post) -> None:
    await post.bring(("a", 1.0, 0))
    await post.agent.flush()
    await post.agent.flush()

    assert post.count("a") == 1.0
    assert len(post.store.neighbours.history) == 1


@pytest.mark.parametrize("point", ["neighbours.load", "neighbours.save"])
async def test_an_outage_leaves_all_of_it_for_the_next_flush(post: Post, point: str) -> None:
    first = await post.bring(("a", 1.0, 0))
    post.cut(point)
    await post.agent.flush()
    assert acknowledged(first) == [False]
    second = await post.bring(("a", 1.0, 0))

    await post.agent.flush()

    assert acknowledged(first, second) == [True, True]
    assert post.count("a") == pytest.approx(2.0)


async def test_an_outage_of_one_partition_s_rows_leaves_the_others_alone(post: Post) -> None:
    here = await post.bring(("a", 1.0, 0))
    there = await post.bring(("b", 1.0, 0), tp=THERE)
    post.cut("neighbours.load")

    await post.agent.flush()

    assert acknowledged(here, there) == [False, True]


async def test_a_revoked_partition_is_dropped(post: Post) -> None:
    """Its signals come again at the new owner."""
    here = await post.bring(("a", 1.0, 0))
    there = await post.bring(("b", 1.0, 0), tp=THERE)
    del post.flow.epochs[HERE]
    post.agent.revoked(frozenset({HERE}))

    await post.agent.flush()

    assert set(post.store.neighbours.rows) == {"b"}
    assert acknowledged(here, there) == [False, True]


async def test_a_partition_that_comes_back_starts_with_nothing(post: Post) -> None:
    await post.bring(("a", 1.0, 0))
    post.agent.revoked(frozenset({HERE}))
    post.flow.epochs[HERE] = 2
    again = await post.bring(("a", 1.0, 0))

    await post.agent.flush()

    assert acknowledged(again) == [True]
    assert post.count("a") == 1.0


async def test_silent_heartbeats_only_put_a_flush_off(post: Post) -> None:
    """The partition is still ours when they are answered again, and nobody delivers anew what
    was finished: dropped, it would hold up the partition's commits for ever."""
    kept = await post.bring(("a", 1.0, 0))
    post.flow.quiet = 99.0
    await post.agent.flush()
    assert post.store.neighbours.rows == {}
    post.flow.quiet = 0.0

    await post.agent.flush()

    assert acknowledged(kept) == [True]
    assert post.count("a") == 1.0


async def test_a_partition_lost_during_a_failing_flush_does_not_come_back(post: Post) -> None:
    """What is put back would be counted with, and block, the deliveries of the next assignment."""
    await post.bring(("a", 1.0, 0))

    async def lose_and_fail() -> None:
        post.flow.epochs[HERE] = 2
        post.agent.revoked(frozenset({HERE}))
        raise Unavailable("qdrant", "injected")

    post.path.then("neighbours.load", lose_and_fail)
    await post.agent.flush()
    again = await post.bring(("a", 1.0, 0))

    await post.agent.flush()

    assert acknowledged(again) == [True]
    assert post.count("a") == 1.0


async def test_another_writer_of_the_row_loses_nothing(post: Post) -> None:
    await post.bring(("a", 1.0, 0))

    async def other_writes() -> None:
        row = neighbour_row("a", hotness=2.0, count=2.0, at=NOW)
        assert await post.store.neighbours.save([row], {"a": None}) == {"a"}

    post.path.then("neighbours.save", other_writes)
    await post.agent.flush()

    assert post.count("a") == pytest.approx(3.0)


async def test_a_row_s_revision_only_grows(post: Post) -> None:
    for ago in (0, 0, 5):
        post.now = NOW - ago
        await post.bring(("a", 1.0, 0))
        await post.agent.flush()

    revisions = [row.revision for row in post.store.neighbours.history]
    assert revisions == sorted(set(revisions))


async def test_pairs_are_kept_through_an_outage_and_counted_once(post: Post) -> None:
    await post.bring(("a", 1.0, HALF_LIFE_S), pairs={"b": 1.0})
    post.cut("neighbours.save")
    await post.agent.flush()
    await post.bring(("a", 1.0, 0), pairs={"b": 1.0})

    await post.agent.flush()

    _, weights = post.store.neighbours.rows["a"].pairs
    assert weights.tolist() == [1.5]


async def test_what_cannot_be_understood_goes_to_the_dead_letters(post: Post) -> None:
    delivery = delivery_of(HERE, [FakeRecord(0, b"{")], "source", post.flow)
    await post.agent.apply(delivery, delivery.records)
    await post.agent.finish(delivery)
    await post.agent.flush()

    (letter,) = post.publisher.of("dead-letters")
    assert dict(letter.headers)["dl_reason"] == b"malformed_json"
    assert acknowledged(delivery) == [True]
    assert (post.results.events, post.results.dead_letters) == (1, {"malformed_json": 1})


async def test_many_deliveries_are_not_kept_but_flushed_and_waited_for(post: Post) -> None:
    """A store that is away must not fill the memory: the partition is held back instead."""
    kept = [await post.bring((f"i{n}", 1.0, 0)) for n in range(KEPT_MAX - 1)]
    assert not any(acknowledged(*kept))

    last = await post.bring(("last", 1.0, 0))

    assert all(acknowledged(*kept, last))
