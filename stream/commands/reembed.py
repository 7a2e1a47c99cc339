"""`interestream reembed`: from the command's options to a move, and what a person sees of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
from qdrant_client import AsyncQdrantClient
from threadpoolctl import threadpool_limits

from stream.commands import bars
from stream.commands.shown import columns
from stream.errors import Failed, Misconfigured
from stream.kafka.admin import Admin
from stream.models import open_encoder
from stream.reembed import report as reports
from stream.reembed.copying import Tells
from stream.reembed.leaving import POLL_S
from stream.reembed.mover import Mover, facts
from stream.reembed.switch import Switch, abort
from stream.settings import Settings
from stream.store import names
from stream.store.client import open_client, outages
from stream.store.collections import change_aliases, collections_of
from stream.store.meta import Meta
from stream.store.moves import Move, Stage, Standing, rebuilding, standing

Say = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Options:
    """What to do with a new model.

    model        its folder
    report       file to which the report goes as JSON
    report_only  copy nothing: compare what was copied before
    switch       put it in force
    wait_s       for the old workers to leave; None: what a clean stop may take
    strict       undo the switch if one has not left by then
    """

    model: Path
    report: Path | None = None
    report_only: bool = False
    switch: bool = False
    wait_s: float | None = None
    strict: bool = False


def reembed(settings: Settings, options: Options, say: Say) -> None:
    """Copy, report or switch. Raises what tells how far it came."""
    try:
        with threadpool_limits(1, user_api="blas"), bars.shown(say) as tells:
            asyncio.run(_reembed(settings, options, say, tells))
    except KeyboardInterrupt:
        raise Failed("interrupted; the same command goes on from here") from None


async def _reembed(settings: Settings, options: Options, say: Say, tells: Tells) -> None:
    try:
        async with _mover(settings, options.model, tells) as mover:
            await _steps(mover, settings, options, say)
    finally:
        await _say_stuck(settings, say)


async def _steps(mover: Mover, settings: Settings, options: Options, say: Say) -> None:
    move, fresh = mover.move, mover.move.stage is not Stage.SWITCHING
    if fresh and not options.report_only:
        left = await mover.catch_up()
        counts = mover.counts
        say(
            f"copied to encoder {move.after.hash}: {counts.encoded} items encoded, {counts.kept} "
            f"kept; the last pass found {left.differed} rows to copy"
        )
    if fresh and (options.report or not options.switch):
        found = await reports.report(mover)
        for line in (*columns(reports.table(found)), *reports.words(found)):
            say(line)
        if options.report is not None:
            options.report.write_bytes(msgspec.json.format(msgspec.json.encode(found)) + b"\n")
    if not options.switch:
        say(f"to put it in force: interestream reembed --model {options.model} --switch")
        return

    async def members() -> Sequence[str]:
        return await asyncio.to_thread(_members, settings)

    wait_s = clean_stop_s(settings) if options.wait_s is None else options.wait_s
    await Switch(mover, members=members, wait_s=wait_s, strict=options.strict, say=say).run()
    for line in (
        f"encoder {move.after.hash} ({move.model}) is in force",
        f"start the workers with INTERESTREAM_MODEL_DIR={options.model.resolve()}; those that wait "
        "for it begin now",
        f"the way back: the same command with the model of encoder {move.before.hash}; to free its "
        f"space: interestream reembed --drop {move.before.hash}",
    ):
        say(line)


def undo(settings: Settings, say: Say) -> None:
    """Undo a move before its point of no return."""

    async def run() -> None:
        async with _facts(settings) as (client, meta):
            move = await abort(client, meta, settings.namespace)
        if move is None:
            say("no move is under way: there is nothing to undo")
            return
        say(
            f"the move to {move.after.hash} ({move.model}) is undone: workers of encoder "
            f"{move.before.hash} may start; what was copied stays until it is dropped"
        )

    asyncio.run(run())


def status(settings: Settings) -> list[str]:
    """The encoder in force, the move if there is one, and the encoders with collections."""

    async def run() -> list[str]:
        async with _facts(settings) as (client, meta):
            now = await standing(meta)
            found = await _encoders(client, settings.namespace)
        return _told(now, found)

    return asyncio.run(run())


def drop(settings: Settings, encoder: str, confirm: Callable[[str], object], say: Say) -> None:
    """Delete the collections of an encoder that is neither in force nor being moved to.

    confirm  asks with its text, and raises where the answer is no

    Raises Misconfigured where the encoder is needed or has no collections.
    """

    async def run() -> None:
        async with _facts(settings) as (client, meta):
            _droppable(await standing(meta), encoder, await _encoders(client, settings.namespace))
            await asyncio.to_thread(
                confirm, f"delete the vectors of encoder {encoder} in {settings.namespace!r}?"
            )
            _droppable(await standing(meta), encoder, {encoder})
            for name in await _collections(client, settings.namespace, encoder):
                await change_aliases(client, gone=[name + names.WRITERS])
                with outages():
                    await client.delete_collection(name)
        say(f"encoder {encoder}: collections deleted")

    asyncio.run(run())


def _told(now: Standing, found: set[str]) -> list[str]:
    if now.encoder is None:
        return ["no encoder is in force yet: the first worker states its own"]
    lines = [f"in force: encoder {now.encoder.hash}, {now.encoder.dimension} dimensions"]
    if now.move is not None:
        move = now.move
        if move.rebuilds:
            return [*lines, rebuilding(move)]
        lines.append(f"move: to {move.after.hash} ({move.model}), {move.stage.value}")
        lines += _stuck(move)
    others = found - {now.encoder.hash}
    lines.append(f"other encoders with collections: {', '.join(sorted(others)) or 'none'}")
    return lines


def _droppable(now: Standing, encoder: str, found: set[str]) -> None:
    if encoder not in found:
        there = ", ".join(sorted(found)) or "none"
        raise Misconfigured(f"encoder {encoder!r} has no collections; those that have: {there}")
    if now.encoder is not None and now.encoder.hash == encoder:
        raise Misconfigured(f"encoder {encoder} is in force: switch to another one first")
    if now.move is not None and now.move.rebuilds:
        raise Misconfigured(f"{rebuilding(now.move)}; then run this again")
    if now.move is not None and encoder in (now.move.before.hash, now.move.after.hash):
        raise Misconfigured(f"a move concerns encoder {encoder}: `interestream reembed --abort`")


async def _encoders(client: AsyncQdrantClient, namespace: str) -> set[str]:
    return names.encoders(namespace, await collections_of(client))


async def _collections(client: AsyncQdrantClient, namespace: str, encoder: str) -> list[str]:
    """Names of all that is the encoder's, rebuilt profiles included."""
    found = names.generations(namespace, encoder, await collections_of(client))
    profiles = [names.collection(namespace, names.USERS, encoder, users) for users in found]
    others = [names.collection(namespace, part, encoder) for part in names.PARTS]
    return list(dict.fromkeys([*others, *profiles]))


async def _say_stuck(settings: Settings, say: Say) -> None:
    """However the command ended. Raises nothing, or it would hide why."""
    try:
        async with _facts(settings) as (_, meta):
            move = (await standing(meta)).move
    except Misconfigured:  # no store, so no move
        return
    except Exception as error:  # noqa: BLE001  # see above
        say(f"whether workers may work is not known ({error}): look with `interestream reembed`")
        return
    for line in _stuck(move):
        say(line)


def _stuck(move: Move | None) -> list[str]:
    """What a person must know while a switch is neither ended nor undone."""
    if move is None or not move.closed or move.rebuilds:
        return []
    undone = "; `interestream reembed --abort` undoes it" if move.stage is Stage.LEAVING else ""
    return [
        f"no worker may work now ({move.stage.value}): run `interestream reembed --model DIR "
        f"--switch` with the model of encoder {move.after.hash}{undone}"
    ]


def clean_stop_s(settings: Settings) -> float:
    """To leave: see the move, drain, and be missed where the broker heard no goodbye."""
    return 2 * POLL_S + settings.shutdown_s + settings.session_timeout_s


def _members(settings: Settings) -> list[str]:
    with Admin(settings) as admin:
        return admin.members(settings.namespace)


@asynccontextmanager
async def _mover(settings: Settings, model: Path, tells: Tells) -> AsyncIterator[Mover]:
    encoder = await open_encoder(settings, folder=model)
    client = open_client(settings)
    try:
        name = encoder.manifest.name
        yield await Mover.open(client, settings, encoder, model=name, tells=tells)
    finally:
        await client.close()
        await encoder.close()


@asynccontextmanager
async def _facts(settings: Settings) -> AsyncIterator[tuple[AsyncQdrantClient, Meta]]:
    client = open_client(settings)
    try:
        yield client, await facts(client, settings)
    finally:
        await client.close()
