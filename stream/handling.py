"""What the handlers of all input topics do alike: dead letters, bugs, counting, acknowledging."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from weakref import WeakKeyDictionary

import structlog
from aiokafka.errors import MessageSizeTooLargeError

from stream.bugs import BugBudget, PureStepFailed, one_by_one
from stream.errors import Reject
from stream.kafka.dead_letters import cut, dead_letter
from stream.kafka.deliveries import Delivery, Record
from stream.kafka.patience import Patience
from stream.kafka.publisher import Outgoing, Publisher
from stream.kafka.topics import record_limit
from stream.results import Results
from stream.settings import Settings
from stream.wire.reasons import Reason

log = structlog.get_logger(__name__)

Apply = Callable[[Sequence[Record], Results], Awaitable[None]]


class Handling:
    """One a handler.

    on_done        hears of a delivery's results once it is acknowledged
    keyed_by_user  whether the records' keys are user ids: their dead letters carry the hash
    """

    def __init__(
        self,
        settings: Settings,
        *,
        patience: Patience,
        publisher: Publisher,
        bugs: BugBudget,
        on_done: Callable[[Results], None],
        keyed_by_user: bool = False,
    ) -> None:
        self._settings = settings
        self._keyed_by_user = keyed_by_user
        self._patience = patience
        self._publisher = publisher
        self._bugs = bugs
        self._on_done = on_done
        self._results: WeakKeyDictionary[Delivery, Results] = WeakKeyDictionary()

    async def run(self, delivery: Delivery, records: Sequence[Record], apply: Apply) -> None:
        """Apply the records at once; where a pure step fails, one by one.

        The record that fails alone goes to the dead letters with its trace. `apply` must be
        repeatable; what it counts in the results it is given stays only where it succeeds.
        """

        async def attempt(part: Sequence[Record]) -> None:
            results = Results()
            await apply(part, results)
            self._keep(delivery, results)

        async def bury_bug(record: Record, failure: PureStepFailed) -> None:
            await self._patience(delivery, "qdrant", lambda: self._bugs.spend(failure))
            why = Reject(Reason.BUG, str(failure))
            await self.bury(delivery, [self.letter(delivery, record, why, failure.trace)])
            self._keep(delivery, Results(events=1, dead_letters=Counter({Reason.BUG: 1})))

        await one_by_one(records, attempt, bury_bug)

    def letter(self, delivery: Delivery, record: Record, why: Reject, trace: str = "") -> Outgoing:
        """The dead letter of a record."""
        key = record.key if self._keyed_by_user else None
        user = None if key is None else key.decode(errors="replace")
        return dead_letter(
            record, why, tp=delivery.tp, user_id=user, settings=self._settings, trace=trace
        )

    async def bury(self, delivery: Delivery, letters: Sequence[Outgoing]) -> None:
        """Send dead letters; where their topic takes less than it should, without the values.

        A topic made by somebody else may have a smaller limit, and one large bad record must not
        stop the worker for ever.
        """
        try:
            await self.send(delivery, letters)
        except MessageSizeTooLargeError:
            log.warning(
                "dead letters are cut: the topic's max.message.bytes is below what it should be",
                limit_bytes=record_limit(self._settings),
            )
            await self.send(delivery, [cut(letter) for letter in letters])

    async def send(self, delivery: Delivery, outgoing: Sequence[Outgoing]) -> None:
        """Send, confirmed, waiting out an outage."""
        if outgoing:
            await self._patience(delivery, "kafka", lambda: self._publisher.send(outgoing))

    async def finish(self, delivery: Delivery) -> None:
        """Acknowledge the delivery; only now do counters move."""
        await delivery.ack()
        self._on_done(self._results.pop(delivery, Results()))

    def emptied(self, delivery: Delivery) -> Delivery:
        """A delivery of which all but the acknowledgement is done, without its records.

        What it counted goes along; finish this one in the other's place.
        """
        light = replace(delivery, records=())
        self._results[light] = self._results.pop(delivery, Results())
        return light

    def _keep(self, delivery: Delivery, results: Results) -> None:
        self._results.setdefault(delivery, Results()).add(results)
