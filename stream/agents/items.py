"""Items: upserts, and soft deletes by a null value; unchanged content is not encoded again."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from stream.bugs import BugBudget, pure
from stream.core.decay import Vector, direction
from stream.core.hashes import hash128
from stream.core.tuning import SOURCES_MAX
from stream.encoder.contract import Lane, Rows, TextEncoder
from stream.errors import Reject, Unavailable
from stream.handling import Handling
from stream.kafka.deliveries import Delivery, Record
from stream.kafka.patience import Patience
from stream.kafka.publisher import Outgoing, Publisher
from stream.results import Results
from stream.settings import Settings
from stream.store.contract import SavesItems
from stream.store.rows import ItemRow, fresh_etag, next_version
from stream.wire.decode import Deletion, Item, Limits, decode_item

ROUNDS = 8


@dataclass(frozen=True, slots=True)
class Change:
    """The last word of a chunk on one item, and the offset it came with."""

    message: Item | Deletion
    offset: int


class ItemsAgent:
    """The same guard as for users: an etag and marks, so no stalled writer brings back an older
    text or a deleted item."""

    def __init__(
        self,
        settings: Settings,
        *,
        encoder: TextEncoder,
        items: SavesItems,
        publisher: Publisher,
        patience: Patience,
        bugs: BugBudget,
        on_done: Callable[[Results], None],
        encoder_quiet_s: Callable[[], float] = lambda: math.inf,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`encoder_quiet_s`: seconds since the encoder's last run, for the watchdog: items wait
        behind events, with a slow encoder for longer than any step may take."""
        self._encoder = encoder
        self._encoder_quiet_s = encoder_quiet_s
        self._items = items
        self._patience = patience
        self._handling = Handling(
            settings, patience=patience, publisher=publisher, bugs=bugs, on_done=on_done
        )
        self._clock = clock
        self._limits = Limits.of(settings)

    async def apply(self, delivery: Delivery, records: Sequence[Record]) -> None:
        """Decode, encode what is new, save, for some consecutive records."""

        async def apply(part: Sequence[Record], results: Results) -> None:
            await self._apply(delivery, part, results)

        await self._handling.run(delivery, records, apply)

    async def _apply(self, delivery: Delivery, records: Sequence[Record], results: Results) -> None:
        todo, letters = self._decode(delivery, records, results)
        await self._handling.bury(delivery, letters)

        async def rounds() -> None:
            for _ in range(ROUNDS):
                if not todo:
                    return
                for item_id in await self._round(delivery, todo):
                    del todo[item_id]
            if todo:
                raise Unavailable("qdrant", f"{len(todo)} items kept being written by others")

        await self._patience(delivery, "qdrant", rounds)

    async def finish(self, delivery: Delivery) -> None:
        await self._handling.finish(delivery)

    def revoked(self, tps: frozenset[tuple[str, int]]) -> None:
        """Nothing is kept beyond a delivery."""

    def _decode(
        self, delivery: Delivery, records: Sequence[Record], results: Results
    ) -> tuple[dict[str, Change], list[Outgoing]]:
        changes: dict[str, Change] = {}
        letters: list[Outgoing] = []
        for record in records:
            results.events += 1
            try:
                with pure():
                    message = decode_item(
                        record.value,
                        record.key,
                        limits=self._limits,
                        dimension=self._encoder.dimension,
                    )
            except Reject as reject:
                results.dead_letters[reject.reason] += 1
                letters.append(self._handling.letter(delivery, record, reject))
                continue
            results.applied += 1
            changes[message.item_id] = Change(message, record.offset)
        return changes, letters

    async def _round(self, delivery: Delivery, todo: Mapping[str, Change]) -> set[str]:
        """Ids of the items that are done: written just now, or there already."""
        delivery.check_owned()
        before = await self._items.load(todo)
        fresh = {
            item_id: change
            for item_id, change in todo.items()
            if (row := before.get(item_id)) is None
            or row.marks.get(delivery.source, -1) < change.offset
        }
        vectors = await self._vectors(delivery, fresh, before)
        rows = [
            self._row(delivery.source, change, before.get(item_id), vectors.get(item_id))
            for item_id, change in fresh.items()
        ]
        delivery.check_owned()
        read = {item_id: row.etag if (row := before.get(item_id)) else None for item_id in fresh}
        saved = await self._items.save(rows, read) if rows else set()
        return saved | (todo.keys() - fresh.keys())

    async def _vectors(
        self, delivery: Delivery, changes: Mapping[str, Change], before: Mapping[str, ItemRow]
    ) -> dict[str, Vector]:
        """Vectors of the items whose content is new; the producer's own where it sends one."""
        given: dict[str, Vector] = {}
        texts: dict[str, str] = {}
        for item_id, change in changes.items():
            if isinstance(change.message, Deletion):
                continue
            own = given_vector(change.message)
            if own is not None:
                given[item_id] = own
                continue
            row = before.get(item_id)
            if (
                row is None
                or row.vector is None
                or row.content_hash != content_hash(change.message)
            ):
                texts[item_id] = content(change.message)
        if texts:
            with delivery.progress.vouched(self._encoder_quiet_s):
                rows = await self._patience(delivery, "encoder", lambda: self._encode(texts))
            given.update(zip(texts, rows, strict=True))
        return given

    async def _encode(self, texts: Mapping[str, str]) -> Rows:
        with pure():
            return await self._encoder.encode(list(texts.values()), lane=Lane.ITEMS)

    def _row(
        self, source: str, change: Change, before: ItemRow | None, vector: Vector | None
    ) -> ItemRow:
        others = {s: o for s, o in before.marks.items() if s != source} if before else {}
        newest = dict(list(others.items())[-(SOURCES_MAX - 1) :])
        marks = {**newest, source: change.offset}
        now = self._clock()
        # a replica takes only what is newer than what it has: clocks differ, and a ms is long
        revision = next_version(before.revision if before else 0, now)
        message = change.message
        if isinstance(message, Deletion):
            gone = before or _unknown(message.item_id)
            return replace(gone, deleted_at=now, revision=revision, etag=fresh_etag(), marks=marks)
        kept = before.vector if before is not None else None
        return ItemRow(
            item_id=message.item_id,
            title=message.title,
            text=message.text or "",
            categories=message.categories,
            domain=message.domain,
            lang=message.lang,
            published_at=message.published_at,
            expires_at=message.expires_at,
            available=message.available,
            content_hash=content_hash(message),
            deleted_at=None,
            revision=revision,
            etag=fresh_etag(),
            marks=marks,
            vector=kept if vector is None else vector,
            attributes=message.attributes,
        )


def content(item: Item) -> str:
    """What an item's vector is made from: title, categories, text."""
    return ". ".join(part for part in (item.title, ", ".join(item.categories), item.text) if part)


def content_hash(item: Item) -> str:
    """Changes with the content and with a vector that the producer sends."""
    own = given_vector(item)
    return hash128(content(item) if own is None else own.tobytes().hex()).hex()


def given_vector(item: Item) -> Vector | None:
    """The producer's own `text` vector at unit length, if it sent one that points anywhere."""
    values = item.vectors.get("text")
    return None if values is None else direction(np.array(values, np.float32))


def _unknown(item_id: str) -> ItemRow:
    """A deletion of an item that nobody has heard of: its mark must be kept all the same."""
    return ItemRow(
        item_id=item_id,
        title="",
        text="",
        categories=(),
        domain=None,
        lang=None,
        published_at=None,
        expires_at=None,
        available=False,
        content_hash="",
        deleted_at=None,
        revision=0,
        etag=0,
    )
