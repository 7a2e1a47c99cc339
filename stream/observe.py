"""From a decoded event and what was looked up for it to what the core folds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from stream.core.catalogue import Catalogue, Entry
from stream.core.decay import Vector
from stream.core.fold import Observation
from stream.core.tuning import EventKind
from stream.kafka.deliveries import Record
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


def texts_of(event: Event, catalogue: Catalogue) -> list[str]:
    """What must be encoded: the event's own text, and a title where the item is not known."""
    texts = [event.text] if event.text else []
    if event.item_title and (event.item_id is None or catalogue.get(event.item_id) is None):
        texts.append(event.item_title)
    return texts


def observation(
    understood: Understood,
    source: str,
    kind: EventKind,
    item: Entry | None,
    contents: Mapping[str, Vector],
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
        vector=item.vector if item is not None else contents.get(event.item_title or ""),
        text_vector=contents.get(event.text or ""),
        categories=item.categories if item is not None else (),
        label=item.label if item is not None else event.item_title or "",
    )
