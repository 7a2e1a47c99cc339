"""What is evaluated on: items, events in time order, and groups of users where there are any."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from stream.wire.inputs import Event, Item


@dataclass(frozen=True, slots=True)
class Dataset:
    """Items and events as the service decodes them.

    events   oldest first; those of one moment in the order of the source
    groups   by kind of group, the group of each user, e.g. {"gender": {"17": "F"}}
    refused  what could not be read, one line each
    """

    name: str
    items: tuple[Item, ...] = ()
    events: tuple[Event, ...] = ()
    groups: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    refused: tuple[str, ...] = ()

    def first(self, count: int | None) -> Dataset:
        """With the oldest `count` events only; None: with all."""
        return self if count is None else replace(self, events=self.events[:count])


def merged(parts: Iterable[Dataset]) -> Dataset:
    """All parts as one data set, its events in time order.

    Of an item that appears twice the later part counts. Items that only events name are added
    without content: they can be counted, not read.
    """
    parts = tuple(parts)
    items = {item.item_id: item for part in parts for item in part.items}
    events = sorted((event for part in parts for event in part.events), key=lambda e: e.at)
    for event in events:
        if event.item_id is not None and event.item_id not in items:
            items[event.item_id] = bare(event.item_id, event.item_title)
    groups: dict[str, dict[str, str]] = {}
    for part in parts:
        for kind, members in part.groups.items():
            groups.setdefault(kind, {}).update(members)
    return Dataset(
        " + ".join(part.name for part in parts),
        tuple(items.values()),
        tuple(events),
        groups,
        tuple(line for part in parts for line in part.refused),
    )


def bare(item_id: str, title: str | None = None) -> Item:
    """An item of which nothing but its id is known, and perhaps its title."""
    return Item(item_id, title or item_id)


def is_bare(item: Item) -> bool:
    """Whether there is nothing to encode: an id says nothing."""
    return item.title == item.item_id and not (item.text or item.categories or item.vectors)
