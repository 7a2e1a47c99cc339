"""A load without end, of a population that does not grow: block after block of the planned one."""

from __future__ import annotations

import base64
import time
from typing import Any

from tests.support.load import Load
from tests.support.records import KeyValue

WORDS = ("slow", "loud", "quiet", "bright", "dull", "brave", "odd", "warm", "bitter", "grand")


class Block(Load):
    """Events under ids of their own; every review has words that nobody wrote before.

    padding  bytes of context that each event carries beside what it says; they hardly compress
    reviews  share of all events, besides those that are reviews anyway
    idle     share of events of a type that nobody knows: counted and acknowledged, no more
    """

    def __init__(
        self,
        number: int,
        *,
        padding: int = 0,
        reviews: float = 0.0,
        idle: float = 0.0,
        **given: Any,
    ) -> None:
        self._number = number
        self._padding = padding
        self._reviews, self._idle = reviews, idle
        self._said = 0
        super().__init__(**given)

    def _id(self) -> str:
        return f"block-{self._number}-{super()._id()}"

    def _what(self) -> dict[str, Any]:
        kind = super()._what()
        if self._chance.random() < self._idle:
            kind = {**kind, "type": "teleport"}
        elif self._chance.random() < self._reviews:
            kind = {"type": "review", "item_id": kind.get("item_id", "film-0"), "text": ""}
        if "text" in kind:
            kind["text"] = self._review()
        if self._padding:
            kind["context"] = {"page": self._noise()}
        return kind

    def _noise(self) -> str:
        return base64.b64encode(self._chance.randbytes(self._padding * 3 // 4)).decode()

    def _review(self) -> str:
        self._said += 1
        words = " ".join(self._chance.choices(WORDS, k=12))
        return f"Seen {self._said} times at house {self._number}: {words}."


def block(number: int, *, users: int, events: int, **more: Any) -> list[KeyValue]:
    """(key, value) of the records of one block, its last event now; some more than `events`."""
    plan = Block(number, users=users, events=events, now=time.time(), seed=number, **more)
    return [one.record for one in plan.events]
