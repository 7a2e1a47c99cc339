"""The switch from old collections to new ones, in steps that can be taken up where they ended.

The new ones are of another encoder, or hold profiles made anew from their events.

    1. leave    the move is closed: workers of the old collections stop, and none starts
    2. wait     until the consumer group has no members, for as long as a clean stop may take
    3. shut     the old collections' doors and the readers' aliases, through which workers write
                that are older than moves: who is stalled cannot write any more, nor acknowledge
    4. finish   what was written since the last pass, while nobody writes; again if a worker that
                was starting has opened a door meanwhile
    5. commit   from here on there is only forward; a last look at the doors
    6. switch   all aliases at once, then the fact that names what is in force
    7. end      the move is over: workers of the new collections begin

Events wait in Kafka from 1 to 7. Their marks are in the profiles that are copied, and a worker
acknowledges only what it has saved, so the new workers go on exactly where the old ones ended,
whatever became of those. Before 5 `abort` undoes it; after any crash the same command goes on.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Protocol

import msgspec
from qdrant_client import AsyncQdrantClient

from stream.errors import Failed, Misconfigured
from stream.reembed.copying import patiently
from stream.reembed.mover import enter
from stream.store import names
from stream.store.collections import aliases, change_aliases
from stream.store.meta import Meta
from stream.store.moves import Move, Stage, Standing, rebuilding, standing

POLL_S = 0.5

Members = Callable[[], Awaitable[Sequence[str]]]
Say = Callable[[str], object]


class Moves(Protocol):
    """What is switched: a `stream.reembed.mover.Mover`, or a rebuild of profiles.

    ways_before, ways_after  aliases that lead to the old collections and to the new ones
    """

    @property
    def client(self) -> AsyncQdrantClient: ...

    @property
    def meta(self) -> Meta: ...

    @property
    def move(self) -> Move: ...

    @property
    def ways_before(self) -> Mapping[str, str]: ...

    @property
    def ways_after(self) -> Mapping[str, str]: ...

    async def finish(self) -> None:
        """Bring the new collections up to the old ones, which nobody writes any more."""

    async def in_force(self) -> bool:
        """Whether the new ones are stated to be in force. Raises Unavailable."""

    async def put_in_force(self) -> None:
        """State that they are; repeatable. Raises Unavailable, Failed."""


class Switch:
    """One run of the steps above.

    members  how people call the members of the consumer group now
    wait_s   how long to wait for them to leave; whoever is left then is dead, or stalled and cut
             off by step 3 (the embedded broker lists its members for ever)
    strict   undo step 1 instead of going on without them
    """

    def __init__(
        self, mover: Moves, *, members: Members, wait_s: float, strict: bool, say: Say
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
        await self._standing()  # a restore that came between has put another state in force
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
        await self._change(gone=self._mover.ways_before)
        try:
            await self._standing()
        except Failed:  # undone in this very moment: its workers need the doors
            await self._open()
            raise

    async def _open(self) -> None:
        await self._change(made=self._mover.ways_before)

    async def _finish_behind_shut_doors(self) -> None:
        """Shut what a worker that was starting has opened since, and copy what came through it."""
        while opened := await patiently(self._opened):
            await self._change(gone=opened)
            if await patiently(self._mover.in_force):
                return  # a run before this one has switched: nobody reads what is there
            await self._mover.finish()

    async def _opened(self) -> list[str]:
        """Aliases that lead to the old collections."""
        found = await aliases(self._mover.client)
        ways = self._mover.ways_before.items()
        return [alias for alias, target in ways if found.get(alias) == target]

    async def _change(
        self, *, gone: Iterable[str] = (), made: Mapping[str, str] | None = None
    ) -> None:
        await patiently(partial(change_aliases, self._mover.client, gone=tuple(gone), made=made))

    async def _switch(self) -> None:
        before, after = self._mover.ways_before, self._mover.ways_after
        gone = [alias for alias in before if alias not in after]
        await change_aliases(self._mover.client, gone=gone, made=after)
        await self._mover.put_in_force()

    async def _standing(self) -> Move:
        now = await patiently(partial(standing, self._meta))
        return _ours(now, self._mover.move)

    async def _enter(self, stage: Stage) -> None:
        await patiently(partial(self._entered, stage))

    async def _entered(self, stage: Stage) -> None:
        """Looks first: one that an outage cut short may have been done."""
        now = await standing(self._meta)
        if stage is Stage.ENDED and now.move is None and await self._mover.in_force():
            return
        move = _ours(now, self._mover.move)
        if move.stage is not stage:
            await enter(self._meta, now, at(move, stage))


async def abort(client: AsyncQdrantClient, meta: Meta, namespace: str) -> Move | None:
    """Undo the move that is under way, and return it; None if there is none.

    The copies stay, so that another try has less to do. Raises Failed after step 5.
    """
    now = await standing(meta)
    move = now.move
    if move is not None and move.rebuilds:
        raise Misconfigured(f"no move to another encoder is under way: {rebuilding(move)}")
    if move is not None and move.stage is Stage.SWITCHING:
        raise Failed(
            f"the switch to {move.after.hash} ({move.model}) is past its point of no return: end "
            "it with `interestream reembed --model DIR --switch`, then go back the same way"
        )
    if move is not None:
        await enter(meta, now, at(move, Stage.ENDED))
    await open_doors(client, namespace, now)
    return move


async def open_doors(client: AsyncQdrantClient, namespace: str, now: Standing) -> None:
    """Of what is in force. Last: a switch that still runs finds first that it is not due."""
    if now.encoder is not None:
        ways = names.aliases(namespace, now.encoder.hash, now.users_of(now.encoder))
        await change_aliases(client, made=ways)


def _ours(now: Standing, move: Move) -> Move:
    """The move as it stands, if it still is this one."""
    if now.move is None or at(now.move, move.stage) != move:
        raise Failed("the move was undone or replaced meanwhile: look with `interestream reembed`")
    return now.move


def at(move: Move, stage: Stage) -> Move:
    """The same move, as far as `stage`."""
    return msgspec.structs.replace(move, stage=stage)
