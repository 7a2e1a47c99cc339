"""`interestream produce items|events FILE`: JSON lines to a topic, every send confirmed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from kafka import KafkaProducer
from kafka.errors import KafkaError, MessageSizeTooLargeError

from stream.commands.lines import Line
from stream.errors import Unavailable
from stream.kafka.admin import Admin
from stream.kafka.security import kafka_python_options
from stream.kafka.topics import record_limit
from stream.settings import Settings

WINDOW = 1000  # sends that may wait for their confirmation,
WINDOW_BYTES = 16 << 20  # and what their values may take together
TOO_LARGE = "too_large"

Complain = Callable[[str], object]


@dataclass(slots=True)
class Tally:
    """What became of the lines. `refused` and `skipped` are counts by reason."""

    sent: int = 0
    valid: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)

    @property
    def ok(self) -> bool:
        return not self.refused

    def summary(self, *, checked_only: bool) -> str:
        """One line for a person."""
        parts = [f"{self.valid} valid" if checked_only else f"{self.sent} sent and confirmed"]
        parts += [f"{n} refused: {reason}" for reason, n in sorted(self.refused.items())]
        parts += [f"{n} without effect: {reason}" for reason, n in sorted(self.skipped.items())]
        return " · ".join(parts)


def check(lines: Iterable[Line], complain: Complain) -> Tally:
    """Only say what the service would make of each line."""
    tally = Tally()
    for line in lines:
        tally.valid += _note(line, tally, complain)
    return tally


def send(
    lines: Iterable[Line], topic: str, settings: Settings, complain: Complain, *, as_is: bool
) -> Tally:
    """Send the lines in order, and return when the broker has confirmed every one.

    as_is  send also what the service will refuse; it is not counted as refused then

    Raises Misconfigured if the topic is missing, and Unavailable("kafka") where a confirmation
    fails; the message says up to which line everything is confirmed.
    """
    with Admin(settings) as admin:
        admin.topic(topic)
    tally = Tally()
    with _Sender(topic, settings) as sender:
        for line in lines:
            if as_is or _note(line, tally, complain):
                sender.send(line)
            _count(sender.settled(), tally, complain)
        _count(sender.settled(all_of_them=True), tally, complain)
    return tally


def _note(line: Line, tally: Tally, complain: Complain) -> bool:
    """Count the line, complain where it has no effect; whether the service would take it."""
    if line.refused is not None:
        tally.refused[line.refused.reason] += 1
        complain(f"line {line.number}: {line.refused.reason}: {line.refused.message}")
        return False
    if line.skipped is not None:
        tally.skipped[line.skipped.reason] += 1
        complain(f"line {line.number}: {line.skipped.reason}: {line.skipped.message}")
    return True


def _count(settled: Iterable[tuple[Line, str | None]], tally: Tally, complain: Complain) -> None:
    for line, problem in settled:
        if problem is None:
            tally.sent += 1
        else:
            tally.refused[TOO_LARGE] += 1
            complain(f"line {line.number}: {TOO_LARGE}: {problem}")


class _Sender:
    """Sends in order and hands lines back, in order, as their fate is known."""

    def __init__(self, topic: str, settings: Settings) -> None:
        self._topic = topic
        self._settings = settings
        self._waiting: list[tuple[Line, Any]] = []
        self._bytes = 0
        self._confirmed = 0
        self._producer: Any = None

    def __enter__(self) -> Self:
        try:
            self._producer = KafkaProducer(
                acks="all",
                linger_ms=5,
                compression_type="zstd",
                max_request_size=record_limit(self._settings),
                enable_idempotence=self._settings.kafka_idempotence,
                **kafka_python_options(self._settings),
            )
        except KafkaError as error:
            raise Unavailable("kafka", f"producer cannot connect: {error}") from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._producer.close(timeout=self._settings.kafka_timeout_s if kind is None else 0)

    def send(self, line: Line) -> None:
        try:
            future = self._producer.send(self._topic, key=line.key, value=line.value)
        except MessageSizeTooLargeError as error:
            future = error
        self._waiting.append((line, future))
        self._bytes += len(line.value)

    def settled(self, *, all_of_them: bool = False) -> Iterator[tuple[Line, str | None]]:
        """Lines whose fate is known, with what is wrong with them; waits where the window is full.

        all_of_them  wait for every line
        """
        full = len(self._waiting) > WINDOW or self._bytes > WINDOW_BYTES
        if not (full or all_of_them):
            return
        done, self._waiting, self._bytes = self._waiting, [], 0
        for line, future in done:
            yield line, self._problem(line, future)
            self._confirmed = line.number

    def _problem(self, line: Line, future: Any) -> str | None:
        """What makes the broker refuse this very record; None if it is stored."""
        try:
            if isinstance(future, MessageSizeTooLargeError):
                raise future
            future.get(timeout=self._settings.kafka_timeout_s)
        except MessageSizeTooLargeError as error:
            return f"{len(line.value)} bytes, more than {self._topic} takes: {error}"
        except KafkaError as error:
            raise Unavailable(
                "kafka",
                f"line {line.number} was not confirmed ({error}); up to line {self._confirmed} "
                "everything is: send the rest again",
            ) from error
        return None
