"""The switch from one encoder to another, in steps that can be taken up again where they ended.

    1. leave    the move is closed: workers of the old encoder stop, and none starts
    2. wait     until the consumer group has no members, for as long as a clean stop may take
    3. shut     the old encoder's doors and the readers' aliases, through which workers write that
                are older than moves: who is stalled cannot write any more, nor acknowledge
    4. finish   what was written since the last pass, while nobody writes; again if a worker that
                was starting has opened a door meanwhile
    5. commit   from here on there is only forward; a last look at the doors
    6. switch   all aliases at once, then the fact that names the encoder in force
    7. end      the move is over: workers of the new encoder begin

Events wait in Kafka from 1 to 7. Their marks are in the profiles that are copied, and a worker
acknowledges only what it has saved, so the new workers go on exactly where the old ones ended,
whatever became of those. Before 5 `abort` undoes it; after any crash the same command goes on.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial

import msgspec
from qdrant_client import AsyncQdrantClient

from stream.errors import Failed
from stream.reembed.copying import patiently
from stream.reembed.mover import Mover, enter
from stream.store import names
from stream.store.collections import aliases, change_aliases
from stream.store.meta import Meta
from stream.store.moves import ENCODER_FACT, Move, Stage, Standing, as_value, standing

POLL_S = 0.5

Members = Callable[[], Awaitable[Sequence[str]]]
Say = Callable[[str], object]


class Switch:
    """One run of the steps above.

    members  how people call the members of the consumer group now
    wait_s   how long to wait for them to leave; whoever is left then is dead, or stalled and cut
             off by step 3 (the embedded broker lists its members for ever)
    strict   undo step 1 instead of going on without them
    """

    def __init__(
        self, mover: Mover, *, members: Members, wait_s: float, strict: bool, say: Say
    ) -> None:
        self._mover = mover
        self._meta = mover.meta
        self._members = members
        self._wait_s = wait_s
        self._strict = strict
        self._say = say

    async def run(self) -> None:
        """Raises Failed if it is strict and old workers do not leave, with step 1 undone."""
        began = time.monotonic()
        if (await self._standing()).stage is not Stage.SWITCHING:
            await self._enter(Stage.LEAVING)  # 1
            await self._wait()  # 2
            await self._shut()  # 3
            self._say("nobody writes: copying what is left")
            await self._mover.finish()  # 4
            await self._finish_behind_shut_doors()
            await self._enter(Stage.SWITCHING)  # 5
        await self._finish_behind_shut_doors()
        await patiently(self._switch)  # 6
        await self._enter(Stage.ENDED)  # 7
        self._say(f"no worker worked for {time.monotonic() - began:.1f} s; events waited in Kafka")

    async def _wait(self) -> None:
        deadline = time.monotonic() + self._wait_s
        self._say(f"waiting for the old workers to leave, at most {self._wait_s:g} s")
        while left := await patiently(self._members):
            if time.monotonic() >= deadline:
                return await self._late(left)
            await asyncio.sleep(POLL_S)
        return None

    async def _late(self, left: Sequence[str]) -> None:
        who = ", ".join(left)
        if not self._strict:
            self._say(f"still listed in the consumer group, and cut off from the store now: {who}")
            return
        await self._enter(Stage.COPYING)
        await self._open()  # an earlier run may have shut its doors
        raise Failed(
            f"{len(left)} members of the consumer group did not leave within {self._wait_s:g} s "
            f"(--wait-s): {who}. The old workers may start again. Stop these or wait longer; "
            "without --strict the switch goes on and cuts them off from the store"
        )

    async def _shut(self) -> None:
        ways = names.aliases(self._mover.namespace, self._mover.move.before.hash)
        await self._change(gone=ways)
        try:
            await self._standing()
        except Failed:  # undone in this very moment: its workers need the doors
            await self._open()
            raise

    async def _open(self) -> None:
        mover = self._mover
        await self._change(made=names.aliases(mover.namespace, mover.move.before.hash))

    async def _finish_behind_shut_doors(self) -> None:
        """Shut what a worker that was starting has opened since, and copy what came through it."""
        while opened := await patiently(self._opened):
            await self._change(gone=opened)
            if (await patiently(partial(standing, self._meta))).encoder != self._mover.move.before:
                return  # a run before this one has switched: nobody reads what is there
            await self._mover.finish()

    async def _opened(self) -> list[str]:
        """Aliases that lead to the old encoder's collections."""
        ways = names.aliases(self._mover.namespace, self._mover.move.before.hash)
        found = await aliases(self._mover.client)
        return [alias for alias, target in ways.items() if found.get(alias) == target]

    async def _change(
        self, *, gone: Iterable[str] = (), made: Mapping[str, str] | None = None
    ) -> None:
        await patiently(partial(change_aliases, self._mover.client, gone=tuple(gone), made=made))

    async def _switch(self) -> None:
        move, namespace = self._mover.move, self._mover.namespace
        await change_aliases(
            self._mover.client,
            gone=names.doors(namespace, move.before.hash),
            made=names.aliases(namespace, move.after.hash),
        )
        now = await standing(self._meta)
        if now.encoder == move.after:
            return
        if not await self._meta.put(ENCODER_FACT, as_value(move.after), now.encoder_etag):
            raise Failed("somebody else changed the encoder in force: run this again")

    async def _standing(self) -> Move:
        now = await patiently(partial(standing, self._meta))
        return _ours(now, self._mover.move)

    async def _enter(self, stage: Stage) -> None:
        await patiently(partial(self._entered, stage))

    async def _entered(self, stage: Stage) -> None:
        """Looks first: one that an outage cut short may have been done."""
        now = await standing(self._meta)
        if stage is Stage.ENDED and now.move is None and now.encoder == self._mover.move.after:
            return
        move = _ours(now, self._mover.move)
        if move.stage is not stage:
            await enter(self._meta, now, _at(move, stage))


async def abort(client: AsyncQdrantClient, meta: Meta, namespace: str) -> Move | None:
    """Undo the move that is under way, and return it; None if there is none.

    The copies stay, so that another try has less to do. Raises Failed after step 5.
    """
    now = await standing(meta)
    move = now.move
    if move is not None and move.stage is Stage.SWITCHING:
        raise Failed(
            f"the switch to {move.after.hash} ({move.model}) is past its point of no return: end "
            "it with `interestream reembed --model DIR --switch`, then go back the same way"
        )
    if move is not None:
        await enter(meta, now, _at(move, Stage.ENDED))
    # The doors open after the move has ended: a switch that still runs finds that it is not due.
    if now.encoder is not None:
        await change_aliases(client, made=names.aliases(namespace, now.encoder.hash))
    return move


def _ours(now: Standing, move: Move) -> Move:
    """The move as it stands, if it still is this one."""
    if now.move is None or (now.move.before, now.move.after) != (move.before, move.after):
        raise Failed("the move was undone or replaced meanwhile: look with `interestream reembed`")
    return now.move


def _at(move: Move, stage: Stage) -> Move:
    return msgspec.structs.replace(move, stage=stage)
