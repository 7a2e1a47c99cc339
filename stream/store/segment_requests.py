"""A fit on demand: a fact that a command puts and the leader answers."""

from __future__ import annotations

from dataclasses import dataclass, replace

import msgspec

from stream.store.meta import Fact, KeepsFacts

REQUEST_FACT = "segments_wanted"


@dataclass(frozen=True, slots=True)
class Request:
    """Asked once an id.

    at       wall clock, seconds
    version  of the model that answers it; 0: there is none, or no answer yet
    outcome  of that model; "": no answer yet
    why      there is no model
    """

    id: str
    at: float
    version: int = 0
    outcome: str = ""
    why: str = ""

    @property
    def answered(self) -> bool:
        return bool(self.outcome or self.why)


class SegmentRequests:
    """The newest request; methods raise Unavailable while Qdrant is away."""

    def __init__(self, facts: KeepsFacts) -> None:
        self._facts = facts

    async def ask(self, request_id: str, at: float) -> Request:
        """The request of this id, put now if it is not there: it replaces an older one."""
        while True:
            fact = await self._facts.get(REQUEST_FACT)
            found = _read(fact)
            if found is not None and found.id == request_id:
                return found
            wanted = Request(request_id, at)
            await self._facts.put(REQUEST_FACT, _written(wanted), fact.etag if fact else None)

    async def newest(self) -> Request | None:
        """The newest request, answered or not; None before the first."""
        return _read(await self._facts.get(REQUEST_FACT))

    async def answer(
        self, request_id: str, *, version: int = 0, outcome: str = "", why: str = ""
    ) -> None:
        """Answer the request if it is still the newest and has no answer yet."""
        fact = await self._facts.get(REQUEST_FACT)
        found = _read(fact)
        if fact is None or found is None or found.id != request_id or found.answered:
            return
        answered = replace(found, version=version, outcome=outcome, why=why)
        await self._facts.put(REQUEST_FACT, _written(answered), fact.etag)


def _read(fact: Fact | None) -> Request | None:
    return None if fact is None else msgspec.convert(fact.value, Request)


def _written(request: Request) -> dict[str, object]:
    written: dict[str, object] = msgspec.to_builtins(request)
    return written
