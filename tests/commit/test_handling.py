"""What every handler does alike: a letter that its topic does not take does not stop the worker."""

from __future__ import annotations

from collections.abc import Sequence

from aiokafka.errors import MessageSizeTooLargeError

from stream.bugs import BugBudget
from stream.errors import Reject
from stream.handling import Handling
from stream.kafka.deliveries import TopicPartition
from stream.kafka.patience import Patience
from stream.kafka.publisher import Outgoing
from stream.results import Results
from stream.settings import load
from stream.wire import deadletter
from tests.kafka.fakes import FakeFlow, FakeHealth, FakeRecord
from tests.support.fakes import FakePublisher, FakeStore, delivery_of

TP = TopicPartition("events", 0)


class SmallTopic(FakePublisher):
    """A broker whose topic was made with a limit of 2,000 bytes."""

    async def send(self, records: Sequence[Outgoing]) -> None:
        if any(len(record.value or b"") > 2000 for record in records):
            raise MessageSizeTooLargeError
        await super().send(records)


async def test_a_letter_that_is_too_large_for_its_topic_is_cut() -> None:
    publisher, record = SmallTopic(), FakeRecord(7, b"x" * 5000, key=b"u")
    handling = Handling(
        load(),
        patience=Patience(FakeHealth()),
        publisher=publisher,
        bugs=BugBudget(FakeStore().meta, 10),
        on_done=Results().add,
        keyed_by_user=True,
    )
    delivery = delivery_of(TP, [record], "source", FakeFlow({TP: 1}))

    small = handling.letter(delivery, FakeRecord(6, b"{"), Reject("malformed_json", "cut short"))
    large = handling.letter(delivery, record, Reject("too_large", "5000 bytes"))
    await handling.bury(delivery, [small, large])

    first, second = publisher.arrived
    assert first == small
    assert (second.key, second.value) == (large.key, b"x" * 1024)
    headers = dict(second.headers)
    assert headers[deadletter.SIZE] == b"5000"
    assert headers[deadletter.REASON] == b"too_large"
