"""The sender of a round's load, whom no outage of the broker puts off."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Self

from tests.support.records import KeyValue, Sender

SLICE_S = 0.5  # it connects anew so often: a broker may die at any time
REST_S = 0.1
PATIENCE_S = 120.0

Change = Callable[[KeyValue], KeyValue]


def _same(record: KeyValue) -> KeyValue:
    return record


class Feed:
    """Sends records at a rate, on a thread of its own, whatever becomes of the broker.

    A slice whose confirmation fails is sent again, as a careful producer does: the topic then
    holds some records twice, and the topic is what counts.

    surge  records that are sent at full speed, when `swell` is called or in the end
    """

    def __init__(
        self,
        sender: Sender,
        records: Sequence[KeyValue],
        rate: float,
        surge: Sequence[KeyValue] = (),
    ) -> None:
        self._sender = sender
        self._left = list(records)
        self._rate = rate
        self._surge = surge
        self._asked, self._begun = threading.Event(), threading.Event()
        self._turn = threading.Condition()
        self._paused = self._sending = False
        self._thread = threading.Thread(target=self._send, name="feed", daemon=True)
        self._failure: BaseException | None = None
        self.failed_slices = 0

    def start(self) -> Self:
        self._thread.start()
        return self

    def swell(self) -> None:
        """Send the surge now; returns when that begins."""
        self._asked.set()
        self._begun.wait()

    @contextmanager
    def paused(self, change: Change = _same) -> Iterator[None]:
        """Inside, all that was sent is confirmed and no more is sent; what is left goes out
        afterwards, as `change` makes it."""
        with self._turn:
            self._paused = True
            self._turn.wait_for(lambda: not self._sending)
        try:
            yield
        finally:
            with self._turn:
                self._left = list(map(change, self._left))
                self._surge = list(map(change, self._surge))
                self._paused = False
                self._turn.notify_all()

    def finish(self) -> None:
        """Wait until all is confirmed; raises what ended the sending before its time."""
        self._thread.join()
        if self._failure is not None:
            raise self._failure

    def _send(self) -> None:
        size = max(round(self._rate * SLICE_S), 1)
        try:
            while part := self._next(size):
                self._surely(lambda part=part: self._sender.paced("events", part, self._rate))  # type: ignore[misc]
                if self._asked.is_set():
                    self._swell()
            self._next(0)
            self._swell()
        except Exception as failure:  # noqa: BLE001  # raised where it is waited for
            self._failure = failure
        finally:
            self._begun.set()
            with self._turn:
                self._rested()

    def _next(self, size: int) -> list[KeyValue]:
        """The records to send now, when it may be."""
        with self._turn:
            self._rested()
            self._turn.wait_for(lambda: not self._paused)
            self._sending = True
            part, self._left = self._left[:size], self._left[size:]
            return part

    def _rested(self) -> None:
        self._sending = False
        self._turn.notify_all()

    def _swell(self) -> None:
        if not self._begun.is_set():
            self._begun.set()
            self._surely(lambda: self._sender.burst("events", self._surge))

    def _surely(self, send: Callable[[], None]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                return send()
            except Exception:
                self.failed_slices += 1
                if time.monotonic() > deadline:
                    raise
                time.sleep(REST_S)
