"""The command as a person meets it: what it shows, what it refuses, what an outage leaves."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import msgspec
import pytest
import typer
from rich.progress import Progress
from typer.testing import CliRunner

from stream.cli import app
from stream.commands import bars
from stream.commands import reembed as moves
from stream.encoder import manifest
from stream.errors import Failed, Misconfigured, Unavailable
from stream.reembed import copying
from stream.reembed.report import Report
from stream.settings import Settings
from stream.settings import load as load_settings
from stream.store import names
from stream.store.collections import Store, open_store
from tests.encoder import fixtures
from tests.support.rows import item_row
from tests.support.stores import Place

FOLDER = Path(fixtures.__file__).parent
OLD, NEW = FOLDER / "tiny", FOLDER / "tiny_pooled"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--model", "m", "--abort"], "exclude each other"),
        (["--drop", "x", "--abort"], "exclude each other"),
        (["--switch"], "need --model"),
        (["--strict"], "need --model"),
        (["--model", "m", "--report-only", "--switch"], "copies nothing"),
    ],
)
def test_options_that_do_not_fit_are_refused(arguments: list[str], said: str) -> None:
    result = CliRunner().invoke(app, ["reembed", *arguments])

    assert result.exit_code == 2
    assert said in " ".join(result.output.replace("│", " ").split())


def test_bars_begin_anew_with_each_pass() -> None:
    with Progress(bars.Speed(), disable=True) as progress:
        shown = bars.Bars(progress)
        shown.begins("items", 10)
        shown.advances("items", 4)
        shown.begins("items", 3)

    assert [(t.description, t.completed, t.total) for t in progress.tasks] == [
        ("items", 0, 3),
        ("neighbours", 0, None),
        ("users", 0, None),
    ]


@pytest.fixture
def settings(embedded_qdrant: Place) -> Settings:
    """A deployment of its own, with a store of the old model; its broker is away."""
    made = load_settings(
        namespace=f"c{secrets.token_hex(4)}",
        qdrant_url=embedded_qdrant.http_url,
        qdrant_grpc_port=embedded_qdrant.grpc_port,
        kafka_url="127.0.0.1:1",
        encoder_sessions=1,
    )

    async def fill(store: Store) -> None:
        rows = [item_row(f"i{n}", title=f"the tale number {n}") for n in range(5)]
        await store.items.save(rows, dict.fromkeys(row.item_id for row in rows))

    with_store(made, OLD, fill)
    return made


def with_store(
    settings: Settings, model: Path, use: Callable[[Store], Coroutine[Any, Any, Any]]
) -> Any:
    """The result of `use` on the store as a worker with this model opens it."""
    identity = manifest.read(model)

    async def run() -> Any:
        store = await open_store(settings, dimension=identity.dimension, encoder_hash=identity.hash)
        try:
            return await use(store)
        finally:
            await store.close()

    return asyncio.run(run())


def yes(_: str) -> None:
    """Agrees."""


def no(_: str) -> None:
    raise typer.Abort


def encoders() -> tuple[str, str]:
    return manifest.read(OLD).hash, manifest.read(NEW).hash


@pytest.mark.integration
def test_copying_says_what_it_did_and_writes_the_report(settings: Settings, tmp_path: Path) -> None:
    said: list[str] = []
    file = tmp_path / "report.json"
    moves.reembed(settings, moves.Options(NEW, report=file), said.append)

    old, new = encoders()
    assert said[0] == "items: 5 to copy"
    assert said[1] == (
        f"copied to encoder {new}: 5 items encoded, 0 kept; the last pass found 5 rows to copy"
    )
    assert said[-1] == f"to put it in force: interestream reembed --model {NEW} --switch"
    found = msgspec.json.decode(file.read_bytes(), type=Report)
    assert (found.old.encoder, found.new.encoder, found.items) == (old, new, 5)
    assert moves.status(settings) == [
        f"in force: encoder {old}, 16 dimensions",
        f"move: to {new} (tiny_pooled), copying",
        f"other encoders with collections: {new}",
    ]


@pytest.mark.integration
def test_comparing_alone_copies_nothing(settings: Settings) -> None:
    said: list[str] = []
    moves.reembed(settings, moves.Options(NEW, report_only=True), said.append)

    assert not any("to copy" in line for line in said)
    assert any(line.startswith("copied: 0 items, 0 users") for line in said)


@pytest.mark.integration
def test_an_outage_in_the_switch_says_how_to_go_on_and_can_be_undone(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broker does not say who is in the group: the old workers are asked to leave already."""
    monkeypatch.setattr(copying, "OUTAGE_S", 0)
    said: list[str] = []
    with pytest.raises(Unavailable, match="kafka"):
        moves.reembed(settings, moves.Options(NEW, switch=True), said.append)

    stuck = (
        "no worker may work now (leaving): run `interestream reembed --model DIR --switch` with "
        f"the model of encoder {encoders()[1]}; `interestream reembed --abort` undoes it"
    )
    assert said[-1] == stuck
    assert stuck in moves.status(settings)
    moves.reembed(settings, moves.Options(NEW), said.append)  # without --switch
    assert said[-1] == stuck
    moves.undo(settings, said.append)
    assert f"workers of encoder {encoders()[0]} may start" in said[-1]
    assert with_store(settings, OLD, lambda store: store.items.count()) == 5
    moves.undo(settings, said.append)
    assert said[-1] == "no move is under way: there is nothing to undo"


@pytest.mark.integration
def test_ctrl_c_in_the_switch_says_how_to_go_on(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = threading.Event()

    def interrupted(_: Settings) -> list[str]:
        if not asked.is_set():
            asked.set()
            os.kill(os.getpid(), signal.SIGINT)
        return ["worker-1"]

    monkeypatch.setattr(moves, "_members", interrupted)
    said: list[str] = []
    with pytest.raises(Failed, match="interrupted; the same command goes on from here"):
        moves.reembed(settings, moves.Options(NEW, switch=True), said.append)

    assert said[-1].startswith("no worker may work now (leaving)")


@pytest.mark.integration
def test_a_failure_of_any_kind_in_the_switch_says_how_to_go_on(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: Settings) -> list[str]:
        raise RuntimeError("a bug")

    monkeypatch.setattr(moves, "_members", broken)
    said: list[str] = []
    with pytest.raises(RuntimeError, match="a bug"):
        moves.reembed(settings, moves.Options(NEW, switch=True), said.append)

    assert said[-1].startswith("no worker may work now (leaving)")


def test_collections_of_another_namespace_are_no_encoders() -> None:
    """`--drop meta` would have deleted the facts of a namespace that begins like ours."""
    found = ["x_users_meta", "x_items_meta", "x_users_users_0a1b2c3d", "x_users_0a1b2c3d"]
    assert names.encoders("x", found) == {"0a1b2c3d"}


@pytest.mark.integration
def test_what_is_needed_is_not_dropped(settings: Settings) -> None:
    old, new = encoders()
    moves.reembed(settings, moves.Options(NEW), str)

    for encoder, reason in (
        (old, "is in force"),
        (new, "a move concerns"),
        ("0" * 8, f"has no collections; those that have: {', '.join(sorted((old, new)))}"),
    ):
        with pytest.raises(Misconfigured, match=reason):
            moves.drop(settings, encoder, yes, str)


@pytest.mark.integration
def test_dropping_asks_first(settings: Settings) -> None:
    _, new = encoders()
    moves.reembed(settings, moves.Options(NEW), str)
    moves.undo(settings, str)

    with pytest.raises(typer.Abort):
        moves.drop(settings, new, no, str)
    assert moves.status(settings)[-1] == f"other encoders with collections: {new}"
    moves.drop(settings, new, yes, str)
    assert moves.status(settings)[-1] == "other encoders with collections: none"
    assert with_store(settings, OLD, lambda store: store.items.count()) == 5


@pytest.mark.integration
def test_without_a_store_there_is_nothing_to_show(settings: Settings) -> None:
    nowhere = settings.model_copy(update={"namespace": "nobody"})

    with pytest.raises(Misconfigured, match="no store of namespace 'nobody'"):
        moves.reembed(nowhere, moves.Options(NEW), str)
    with pytest.raises(Misconfigured, match="no store of namespace 'nobody'"):
        moves.status(nowhere)  # nothing was made for it either
