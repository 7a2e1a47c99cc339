"""Which collections are in force, and a move to others: of another encoder, or of rebuilt profiles.

Three facts: `encoder` names the one in force, `generations` which rebuild of its profiles is, and
`reembed` the move, if there is one: so there is one at a time. A move goes through stages, each
entered by compare-and-set:

    COPYING    the new collections are being filled; workers of the old ones serve
    LEAVING    workers of the old ones leave, and none may start; can be undone
    SWITCHING  everything is copied; from here on there is only forward
    ENDED      switched, or undone: as if there were no move
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

import msgspec

from stream.errors import Misconfigured, Unavailable
from stream.store.meta import Fact

ENCODER_FACT = "encoder"
MOVE_FACT = "reembed"
GENERATIONS_FACT = "generations"


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
    """A move from one encoder to another. `model` is how people call the new one.

    users  generation of profiles that a rebuild is making; `before` and `after` are the same then
    """

    before: EncoderId
    after: EncoderId
    model: str
    stage: Stage
    users: int | None = None

    @property
    def closed(self) -> bool:
        """Whether workers of the old collections must not work."""
        return self.stage in (Stage.LEAVING, Stage.SWITCHING)

    @property
    def rebuilds(self) -> bool:
        """Whether it makes profiles anew, of the same encoder."""
        return self.users is not None


@dataclass(frozen=True, slots=True)
class Standing:
    """The facts as read, with the etags to replace them.

    generations   hash of an encoder -> the rebuild of its profiles that is in force; none: 0
    last_rebuild  generation of the last move, if it was a rebuild, ended or not
    """

    encoder: EncoderId | None
    encoder_etag: int | None
    move: Move | None
    move_etag: int | None
    generations: Mapping[str, int] = field(default_factory=dict)
    generations_etag: int | None = None
    last_rebuild: int = 0

    def users_of(self, encoder: EncoderId) -> int:
        """Generation of the encoder's profiles."""
        return self.generations.get(encoder.hash, 0)


async def standing(meta: ReadsFacts) -> Standing:
    """What holds now. The move is read first: it is ended only after the others have changed."""
    move, encoder = await meta.get(MOVE_FACT), await meta.get(ENCODER_FACT)
    generations = await meta.get(GENERATIONS_FACT)
    found = None if move is None else msgspec.convert(move.value, Move)
    return Standing(
        None if encoder is None else msgspec.convert(encoder.value, EncoderId),
        encoder.etag if encoder else None,
        None if found is None or found.stage is Stage.ENDED else found,
        move.etag if move else None,
        {} if generations is None else msgspec.convert(generations.value, dict[str, int]),
        generations.etag if generations else None,
        (found.users or 0) if found is not None else 0,
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
        if move.rebuilds:
            return rebuilding(move)
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


def rebuilding(move: Move) -> str:
    """What a rebuild that is under way asks of a person, if of anybody."""
    end = "ends it" if move.stage is Stage.SWITCHING else "makes them anew from the beginning"
    undone = "" if move.stage is Stage.SWITCHING else "; `interestream rebuild --abort` undoes it"
    return (
        f"profiles are being rebuilt (generation {move.users}, {move.stage.value}): wait for it; "
        f"where its process is gone `interestream rebuild` {end}{undone}"
    )


def between(move: Move) -> str:
    """What a move that has the store closed asks of who comes in between."""
    if move.rebuilds:
        return rebuilding(move)
    return (
        f"the store moves to encoder {move.after.hash} ({move.model}) and is closed for some "
        "seconds: ask again; `interestream reembed` shows how far it is"
    )


async def refuse_while_closed(meta: ReadsFacts) -> None:
    """Raise Unavailable while a move has the store closed: it is worth waiting for."""
    move = (await standing(meta)).move
    if move is not None and move.closed:
        raise Unavailable("encoder", between(move))


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
