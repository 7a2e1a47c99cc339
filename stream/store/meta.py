"""Facts that all workers share, by name: encoder manifest, leases, models in force, skips."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from stream.store import convert, guarded
from stream.store.client import Points
from stream.store.guarded import ETAG, Draft
from stream.store.rows import fresh_etag


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact as read; `etag` goes back into `Meta.put` to replace exactly this."""

    value: dict[str, Any]
    etag: int


class KeepsFacts(Protocol):
    """What is needed of `Meta`."""

    async def get(self, name: str) -> Fact | None: ...

    async def put(self, name: str, value: Mapping[str, Any], read_etag: int | None) -> bool: ...


class Meta:
    """The `meta` collection; every method raises Unavailable while Qdrant does not answer."""

    def __init__(self, points: Points) -> None:
        self._points = points

    async def get(self, name: str) -> Fact | None:
        """The fact of this name, None if nobody has put one."""
        found = await self._points.get([convert.point_uuid(name)])
        if not found:
            return None
        fields = convert.read_payload(found[0].payload)
        value = msgspec.json.decode(convert.text(fields, "value"), type=dict[str, Any])
        return Fact(value, convert.integer(fields, ETAG))

    async def put(self, name: str, value: Mapping[str, Any], read_etag: int | None) -> bool:
        """Compare and set; False if somebody else's value stands now.

        That value may have been made from ours in the moment before we looked, so a blind
        "read, add one, try again" can count twice: put what is harmless to repeat.

        value      what JSON can hold
        read_etag  of the fact to replace; None: there must be none yet
        """
        fields = {"name": name, "value": msgspec.json.encode(value).decode()}
        draft = Draft(convert.point_uuid(name), fresh_etag(), fields, {})
        return bool(await guarded.save(self._points, [draft], {draft.point: read_etag}))
