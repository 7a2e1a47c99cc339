"""From a decoded event and what was looked up and read for it to what the core folds."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from stream.core.catalogue import Catalogue, Entry
from stream.core.decay import Vector
from stream.core.fold import Observation
from stream.core.tuning import EventKind
from stream.encoder.contract import Lane, Role, TextEncoder
from stream.kafka.deliveries import Record
from stream.sentiment.contract import Review, Sentiment
from stream.settings import Settings
from stream.wire.inputs import Event


@dataclass(frozen=True, slots=True)
class Understood:
    """An event and the record that brought it."""

    event: Event
    record: Record


def event_kinds(settings: Settings) -> dict[str, EventKind]:
    """The settings' table of event types in the core's terms."""
    return {
        name: EventKind(
            strength=row.strength,
            half_dwell_s=row.half_dwell_s,
            updates=row.updates,
            publishes=row.publishes,
            rated=name in ("rating", "review"),
            forgets=name == "forget",
        )
        for name, row in settings.event_types.items()
    }


@dataclass(frozen=True, slots=True)
class Texts:
    """What is to be read of some events' texts, each once.

    own      what users wrote, searched with: queries to the encoder
    titles   of items that nobody knows yet, as items are encoded: passages
    reviews  of `own` the reviews, each with the language that its event names
    """

    own: tuple[str, ...] = ()
    titles: tuple[str, ...] = ()
    reviews: tuple[tuple[str, str | None], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.own or self.titles)


@dataclass(frozen=True, slots=True)
class Contents:
    """What was read, by text: vectors, and the sentiments of reviews, by text and language."""

    own: Mapping[str, Vector] = field(default_factory=dict)
    titles: Mapping[str, Vector] = field(default_factory=dict)
    sentiments: Mapping[tuple[str, str | None], float | None] = field(default_factory=dict)


def texts_of(
    events: Iterable[Event], kinds: Mapping[str, EventKind], catalogue: Catalogue
) -> Texts:
    """The events' own texts but blank ones, and titles where the item is not known.

    Sentiment is read where the type is one that ratings belong to: what is written beside a
    rating is a review, whatever its event is called.
    """
    own: dict[str, None] = {}
    titles: dict[str, None] = {}
    reviews: dict[tuple[str, str | None], None] = {}
    for event in events:
        if event.text and not event.text.isspace():
            own[event.text] = None
            if kinds[event.type].rated:
                reviews[event.text, event.lang] = None
        if event.item_title and (event.item_id is None or catalogue.get(event.item_id) is None):
            titles[event.item_title] = None
    return Texts(tuple(own), tuple(titles), tuple(reviews))


async def read(texts: Texts, encoder: TextEncoder, sentiment: Sentiment) -> Contents:
    """Vectors first, for a sentiment may be read from them.

    Raises what the encoder raises.
    """
    own, titles = await asyncio.gather(
        encoder.encode(texts.own, lane=Lane.EVENTS, role=Role.QUERY),
        encoder.encode(texts.titles, lane=Lane.EVENTS, role=Role.PASSAGE),
    )
    vectors = dict(zip(texts.own, own, strict=True))
    reviews = [Review(text, lang, vectors[text]) for text, lang in texts.reviews]
    sides = await sentiment.polarity(reviews)
    return Contents(
        vectors,
        dict(zip(texts.titles, titles, strict=True)),
        dict(zip(texts.reviews, sides, strict=True)),
    )


def observation(
    understood: Understood,
    source: str,
    kind: EventKind,
    item: Entry | None,
    contents: Contents,
) -> Observation:
    """The event as the core sees it. Where the item is unknown its title, if given, stands in."""
    event = understood.event
    return Observation(
        event_id=event.event_id,
        kind=kind,
        at=event.at,
        source=source,
        offset=understood.record.offset,
        item_id=event.item_id,
        dwell_s=event.dwell_s,
        rating=event.rating,
        rating_max=event.rating_max,
        vector=item.vector if item is not None else contents.titles.get(event.item_title or ""),
        text_vector=contents.own.get(event.text or ""),
        sentiment=contents.sentiments.get((event.text or "", event.lang)),
        categories=item.categories if item is not None else (),
        label=item.label if item is not None else event.item_title or "",
    )
