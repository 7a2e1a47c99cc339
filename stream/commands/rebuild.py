"""`interestream rebuild` and `verify`: from options to deeds, and what a person sees of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
import msgspec
from qdrant_client import AsyncQdrantClient
from threadpoolctl import threadpool_limits

from stream.commands import bars
from stream.commands.reembed import clean_stop_s
from stream.commands.shown import columns
from stream.errors import Failed, InterestreamError, Misconfigured
from stream.kafka.admin import Admin
from stream.rebuild import begin
from stream.rebuild.certificate import Certificate
from stream.rebuild.open import Tools, opened
from stream.rebuild.rebuilder import Rebuild
from stream.rebuild.since import since, starts
from stream.rebuild.verify import certificate
from stream.reembed.copying import Tells
from stream.reembed.mover import facts
from stream.reembed.switch import Switch
from stream.settings import Settings
from stream.store import names
from stream.store.client import open_client
from stream.store.meta import Meta
from stream.store.moves import Move, Stage, rebuilding, standing

Say = Callable[[str], object]
Confirm = Callable[[str], object]
PARTS = ("events", "users")
SHOWN = 20  # users whose differences are printed


@dataclass(frozen=True, slots=True)
class Options:
    """How to rebuild.

    since    from which record on, in one of the forms of `stream.rebuild.since`
    dry_run  only say what would be done
    wait_s   for the workers to leave; None: what a clean stop may take
    strict   undo the rebuild if one has not left by then
    """

    since: str
    dry_run: bool = False
    wait_s: float | None = None
    strict: bool = False


def rebuild(settings: Settings, options: Options, confirm: Confirm, say: Say) -> None:
    """confirm  asks with its text, and raises where the answer is no"""
    since(options.since)  # before anything is loaded
    try:
        with threadpool_limits(1, user_api="blas"), bars.shown(say, PARTS, "look at") as tells:
            asyncio.run(_rebuild(settings, options, confirm, say, tells))
    except KeyboardInterrupt:
        raise Failed("interrupted") from None


async def _rebuild(
    settings: Settings, options: Options, confirm: Confirm, say: Say, tells: Tells
) -> None:
    async with opened(settings) as tools:
        now = await standing(tools.meta)
        if now.move is not None and now.move.stage is Stage.SWITCHING:
            if options.dry_run:
                say("a rebuild is past its point of no return: without --dry-run this ends it")
                return
            say("a rebuild was past its point of no return: ending it")
            await _switch(tools.rebuild(now.move, since(options.since), {}, tells), options, say)
            return
        for line in await _plan(tools, options, now.move):
            say(line)
        if options.dry_run:
            say("nothing was changed (--dry-run)")
            return
        await asyncio.to_thread(confirm, "rebuild all profiles, and put them in force?")
        client, namespace = tools.live.client, settings.namespace
        move = await begin.state(client, tools.meta, namespace, tools.ours)
        try:
            ends = await tools.log.committed()
            made = tools.rebuild(move, since(options.since), ends, tells)
            await made.catch_up()
            await _switch(made, options, say)
        except BaseException as error:
            await _undone(client, tools.meta, namespace, move, say)
            if isinstance(error, grpc.aio.AioRpcError) and not isinstance(error, InterestreamError):
                raise Failed(f"the store refuses: {error.details()}") from error
            raise
        for line in _told(made):
            say(line)


async def _switch(made: Rebuild, options: Options, say: Say) -> None:
    settings = made.settings

    async def members() -> Sequence[str]:
        return await asyncio.to_thread(_members, settings)

    wait_s = clean_stop_s(settings) if options.wait_s is None else options.wait_s
    await Switch(made, members=members, wait_s=wait_s, strict=options.strict, say=say).run()
    say(f"the rebuilt profiles are in force: {next(iter(made.ways_after.values()))}")


async def _undone(
    client: AsyncQdrantClient, meta: Meta, namespace: str, move: Move, say: Say
) -> None:
    """Raises nothing, or it would hide why."""
    try:
        now = (await standing(meta)).move
        if now is None or now.users != move.users:
            return
        if now.stage is Stage.SWITCHING:
            say(f"no worker may work now: {rebuilding(now)}")
            return
        await begin.undo(client, meta, namespace)
        say("the rebuild is undone: live profiles are as they were, what was made is deleted")
    except Exception as error:  # noqa: BLE001  # see above
        say(
            f"the rebuild could not be undone ({error}): run `interestream rebuild --abort` when "
            "the store answers; workers may wait for it"
        )


async def _plan(tools: Tools, options: Options, unended: Move | None) -> list[str]:
    """What would be done. Raises Misconfigured where there is nothing to do it from."""
    ends = await tools.log.committed()
    begins = starts(since(options.since), tools.log.first, ends)
    records = sum(max(ends[p] - start, 0) for p, start in begins.items())
    if not records:
        raise Misconfigured(
            f"--from {options.since}: the workers have acknowledged no record of {tools.log.topic} "
            "from there on, so every profile would stay as it is"
        )
    users = await tools.live.users.count()
    own = tools.live.users.table.points.collection
    lines = [
        f"replay {records} records of {tools.log.topic}, in {len(begins)} partitions, from "
        f"{options.since}",
        f"live: {own}, {users} users; workers go on with it until the switch",
        "users without a record among these keep the profile that they have",
    ]
    if cut := sorted(p for p, first in tools.log.first.items() if first):
        lines.append(
            f"partitions {', '.join(map(str, cut))} no longer have their oldest records: what "
            "they said is not in the rebuilt profiles"
        )
    client, namespace = tools.live.client, tools.settings.namespace
    left = await begin.left_over(client, await standing(tools.meta), namespace)
    if left:
        lines.append(f"left over from rebuilds that were not put in force, and deleted: {left}")
    if unended is not None:
        lines.append(
            f"a rebuild to generation {unended.users} was begun and has not ended "
            f"({unended.stage.value}): it is undone first. If its process still runs, stop it"
        )
    return lines


def _told(made: Rebuild) -> list[str]:
    counts = made.counts
    old = next(iter(made.ways_before.values()))
    lines = [f"{counts.read} records read, {made.applied} applied"]
    for what, found in (("refused", counts.refused), ("skipped", counts.skipped)):
        if found:
            why = ", ".join(f"{reason} {n}" for reason, n in sorted(found.items()))
            lines.append(f"{found.total()} {what} as the workers did: {why}")
    if counts.bugs:
        lines.append(f"{counts.bugs} records left out, on which a step failed (dead letters: bug)")
    if kept := len(made.state.kept):
        lines.append(f"{kept} users have no record among these: their profiles are as they were")
    if damaged := len(made.state.damaged):
        lines.append(f"{damaged} live profiles could not be read: their lists are not carried")
    return [
        *lines,
        f"the old profiles are kept as {old}: `interestream rebuild --drop-old` deletes them, "
        "`interestream verify` compares the new ones with their events",
    ]


def undo(settings: Settings, say: Say) -> None:
    """Undo a rebuild before its point of no return."""

    async def run() -> None:
        async with _facts(settings) as (client, meta):
            move = await begin.undo(client, meta, settings.namespace)
        if move is None:
            say("no rebuild is under way: there is nothing to undo")
            return
        say(f"the rebuild to generation {move.users} is undone: workers may work")

    asyncio.run(run())


def drop_old(settings: Settings, confirm: Confirm, say: Say) -> None:
    """Delete profiles of the encoder in force that are not in force themselves."""

    async def run() -> None:
        async with _facts(settings) as (client, meta):
            now = await standing(meta)
            found = await begin.old(client, now, settings.namespace)
            if now.encoder is None or not found:
                say("there are no old profiles")
                return
            old = [
                names.collection(settings.namespace, names.USERS, now.encoder.hash, users)
                for users in sorted(found)
            ]
            await asyncio.to_thread(confirm, f"delete {', '.join(old)}?")
            if await begin.old(client, await standing(meta), settings.namespace) != found:
                raise Failed("profiles were put in force meanwhile: nothing is deleted")
            await begin.discard(client, settings.namespace, now.encoder, found)
        say(f"deleted: {', '.join(old)}")

    asyncio.run(run())


def verify(settings: Settings, sample: int, file: Path | None, say: Say) -> bool:
    """Whether the live profiles are what their events make of them."""

    async def run(tells: Tells) -> Certificate:
        async with opened(settings, beside_moves=True) as tools:
            return await certificate(tools, sample=sample, tells=tells)

    with threadpool_limits(1, user_api="blas"), bars.shown(say, PARTS, "look at") as tells:
        found = asyncio.run(run(tells))
    for line in certified(found):
        say(line)
    if file is not None:
        file.write_bytes(msgspec.json.format(msgspec.json.encode(found)) + b"\n")
    return found.good


def certified(found: Certificate) -> list[str]:
    """The certificate for a person."""
    rows = [
        ("compared", f"{found.users} users, {found.events} events of {found.records} records read"),
        ("same", f"{found.same}" + _divided(found.regrouped)),
        ("different", f"{found.different}"),
        *(("not comparable", f"{n}: {why}") for why, n in sorted(found.incomparable.items())),
        *(
            (f"{name} hash", f"live {getattr(found.live, name)}, {_equal(found, name)}")
            for name in found.live.__struct_fields__
        ),
    ]
    lines = [f"profiles of {found.namespace!r} beside their events, as of {found.at}"]
    lines += columns(rows)
    shown = [one for one in found.differences if not one.excuse]
    for one in shown[:SHOWN]:
        lines.append(f"{one.user!r} differs:")
        lines += [f"  {field}: live {live}, rebuilt {made}" for field, live, made in one.fields]
    if len(shown) > SHOWN:
        lines.append(f"and {len(shown) - SHOWN} more: --json FILE has them")
    return [*lines, _verdict(found)]


def _verdict(found: Certificate) -> str:
    if found.different:
        return (
            "the live profiles are NOT what their events make of them: `interestream rebuild` "
            "makes them anew"
        )
    if not found.same:
        return "nothing could be compared, so nothing is certified"
    return "the live profiles are what their events make of them"


def _divided(regrouped: int) -> str:
    return f" ({regrouped} with interests divided otherwise)" if regrouped else ""


def _equal(found: Certificate, name: str) -> str:
    rebuilt = getattr(found.rebuilt, name)
    return "rebuilt the same" if rebuilt == getattr(found.live, name) else f"rebuilt {rebuilt}"


def _members(settings: Settings) -> list[str]:
    with Admin(settings) as admin:
        return admin.members(settings.namespace)


@asynccontextmanager
async def _facts(settings: Settings) -> AsyncIterator[tuple[AsyncQdrantClient, Meta]]:
    client = open_client(settings)
    try:
        yield client, await facts(client, settings)
    finally:
        await client.close()
