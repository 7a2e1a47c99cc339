"""How far the worker is behind: records between what is committed and the end of its partitions."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from contextlib import suppress
from typing import Any

from faust.exceptions import ConsumerNotStarted

from stream.kafka.chunks import ChunkApp
from stream.settings import Settings
from stream.web.metrics import Metrics

POLL_S = 1.0


class LagWatch:
    """Reads high watermarks from the fetches: end offsets asked for are wrong on Tansu."""

    def __init__(self, app: ChunkApp, settings: Settings, metrics: Metrics) -> None:
        self._app = app
        self._topics = [settings.topic(name) for name in ("items", "events", "signals")]
        self._prefix = settings.topic("")
        self._metrics = metrics

    async def run(self) -> None:
        """Set the gauge every second, for ever."""
        while True:
            for topic, records in self.read().items():
                self._metrics.lag(topic.removeprefix(self._prefix), records)
            await asyncio.sleep(POLL_S)

    def read(self) -> dict[str, int]:
        """Records behind by topic, over the partitions assigned to this worker."""
        behind: dict[str, int] = defaultdict(int, dict.fromkeys(self._topics, 0))
        consumer: Any = self._app.consumer
        try:
            assigned = consumer.assignment()
        except ConsumerNotStarted:  # its thread comes up after the app
            return dict(behind)
        for tp in assigned:
            committed = consumer._committed_offset.get(tp)  # no public way to ask
            with suppress(AssertionError):  # taken away since: its thread asserts that it is ours
                end = consumer.highwater(tp) or 0
                behind[tp.topic] += max(end - (committed or 0), 0)
        return dict(behind)
