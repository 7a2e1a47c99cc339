"""A worker's copy of the segment model in force."""

from __future__ import annotations

from typing import Protocol

from stream.core.segments import SegmentModel
from stream.rounds import repeat


class ReadsSegments(Protocol):
    """What is needed of `stream.store.segments.Segments`."""

    async def current_version(self) -> int | None: ...

    async def load(self, version: int) -> SegmentModel | None: ...


class HasSegments(Protocol):
    """What is needed of the store."""

    @property
    def segments(self) -> ReadsSegments: ...


class SegmentKeeper:
    """Keeps `model` fresh while `run` runs: a small read every `poll_s`, the model when it changed.

    model  None before the first fit, or before the first look
    """

    def __init__(self, store: HasSegments, *, poll_s: float = 3.0) -> None:
        self.model: SegmentModel | None = None
        self._store = store
        self._poll_s = poll_s

    async def refresh(self) -> None:
        """Bring the model up to the one in force. Raises Unavailable, and then it stays."""
        version = await self._store.segments.current_version()
        if version is None or (self.model is not None and self.model.version == version):
            return
        self.model = await self._store.segments.load(version) or self.model

    async def run(self) -> None:
        """Refresh for ever; an outage leaves the last model."""
        await repeat("segment model", self.refresh, every_s=self._poll_s)
