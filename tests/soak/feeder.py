"""Who sends the load: as much as the worker can do, or a part of that for a long time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from itertools import count, islice
from typing import Self

from tests.soak.blocks import block
from tests.support.records import KeyValue, Sender

USERS = 1000
BLOCK = 1000  # events
SLICE_S = 5.0  # it connects anew so often


def endless(events: int = BLOCK) -> Iterator[KeyValue]:
    """Records of block after block, each of some more than so many events."""
    for number in count():
        yield from block(number, users=USERS, events=events)


class Feeder:
    """Sends at a rate on a thread of its own, until it is stopped."""

    def __init__(self, sender: Sender, records: Iterator[KeyValue], rate: float) -> None:
        self._sender = sender
        self._records = records
        self._rate = rate
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._send, name="feeder", daemon=True)
        self.failure: BaseException | None = None

    def start(self) -> Self:
        self._thread.start()
        return self

    def stop(self) -> None:
        """Ends after the slice in hand; raises what ended the sending before."""
        self._stop.set()
        self._thread.join()
        if self.failure is not None:
            raise self.failure

    def _send(self) -> None:
        size = max(round(self._rate * SLICE_S), 1)
        try:
            while not self._stop.is_set():
                self._sender.paced("events", islice(self._records, size), self._rate)
        except Exception as failure:  # noqa: BLE001  # raised where it is waited for
            self.failure = failure
            self._stop.set()
