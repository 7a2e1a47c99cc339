"""From rows of the old encoder's collections to rows of the new one's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from cachetools import LRUCache

from stream.agents.items import content
from stream.core.decay import Vector
from stream.core.hashes import hash128
from stream.core.profile import Profile
from stream.core.rebuild import needed, rebuild
from stream.core.tuning import Tuning
from stream.encoder.contract import Lane, TextEncoder
from stream.errors import Failed, InterestreamError
from stream.store.codec import pack, unpack
from stream.store.items import Items
from stream.store.rows import ItemRow, NeighbourRow, UserRow, fresh_etag
from stream.wire.decode import Item

REQUEST = 500  # ids: more vectors in one answer take the store longer than its time-out
KNOWN_VECTORS = 50_000  # some 80 MB at 384 dimensions


@dataclass(slots=True)
class Counts:
    """What was done, over all passes of a run.

    encoded    texts of items that went through the new model
    kept       items whose vector was there already and of the same content
    producers  items whose producer sent a vector of its own: encoded from their text instead
    dropped    interests of which no item has a vector
    """

    encoded: int = 0
    kept: int = 0
    producers: int = 0
    dropped: int = 0


class MakesItems:
    """Items with the new encoder's vectors.

    A row of the target with the same content keeps its vector, so that on the way back only what
    changed is encoded. Deleted items are kept without a vector.
    """

    def __init__(self, target: Items, encoder: TextEncoder, counts: Counts) -> None:
        self._target = target
        self._encoder = encoder
        self._counts = counts

    async def __call__(self, rows: Sequence[ItemRow]) -> list[ItemRow]:
        there = await self._target.load([row.item_id for row in rows])
        vectors: dict[str, Vector] = {}
        texts: dict[str, str] = {}
        for row in rows:
            if row.deleted_at is not None:
                continue
            before = there.get(row.item_id)
            if before and before.vector is not None and before.content_hash == row.content_hash:
                vectors[row.item_id] = before.vector
            else:
                texts[row.item_id] = text_of(row)
                self._counts.producers += has_own_vector(row)
        self._counts.kept += len(vectors)
        self._counts.encoded += len(texts)
        encoded = await self._encoder.encode(list(texts.values()), lane=Lane.ITEMS)
        vectors.update(zip(texts, encoded, strict=True))
        return [replace(row, etag=fresh_etag(), vector=vectors.get(row.item_id)) for row in rows]


class NewVectors:
    """Vectors of items in the new space, by id, for as long as one pass takes.

    Items that are deleted, or came after the items were copied, are encoded from their text.
    """

    def __init__(self, source: Items, target: Items, encoder: TextEncoder) -> None:
        self._source = source
        self._target = target
        self._encoder = encoder
        self._known: LRUCache[str, Vector | None] = LRUCache(KNOWN_VECTORS)

    async def of(self, item_ids: Iterable[str]) -> dict[str, Vector]:
        """Those of the items that have a text or a vector."""
        asked = set(item_ids)
        found = {i: self._known[i] for i in asked if i in self._known}
        for some in batched(asked - found.keys(), REQUEST):
            fresh = await self._read(some)
            found.update(fresh)
            self._known.update(fresh)
        return {item_id: vector for item_id, vector in found.items() if vector is not None}

    async def _read(self, item_ids: Sequence[str]) -> dict[str, Vector | None]:
        found: dict[str, Vector | None] = dict.fromkeys(item_ids)
        copied = await self._target.load(item_ids)
        found.update((item_id, row.vector) for item_id, row in copied.items())
        bare = [item_id for item_id, vector in found.items() if vector is None]
        rows = (await self._source.load(bare, with_vectors=False)).values()
        texts = {row.item_id: text for row in rows if (text := text_of(row))}
        vectors = await self._encoder.encode(list(texts.values()), lane=Lane.ITEMS)
        found.update(zip(texts, vectors, strict=True))
        return found


class MakesUsers:
    """Profiles with their sums made anew; see `stream.core.rebuild`."""

    def __init__(self, vectors: NewVectors, tuning: Tuning, counts: Counts) -> None:
        self._vectors = vectors
        self._tuning = tuning
        self._counts = counts

    async def __call__(self, rows: Sequence[UserRow]) -> list[UserRow]:
        profiles = [_profile(row) for row in rows]
        vectors = await self._vectors.of(i for profile in profiles for i in needed(profile))
        made = []
        for row, profile in zip(rows, profiles, strict=True):
            rebuilt = rebuild(profile, vectors, self._tuning)
            self._counts.dropped += rebuilt.dropped
            packed = pack(rebuilt.profile, fresh_etag(), self._tuning, now=0.0)
            made.append(replace(packed, updated_at=row.updated_at, outbox_at=row.outbox_at))
        return made


async def make_neighbours(rows: Sequence[NeighbourRow]) -> list[NeighbourRow]:
    """The same rows: what is counted does not depend on the encoder."""
    return [replace(row, etag=fresh_etag()) for row in rows]


def batched(names: Iterable[str], size: int) -> Iterator[Sequence[str]]:
    """Lists of at most `size` names."""
    left = iter(names)
    while some := list(islice(left, size)):
        yield some


def text_of(row: ItemRow) -> str:
    """What the item's vector is made from, as the items agent makes it."""
    item = Item(item_id=row.item_id, title=row.title, text=row.text, categories=row.categories)
    return content(item)


def has_own_vector(row: ItemRow) -> bool:
    """Whether the producer sent the vector itself: then it is of the old model's space."""
    return row.content_hash != hash128(text_of(row)).hex()


def _profile(row: UserRow) -> Profile:
    try:
        return unpack(row)
    except InterestreamError:
        raise
    except Exception as error:
        raise Failed(
            f"the profile of user {row.user_id!r} cannot be read ({error!r}), and without it the "
            "user would start from nothing: mend or delete its row, then run this again"
        ) from error
