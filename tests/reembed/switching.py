"""A switch as tests run it: who may work now, and a crash at each step."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from stream.encoder.fake import FakeEncoder
from stream.errors import Misconfigured, Unavailable
from stream.reembed.mover import Mover
from stream.reembed.switch import Switch
from stream.store.moves import EncoderId, Stage, standing
from tests.reembed.world import NEW_DIMENSION, OLD_DIMENSION, Turned, World

OLD = EncoderId(FakeEncoder(OLD_DIMENSION).manifest.hash, OLD_DIMENSION)
NEW = EncoderId(FakeEncoder(NEW_DIMENSION).manifest.hash, NEW_DIMENSION)


async def nobody() -> Sequence[str]:
    return []


def switch(mover: Mover, **given: object) -> Switch:
    options = {"members": nobody, "wait_s": 0, "strict": False, "say": str, **given}
    return Switch(mover, **options)  # type: ignore[arg-type]


async def switched(world: World) -> Mover:
    mover = await world.mover()
    await switch(mover).run()
    return mover


async def stage_of(mover: Mover) -> Stage | None:
    now = await standing(mover.meta)
    return now.move.stage if now.move else None


async def can_start(world: World, encoder: FakeEncoder | Turned) -> str:
    """ "yes", or how a worker of this encoder is kept from working."""
    try:
        store = await world.worker(encoder)
    except Unavailable as waits:
        return f"waits: {waits}"
    except Misconfigured as refusal:
        return f"refused: {refusal}"
    await store.close()
    return "yes"


class Crash(Exception):
    """The process ends here."""


STEPS = ("_wait", "_shut", "_finish", "_switch", "_end")


def crash_at(monkeypatch: pytest.MonkeyPatch, step: str, *, after: bool) -> None:
    """Let the process end just before, or just after, a step of the switch."""
    if step in ("_finish", "_end"):
        owner: type = Mover if step == "_finish" else Switch
        name = "finish" if step == "_finish" else "_enter"
    else:
        owner, name = Switch, step
    original = getattr(owner, name)

    async def crash(self: object, *given: object) -> None:
        if step == "_end" and given != (Stage.ENDED,):
            await original(self, *given)
            return
        if after:
            await original(self, *given)
        raise Crash

    monkeypatch.setattr(owner, name, crash)
