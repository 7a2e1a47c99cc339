"""A world as files: its messages as JSON lines, and the truth beside them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import msgspec

from stream.errors import Misconfigured
from stream.evaluate.simulation import truth
from stream.evaluate.simulation.world import World
from stream.wire.inputs import DEFAULT_RATING_MAX, Event, Item

ITEMS, EVENTS, WITHDRAWN, TRUTH = "items.jsonl", "events.jsonl", "withdrawn.jsonl", "truth.json"
NAMES = (ITEMS, EVENTS, WITHDRAWN, TRUTH)
BUFFER_BYTES = 1 << 20
STEP_S = 3600.0  # of the world's time, between two moves of a progress bar

#: What a message says by leaving a field out.
LEFT_OUT: dict[str, Any] = {"rating_max": DEFAULT_RATING_MAX, "available": True}
NOTHING: tuple[object, ...] = (None, "", (), {})

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Written:
    """How many lines went to which file."""

    items: int
    withdrawn: int
    events: int


def line(message: Item | Event) -> bytes:
    """The JSON of a message that is decoded to the same again."""
    fields = {name: getattr(message, name) for name in message.__struct_fields__}
    return _encode(
        {
            name: value
            for name, value in fields.items()
            if value not in NOTHING and value != LEFT_OUT.get(name)
        }
    )


def prepare(folder: Path, *, force: bool) -> None:
    """Make the folder, and refuse one that holds files that would be lost.

    Raises Misconfigured.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        TemporaryFile(dir=folder).close()
        there = sorted({path.name for path in folder.iterdir()} & {*NAMES})
    except OSError as error:
        raise Misconfigured(
            f"{folder} cannot be written ({error.strerror}): choose a folder of yours"
        ) from error
    if there and not force:
        raise Misconfigured(
            f"{folder} holds {', '.join(there)} already: name another folder, or --force"
        )


def write(
    world: World, folder: Path, advances: Callable[[float], None] = lambda _: None
) -> Written:
    """All files of a world; events go straight to theirs, the truth comes last.

    advances  hears now and then how many seconds of the world's time have passed since it last did
    """
    (folder / TRUTH).unlink(missing_ok=True)  # a run that is cut short leaves no truth
    items, withdrawn = write_items(world, folder)
    events = lines(folder / EVENTS, heard(world.events(), world, advances))
    truth.write(world.truth, folder / TRUTH)
    return Written(items, withdrawn, events)


def write_items(world: World, folder: Path) -> tuple[int, int]:
    """What is said of items; how many lines of births, and of withdrawals."""
    born = lines(folder / ITEMS, world.items())
    return born, lines(folder / WITHDRAWN, (gone.item for gone in world.withdrawals()))


def heard(
    events: Iterable[Event], world: World, advances: Callable[[float], None]
) -> Iterator[Event]:
    """The events, while `advances` hears how far they are, as in `write`."""
    told = world.plan.start
    for event in events:
        if event.at >= told + STEP_S:
            advances(event.at - told)
            told = event.at
        yield event
    advances(world.plan.end - told)


def lines(path: Path, messages: Iterable[Item | Event]) -> int:
    """Write a line a message; how many there were."""
    count = 0
    with path.open("wb", buffering=BUFFER_BYTES) as file:
        for message in messages:
            file.write(line(message) + b"\n")
            count += 1
    return count
