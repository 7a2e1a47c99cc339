"""From what a profile holds to records on the output topics: the same profile, the same records."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from zlib import crc32

from stream.core.catalogue import Catalogue
from stream.core.fold import Folded
from stream.core.parts import PARTS, Part
from stream.core.profile import Change, InterestShare, Offer, Profile, StoredList
from stream.core.rank import ranker
from stream.core.sentences import sentence
from stream.core.signals import Gathered, Row, gather
from stream.kafka.publisher import Outgoing
from stream.settings import Settings
from stream.wire import cloudevents, ids, messages
from stream.wire.encode import encode, rfc3339

PART_PAIRS = 10_000  # some 300 KB of JSON


class Renderer:
    """Renders for one deployment.

    encoder            hash of the model in use
    signal_partitions  that the signals topic has, whatever the setting for new topics says
    parts              of the score that are in force
    """

    def __init__(
        self,
        settings: Settings,
        *,
        encoder: str,
        signal_partitions: int,
        parts: Callable[[], Sequence[Part]] = lambda: PARTS,
    ) -> None:
        self._settings = settings
        self._tuning = settings.tuning()
        self._signal_partitions = signal_partitions
        self._encoder = encoder
        self._parts = parts
        self._named: tuple[Sequence[Part], messages.Model] | None = None
        self._source = cloudevents.source_of(settings.namespace)

    def recommendation(self, profile: Profile, catalogue: Catalogue) -> Outgoing:
        """The profile's stored list. Raises ValueError where it has none."""
        if profile.current is None:
            raise ValueError(f"profile {profile.user_id!r} has no list to send")
        message = self._list(profile.user_id, profile.current, catalogue)
        return Outgoing(
            self._settings.topic("recommendations"),
            profile.user_id.encode(),
            encode(message),
            tuple(cloudevents.recommendation_headers(message, source=self._source)),
        )

    def _list(
        self, user_id: str, current: StoredList, catalogue: Catalogue
    ) -> messages.Recommendation:
        return messages.Recommendation(
            recommendation_id=ids.recommendation_id(user_id, current.version),
            version=current.version,
            user_id=user_id,
            as_of=rfc3339(current.as_of),
            valid_until=rfc3339(current.as_of + self._settings.list_ttl_s),
            caused_by=current.caused_by,
            items=tuple(
                messages.Offer(
                    item_id=offer.item_id,
                    title=entry.title if (entry := catalogue.get(offer.item_id)) else "",
                    score=offer.score,
                    rank=rank,
                    source=offer.source,
                    because=offer.because,
                    share=dict(offer.share),
                    why=self._why(offer, catalogue),
                    propensity=offer.propensity,
                )
                for rank, offer in enumerate(current.offers, 1)
            ),
            interests=_interests(current.interests),
            entropy=current.entropy,
            confidence=current.confidence,
            segment=current.segment,
            variant=None,
            model=self._model(),
            categories=dict(current.categories),
        )

    def _why(self, offer: Offer, catalogue: Catalogue) -> dict[str, str]:
        found = ((item_id, catalogue.get(item_id)) for item_id in offer.because)
        titles = {item_id: entry.title for item_id, entry in found if entry is not None}
        return {lang: sentence(offer, titles, lang) for lang in self._settings.why_langs}

    def _model(self) -> messages.Model:
        """As of now; named anew only where other parts are in force."""
        parts = self._parts()
        if self._named is None or self._named[0] is not parts:
            name = ranker(self._tuning, parts)
            self._named = (parts, messages.Model(encoder=self._encoder, ranker=name))
        return self._named[1]

    def forgotten(self, profile: Profile) -> list[Outgoing]:
        """Nulls: one takes the list out of the compacted topic, one tells who keeps segments.

        Raises ValueError where the user was not forgotten.
        """
        if profile.forgotten_at is None:
            raise ValueError(f"profile {profile.user_id!r} was not forgotten")
        headers = tuple(
            cloudevents.forgotten_headers(
                profile.user_id, profile.forgotten_at, source=self._source
            )
        )
        topics = map(self._settings.topic, ("recommendations", "segments"))
        return [Outgoing(topic, profile.user_id.encode(), None, headers) for topic in topics]

    def receipt(self, profile: Profile, letters: int, now: float) -> Outgoing:
        """What was removed of a user whose removal is confirmed.

        letters  dead letters that were taken back
        now      wall clock, seconds

        Raises ValueError where no removal waits for its confirmation.
        """
        removal = profile.forgetting
        if profile.forgotten_at is None or removal is None:
            raise ValueError(f"profile {profile.user_id!r} is not being forgotten")
        message = messages.Receipt(
            receipt_id=ids.receipt_id(profile.user_id, profile.forgotten_at),
            user_hash=ids.user_hash(profile.user_id),
            asked_by=removal.asked_by,
            asked_at=rfc3339(profile.forgotten_at),
            removed_at=rfc3339(removal.removed_at),
            confirmed_at=rfc3339(now),
            removed={**removal.removed, "dead_letters": letters},
        )
        return Outgoing(
            self._settings.topic("receipts"),
            message.receipt_id.encode(),
            encode(message),
            tuple(cloudevents.receipt_headers(message, source=self._source)),
        )

    def segment_change(self, profile: Profile, change: Change) -> Outgoing:
        """An entry of the profile's outbox."""
        message = messages.SegmentChange(
            change_id=change.change_id,
            user_id=profile.user_id,
            at=rfc3339(change.at),
            from_=change.before,
            to=change.after,
            label=change.label,
            cause=change.cause,
            event_id=change.event_id,
            margin=change.margin,
            model_version=change.model_version,
            interests=_interests(change.interests),
            categories=dict(change.categories),
            entropy=change.entropy,
            confidence=change.confidence,
            drift=change.drift,
        )
        return Outgoing(
            self._settings.topic("segments"),
            profile.user_id.encode(),
            encode(message),
            tuple(cloudevents.segment_headers(message, source=self._source)),
        )

    def signals(self, folded: Iterable[Folded], source: str, chunk: int) -> list[Outgoing]:
        """Records for each partition whose items the chunk's events speak of.

        source, chunk  where the events stood: the partition's name and the last offset
        """
        gathered: dict[str, Gathered] = {}
        for one in folded:
            gather(gathered, one.increments, one.pairings, self._tuning)
        by_target: dict[int, list[messages.ItemSignals]] = {}
        for item_id, sums in gathered.items():
            target = signal_partition(item_id, self._signal_partitions)
            by_target.setdefault(target, []).append(_item(item_id, sums.row(self._tuning)))
        return [
            self._signal(
                messages.SignalBatch(source=source, chunk=chunk, part=part, items=items), target
            )
            for target, batch in by_target.items()
            for part, items in enumerate(_parts(batch))
        ]

    def _signal(self, message: messages.SignalBatch, target: int) -> Outgoing:
        return Outgoing(
            self._settings.topic("signals"),
            None,
            encode(message),
            tuple(cloudevents.signal_headers(message, target=target, source=self._source)),
            partition=target,
        )


def _interests(shares: Iterable[InterestShare]) -> tuple[messages.InterestShare, ...]:
    return tuple(messages.InterestShare(id=i.id, label=i.label, share=i.share) for i in shares)


def _item(item_id: str, row: Row) -> messages.ItemSignals:
    return messages.ItemSignals(
        item_id=item_id,
        at=row.at,
        count=_short(row.count),
        hotness=_short(row.hotness),
        pairs={other: _short(weight) for other, weight in row.pairs()},
        segments={segment: _short(weight) for segment, weight in row.by_segment()},
    )


def _short(weight: float) -> float:
    """Four significant digits: half the bytes of a sum that is a statistic."""
    return float(f"{weight:.4g}")


def _parts(batch: list[messages.ItemSignals]) -> list[tuple[messages.ItemSignals, ...]]:
    """Pieces of at most PART_PAIRS sums, or one item: a record must fit its topic's limit."""
    parts: list[list[messages.ItemSignals]] = [[]]
    total = 0
    for item in batch:
        own = len(item.pairs) + len(item.segments) + 1
        total += own
        if parts[-1] and total > PART_PAIRS:
            parts.append([])
            total = own
        parts[-1].append(item)
    return [tuple(part) for part in parts]


def signal_partition(item_id: str, partitions: int) -> int:
    """The partition whose owner keeps an item's signals."""
    return crc32(item_id.encode()) % partitions
