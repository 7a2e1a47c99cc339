"""`interestream simulate --live`: a world on the topics as it happens, in a loop with the service.

Items and events are sent when their time comes; people are shown the lists that come back.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event as Flag

import msgspec

from stream.commands.lines import Line
from stream.commands.produce import send
from stream.commands.tail import follow
from stream.commands.terminal import complain
from stream.evaluate.simulate import ClosedLoop, World
from stream.evaluate.simulation import files, pace, truth
from stream.evaluate.simulation.pace import Pace
from stream.settings import Settings
from stream.wire.inputs import Event, Item
from stream.wire.messages import Recommendation

_decode = msgspec.json.Decoder(Recommendation).decode


@dataclass(frozen=True, slots=True)
class Sent:
    """How much went out, and how many lists came back."""

    items: int
    events: int
    lists: int


class Stopped(Exception):
    """Another part of the run has ended it."""


@dataclass(slots=True)
class Live:
    """A run: three threads that share a clock and end together."""

    world: World
    loop: ClosedLoop
    clock: Pace
    settings: Settings
    over: Flag = field(default_factory=Flag)

    def run(self, folder: Path, advances: Callable[[float], None]) -> Sent:
        """Send everything; the files in `folder` say what was sent, and the truth of it.

        Raises Misconfigured if a topic is missing, and Unavailable("kafka").
        """
        truth.write(self.world.truth, folder / files.TRUTH)
        files.write_items(self.world, folder)
        there = self._send("items", pace.stock(self.world))  # before anybody uses them
        with ThreadPoolExecutor(2) as pool:
            reading = pool.submit(self._part, self._read)
            noticing = pool.submit(self._part, self._notices)
            events = self._part(lambda: self._events(folder / files.EVENTS, advances))
            new = noticing.result()
            self.over.set()
        return Sent(there + new, events, reading.result())

    def wait(self, at: float) -> None:
        """Until a time of the world. Raises Stopped where another part failed."""
        while (left := self.clock.wall(at) - time.time()) > 0:
            if self.over.wait(left):
                raise Stopped

    def _part(self, does: Callable[[], int]) -> int:
        """What a part has done; if it fails, the others end too."""
        try:
            with suppress(Stopped):
                return does()
            return 0
        except BaseException:  # Ctrl-C, too
            self.over.set()
            raise

    def _events(self, path: Path, advances: Callable[[float], None]) -> int:
        happening = files.heard(pace.events(self.world, self.wait), self.world, advances)
        with path.open("wb") as file:

            def kept() -> Iterator[Event]:
                for event in happening:
                    file.write(files.line(event) + b"\n")
                    yield event

            return self._send("events", kept())

    def _notices(self) -> int:
        return self._send("items", pace.notices(self.world, self.wait))

    def _read(self) -> int:
        """Hear the newest list of everybody, those that are there already as well."""
        lists = 0
        topic = self.settings.topic("recommendations")
        following = follow(self.settings, topic, from_beginning=True, done=self.over.is_set)
        with closing(following) as records:
            for record in records:
                lists += self._heard(record.key, record.value)
        return lists

    def _heard(self, key: bytes | None, value: bytes | None) -> bool:
        """Whether it was a list; null takes a user's away, what cannot be read is no message."""
        if value is None:
            self.loop.offer((key or b"").decode(errors="replace"), (), "")
            return False
        with suppress(msgspec.DecodeError, UnicodeDecodeError):
            self.loop.take(_decode(value))
            return True
        return False

    def _send(self, name: str, messages: Iterable[Item | Event]) -> int:
        lines = (_line(number, message) for number, message in enumerate(messages, 1))
        return send(lines, self.settings.topic(name), self.settings, complain, as_is=True).sent


def _line(number: int, message: Item | Event) -> Line:
    value = files.line(message)
    key = message.item_id if isinstance(message, Item) else message.user_id
    return Line(number, len(value), key.encode(), value)
