"""Which encoder's collections are in force, and a move from one encoder to another.

Two facts: `encoder` names the one in force, `reembed` the move, if there is one. A move goes
through stages, each entered by compare-and-set:

    COPYING    the new collections are being filled; workers of the old encoder serve
    LEAVING    workers of the old encoder leave, and none may start; can be undone
    SWITCHING  everything is copied; from here on there is only forward
    ENDED      switched, or undone: as if there were no move
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

import msgspec

from stream.errors import Misconfigured, Unavailable
from stream.store.meta import Fact

ENCODER_FACT = "encoder"
MOVE_FACT = "reembed"


class ReadsFacts(Protocol):
    """What is needed of `stream.store.meta.Meta`."""

    async def get(self, name: str) -> Fact | None: ...


class EncoderId(msgspec.Struct, frozen=True):
    """An encoder as far as its collections need it: its hash, and the length of its vectors."""

    hash: str
    dimension: int


class Stage(StrEnum):
    """How far a move has come."""

    COPYING = "copying"
    LEAVING = "leaving"
    SWITCHING = "switching"
    ENDED = "ended"


class Move(msgspec.Struct, frozen=True):
    """A move from one encoder to another. `model` is how people call the new one."""

    before: EncoderId
    after: EncoderId
    model: str
    stage: Stage

    @property
    def closed(self) -> bool:
        """Whether workers of the old encoder must not work."""
        return self.stage in (Stage.LEAVING, Stage.SWITCHING)


@dataclass(frozen=True, slots=True)
class Standing:
    """Both facts as read, with the etags to replace them."""

    encoder: EncoderId | None
    encoder_etag: int | None
    move: Move | None
    move_etag: int | None


async def standing(meta: ReadsFacts) -> Standing:
    """What holds now. The move is read first: it is ended only after the encoder has changed."""
    move, encoder = await meta.get(MOVE_FACT), await meta.get(ENCODER_FACT)
    found = None if move is None else msgspec.convert(move.value, Move)
    return Standing(
        None if encoder is None else msgspec.convert(encoder.value, EncoderId),
        encoder.etag if encoder else None,
        None if found is None or found.stage is Stage.ENDED else found,
        move.etag if move else None,
    )


def as_value(fact: EncoderId | Move) -> dict[str, Any]:
    """The fact as `Meta.put` takes it."""
    value: dict[str, Any] = msgspec.to_builtins(fact)
    return value


def obstacle(now: Standing, ours: EncoderId) -> str | None:
    """Why a worker of the encoder `ours` must not work now, for a person; None: it may.

    What may change by itself is worth waiting for: see `admit`.
    """
    move = now.move
    if now.encoder == ours:
        if move is None or not move.closed or move.before != ours:
            return None
        return (
            f"encoder {ours.hash} is being replaced by {move.after.hash} ({move.model}): start "
            "this worker with INTERESTREAM_MODEL_DIR set to that model's folder; "
            "`interestream reembed --abort` undoes the move"
        )
    if move is not None and move.after == ours:
        return (
            f"waits for the switch to {ours.hash} ({move.model}): "
            "`interestream reembed --model DIR --switch` does it"
        )
    return (
        f"the store's vectors are of encoder {now.encoder and as_value(now.encoder)}, this "
        f"worker's is {as_value(ours)}: set INTERESTREAM_MODEL_DIR back to the former, or move "
        "the store to this model with `interestream reembed --model DIR --switch`"
    )


def admit(now: Standing, ours: EncoderId) -> None:
    """Return where a worker of `ours` may work.

    Raises Unavailable where it has to wait for the end of a move, and Misconfigured where no
    waiting would help.
    """
    reason = obstacle(now, ours)
    if reason is None:
        return
    if now.move is not None and ours in (now.move.before, now.move.after):
        raise Unavailable("encoder", reason)
    raise Misconfigured(reason)
