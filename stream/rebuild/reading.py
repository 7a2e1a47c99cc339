"""From records to what is folded, by the service's own decoding, encoding and catalogue."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from stream.bugs import pure
from stream.core.fold import Observation
from stream.core.interests import fitted
from stream.core.tuning import Tuning
from stream.encoder.contract import TextEncoder
from stream.errors import Reject
from stream.observe import Contents, Understood, event_kinds, observation, read, texts_of
from stream.rebuild.log import Placed
from stream.sentiment import Sentiment
from stream.settings import Settings
from stream.store.candidates import Candidates
from stream.store.collections import Store
from stream.store.replica import Replica
from stream.store.shelf import Shelf
from stream.wire.decode import Limits, Skipped, decode_event


@dataclass(slots=True)
class Counts:
    """What became of the records that were read.

    refused  by reason: their dead letters are there already
    skipped  by reason: counted by the workers too
    bugs     records on which a pure step failed: they change nothing here either
    trace    stack trace of the first of them
    """

    read: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    bugs: int = 0
    trace: str = ""

    def add(self, more: Counts) -> None:
        self.read += more.read
        self.refused += more.refused
        self.skipped += more.skipped
        self.bugs += more.bugs
        self.trace = self.trace or more.trace


@dataclass(frozen=True, slots=True)
class Seen:
    """An observation, and when its record arrived, in seconds."""

    observation: Observation
    arrived_at: float


Wanted = Callable[[str, Placed], bool]


def anybody(_: str, __: Placed) -> bool:
    """Every user's every record is asked for."""
    return True


class Reading:
    """Methods raise Unavailable, and PureStepFailed where a record, or one of some, is a bug.

    encoder, sentiment  as the workers have them
    """

    def __init__(
        self,
        settings: Settings,
        *,
        encoder: TextEncoder,
        sentiment: Sentiment,
        candidates: Candidates,
        replica: Replica,
    ) -> None:
        self._settings = settings
        self._limits = Limits.of(settings)
        self._kinds = event_kinds(settings)
        self._encoder = encoder
        self._sentiment = sentiment
        self._candidates = candidates
        self._replica = replica

    async def refresh(self) -> None:
        """See the catalogue as it is now. Raises Unavailable."""
        await self._replica.refresh()

    @property
    def tuning(self) -> Tuning:
        """What a fold takes: with the thresholds that fit the catalogue as it is now."""
        return fitted(self._settings.tuning(), self._replica.catalogue.pair_cosines)

    async def observations(
        self,
        records: Sequence[Placed],
        counts: Counts,
        wanted: Wanted = anybody,
    ) -> dict[str, list[Seen]]:
        """By user, in the order given.

        wanted  of a user's record, whether it is asked for
        """
        understood: dict[str, list[tuple[Placed, Understood]]] = {}
        with pure():
            for placed in records:
                counts.read += 1
                event = self._event(placed, counts)
                if event is not None and wanted(event.event.user_id, placed):
                    understood.setdefault(event.event.user_id, []).append((placed, event))
        if not understood:
            return {}
        events = [one.event for own in understood.values() for _, one in own]
        items = await self._candidates.items({e.item_id for e in events if e.item_id})
        texts = texts_of(events, self._kinds, self._replica.catalogue)
        contents = Contents()
        if texts:
            contents = await read(texts, self._encoder, self._sentiment)
        with pure():
            return {
                user: [
                    Seen(
                        observation(
                            one,
                            placed.source,
                            self._kinds[one.event.type],
                            items.get(one.event.item_id or ""),
                            contents,
                        ),
                        placed.record.timestamp / 1000,
                    )
                    for placed, one in own
                ]
                for user, own in understood.items()
            }

    def _event(self, placed: Placed, counts: Counts) -> Understood | None:
        """As of the record's arrival: what was too old, or in the future, was so then."""
        record = placed.record
        try:
            event = decode_event(
                record.value,
                record.key,
                limits=self._limits,
                event_types=self._settings.event_types,
                now=record.timestamp / 1000,
            )
        except Reject as reject:
            counts.refused[reject.reason] += 1
            return None
        if isinstance(event, Skipped):
            counts.skipped[event.reason] += 1
            return None
        return Understood(event, record)


async def open_reading(
    settings: Settings, store: Store, encoder: TextEncoder, sentiment: Sentiment
) -> Reading:
    """With the catalogue as the store has it now. Raises Unavailable."""
    shelf = Shelf(store.items, store.neighbours, size=settings.catalogue_cache_items)
    replica = Replica(
        store,
        dimension=encoder.dimension,
        poll_s=settings.replica_poll_s,
        overlap_s=settings.replica_overlap_s,
        max_items=settings.catalogue_max_items,
        shelf=shelf,
    )
    candidates = Candidates(lambda: replica.catalogue, store.items, shelf, settings.tuning())
    reading = Reading(
        settings,
        encoder=encoder,
        sentiment=sentiment,
        candidates=candidates,
        replica=replica,
    )
    await reading.refresh()
    return reading
