"""`interestream snapshot` and `restore`: from the options to the work, and what a person sees."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from qdrant_client import AsyncQdrantClient

from stream.backup import plan as plans
from stream.backup import positions
from stream.backup import restore as restoring
from stream.backup.manifest import Kind, Manifest
from stream.backup.plan import Broker, Plan
from stream.backup.save import snapshot as saved
from stream.backup.snapshots import Snapshots, connected
from stream.commands import backup_bars as bars
from stream.commands.shown import columns
from stream.encoder import manifest as models
from stream.errors import Failed, Misconfigured
from stream.models import model_folder
from stream.settings import Settings
from stream.store.client import open_client
from stream.store.moves import EncoderId

T = TypeVar("T")

Say = Callable[[str], object]
Confirm = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Options:
    """What a restore is asked to do.

    dry_run  show the plan, change nothing
    ours     the encoder that workers run; None: that of the settings' model folder
    """

    plan: plans.Options
    dry_run: bool = False
    ours: EncoderId | None = None


def snapshot(settings: Settings, into: Path, say: Say, *, export: bool) -> Manifest:
    """Take one. Raises what tells how far it came."""

    async def run() -> Manifest:
        with bars.shown(say) as tells:
            return await saved(settings, into, tells, export_all=export)

    return _run(run, f"interrupted; what is in {into} is no snapshot: the same command begins anew")


def restore(settings: Settings, source: Path, options: Options, confirm: Confirm, say: Say) -> Plan:
    """Go back to a snapshot, or only show what that would do; the plan.

    confirm  asks with its text before anything is given up, and raises where the answer is no

    Raises Misconfigured where something stands in the way.
    """
    ours = options.ours or _identity(settings)
    around = Broker.of(settings)

    async def run() -> Plan:
        async with _store(settings) as (client, rest):
            with bars.shown(say) as tells:
                plan = await plans.examine(
                    settings, client, rest, source, ours, around, options.plan, tells
                )
            for line in told(plan, settings):
                say(line)
            if options.dry_run:
                return plan
            if plan.obstacles:
                raise Misconfigured(_refusal(plan))
            held = {name: count for name, count in plan.replaced.items() if count}
            if held and plan.resumed is None:  # who began it has said yes
                await asyncio.to_thread(confirm, _question(held))
            with bars.shown(say) as tells:
                await restoring.restore(
                    settings, client, rest, source, plan, around, options.plan, tells
                )
        return plan

    return _run(run, "interrupted; workers wait until the same command has come to its end")


def summary(manifest: Manifest) -> list[str]:
    """What was saved, for a person."""
    rows = [
        (one.part, f"{one.points} points", f"{one.file.size / 1e6:.1f} MB", one.file.name)
        for one in manifest.collections
    ]
    kinds = {one.kind for one in manifest.collections if one.part == "users"}
    how = "Qdrant's own snapshots" if Kind.SNAPSHOT in kinds else "exported points"
    return [*columns(rows), f"snapshot {manifest.snapshot} of {manifest.at}: {how}"]


def told(plan: Plan, settings: Settings) -> Iterator[str]:
    """The plan in words."""
    manifest = plan.manifest
    yield (
        f"snapshot {manifest.snapshot} of {manifest.at}, service {manifest.service}, "
        f"Qdrant {manifest.qdrant}, encoder {manifest.encoder.hash}"
    )
    if plan.resumed is not None:
        yield f"a restore from {plan.resumed.folder} was cut short: this one ends it"
    yield from columns(
        (one.part, one.name, f"{one.points} points", one.kind.value) for one in manifest.collections
    )
    for name, count in plan.replaced.items():
        yield f"{name} holds {count} points: {_fate(plan, name)}"
    for decision in plan.decisions:
        yield from positions.words(decision, settings.topic(decision.name))
    for obstacle in plan.obstacles:
        yield f"in the way: {obstacle}"


def _fate(plan: Plan, name: str) -> str:
    resumed = plan.resumed
    if resumed is not None and resumed.snapshot == plan.manifest.snapshot and name in resumed.done:
        return "restored already"
    saved = {one.name for one in plan.manifest.collections}
    return "replaced" if name in saved else "left behind"


def as_json(plan: Plan, *, done: bool) -> dict[str, Any]:
    """The plan for programs."""
    return {
        "snapshot": plan.manifest.snapshot,
        "at": plan.manifest.at,
        "done": done,
        "obstacles": list(plan.obstacles),
        "collections": {one.name: one.points for one in plan.manifest.collections},
        "replaced": plan.replaced,
        "topics": [msgspec.to_builtins(decision, str_keys=True) for decision in plan.decisions],
    }


def _refusal(plan: Plan) -> str:
    count = len(plan.obstacles)
    return f"nothing was changed, {count} {'thing' if count == 1 else 'things'} in the way:\n" + (
        "\n".join(plan.obstacles)
    )


def _question(held: dict[str, int]) -> str:
    shown = ", ".join(f"{name} ({count} points)" for name, count in held.items())
    return f"give up what is stored now: {shown}?"


def _identity(settings: Settings) -> EncoderId:
    found = models.read(model_folder(settings))
    return EncoderId(found.hash, found.dimension)


def _run(work: Callable[[], Coroutine[Any, Any, T]], interrupted: str) -> T:
    try:
        return asyncio.run(work())
    except KeyboardInterrupt:
        raise Failed(interrupted) from None


@asynccontextmanager
async def _store(settings: Settings) -> AsyncIterator[tuple[AsyncQdrantClient, Snapshots]]:
    client = open_client(settings)
    try:
        async with connected(settings) as rest:
            yield client, rest
    finally:
        await client.close()
