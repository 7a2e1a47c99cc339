"""A session with a thread of its own, on its own core where one is named."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from stream.encoder import cores
from stream.encoder.batches import Shapes, pad
from stream.encoder.contract import Rows
from stream.encoder.sessions import Runs
from stream.encoder.tokens import Tokens


class Seat:
    """Runs batches one after the other; those begun meanwhile wait for their turn.

    core  that the thread is bound to; None: to none
    """

    def __init__(self, session: Runs, *, pad_id: int, shapes: Shapes, core: int | None) -> None:
        self._session = session
        self._pad_id = pad_id
        self._shapes = shapes
        self._thread = ThreadPoolExecutor(1, "encoder-session", _bind, (core,))

    def begin(self, tokens: Sequence[Tokens]) -> asyncio.Future[tuple[Rows, float]]:
        """Rows of the texts, (b, d), and the seconds that the run took."""
        return asyncio.get_running_loop().run_in_executor(self._thread, self._run, tokens)

    def stop(self) -> None:
        """Wait for the batch that runs now; those that were begun after it are dropped."""
        self._thread.shutdown(cancel_futures=True)

    def _run(self, tokens: Sequence[Tokens]) -> tuple[Rows, float]:
        began = time.perf_counter()
        rows = self._session.run(*pad([text.ids for text in tokens], self._pad_id, self._shapes))
        return rows[: len(tokens)], time.perf_counter() - began


def _bind(core: int | None) -> None:
    if core is not None:
        cores.bind(core)
