"""From recorded events to a folder that the worker reads: what was learned is what it expects."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

torch = pytest.importorskip("torch")

from export.cli import app  # noqa: E402  # needs torch
from export.progress import Silent  # noqa: E402
from export.sequence import build as building  # noqa: E402
from export.sequence.build import DIFFERENCE_MAX, SMALL, Options, build  # noqa: E402
from export.sequence.network import Network, Shape  # noqa: E402
from export.sequence.training import SasRec, Stopped, fitted  # noqa: E402
from stream.core.catalogue import Catalogue, Entry  # noqa: E402
from stream.errors import Failed, Misconfigured  # noqa: E402
from stream.evaluate.dataset import Dataset, bare  # noqa: E402
from stream.sequence import open_sequence  # noqa: E402
from stream.sequence.manifest import IDS, MANIFEST, NETWORK, VECTORS  # noqa: E402
from stream.settings import load  # noqa: E402
from stream.wire.inputs import Event  # noqa: E402
from tests.peers.planted import ITEMS, circles  # noqa: E402

pytestmark = pytest.mark.export

TINY = replace(SMALL, dims=16, window=8, masked=0.2, epochs_max=12, learning_rate=1e-2, patience=3)
USERS, EACH = 140, 9


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def walks() -> Dataset:
    """After item n comes item n + 1; and one item that nobody uses."""
    log = circles(USERS, EACH)
    events = [
        Event(f"u{user}", "click", 1000.0 + int(place), f"e{place}", f"i{row}")
        for place, user, row in zip(log.places, log.users, log.rows, strict=True)
    ]
    items = [bare(f"i{row}") for row in range(ITEMS)]
    return Dataset("walks", (bare("unused"), *items), tuple(events))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    out = tmp_path_factory.mktemp("sequence") / "model"
    return out, build(walks(), Options(out=out, shape=TINY), load(), Silent())


def catalogue() -> Catalogue:
    return Catalogue(1, tuple(Entry(f"i{row}", "", None) for row in range(ITEMS)))


def test_the_worker_expects_what_was_learned(made: tuple[Path, dict[str, Any]]) -> None:
    """Of what is not in the history, which no list offers, the next item."""
    model = open_sequence(made[0])
    starts = range(ITEMS)
    histories = [[f"i{(start + step) % ITEMS}" for step in range(6)] for start in starts]

    found = model.expected(histories, catalogue())

    for gives, history in zip(found, histories, strict=True):
        gives[[int(item_id[1:]) for item_id in history]] = 0
    assert found.argmax(axis=1).tolist() == [(start + 6) % ITEMS for start in starts]
    assert found.max() > 0.4  # about the constant of the middle, so the scale is in use
    assert np.median(found[found > 0]) < 0.3


def test_the_manifest_says_what_it_is(made: tuple[Path, dict[str, Any]]) -> None:
    out, said = made
    written = json.loads((out / MANIFEST).read_bytes())

    assert written == json.loads(json.dumps(said))
    assert written["items"] == ITEMS  # the unused one is none of them
    assert (written["length"], written["dimension"]) == (TINY.window, TINY.dims + 1)
    assert written["trained_until"] == 1000.0 + USERS * EACH - 1
    assert written["trained_on"] == USERS * EACH
    assert written["held_out"]["ndcg@10"] > written["held_out"]["popularity_ndcg@10"]
    assert 0 <= written["parity"]["difference_max"] <= DIFFERENCE_MAX
    assert sorted(path.name for path in out.iterdir()) == sorted([NETWORK, VECTORS, IDS, MANIFEST])


def test_what_comes_after_the_moment_is_not_learned(tmp_path: Path) -> None:
    data = walks()
    late = Event("u0", "click", 1e6, "late", "unused")
    data = replace(data, events=(*data.events, late))
    cut = str(1000 + USERS * (EACH - 1))

    said = build(data, Options(out=tmp_path / "m", until=cut, shape=TINY), load(), Silent())

    assert said["trained_until"] == float(cut) - 1
    assert "unused" not in json.loads((tmp_path / "m" / IDS).read_bytes())


def test_too_little_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "m"

    with pytest.raises(Misconfigured, match=r"630 uses of items by 140 users .* at least 1000"):
        build(walks(), Options(out=out, until="0.5", shape=TINY), load(), Silent())

    assert not out.exists()


def test_a_model_that_is_no_better_than_popularity_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(building, "stopped", lambda *_: Stopped(1, 0.0))

    with pytest.raises(Failed, match="it would not help"):
        build(walks(), Options(out=tmp_path / "m", shape=TINY), load(), Silent())

    assert not list(tmp_path.iterdir())


def test_a_graph_that_differs_from_torch_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(building, "DIFFERENCE_MAX", 1e-12)

    with pytest.raises(Failed, match="differs from torch's by"):
        build(walks(), Options(out=tmp_path / "m", shape=TINY), load(), Silent())

    assert not list(tmp_path.iterdir())


def test_a_model_is_replaced_with_force_alone(tmp_path: Path) -> None:
    asked = Options(out=tmp_path / "m", shape=replace(TINY, epochs_max=2))
    build(walks(), asked, load(), Silent())
    before = open_sequence(asked.out).version

    with pytest.raises(Misconfigured, match="--force"):
        build(walks(), asked, load(), Silent())
    other = replace(asked, force=True, shape=replace(asked.shape, seed=1))
    build(walks(), other, load(), Silent())

    assert open_sequence(asked.out).version != before
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


def test_what_no_export_made_is_not_deleted(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("keep")

    with pytest.raises(Misconfigured, match="mine"):
        build(walks(), Options(out=tmp_path, shape=TINY, force=True), load(), Silent())


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_the_newest_state_is_the_last_of_all_states(layers: int) -> None:
    torch.manual_seed(0)
    network = Network(ITEMS, Shape(layers=layers, dims=16, window=8)).eval()
    windows = torch.randint(0, ITEMS + 1, (32, 8))
    windows[:, -1] = torch.arange(32) % ITEMS

    with torch.inference_mode():
        torch.testing.assert_close(network.newest(windows), network(windows)[:, -1])


def test_training_goes_for_as_many_epochs_as_it_is_told() -> None:
    log, told = circles(USERS, 4), []

    fitted(log, TINY, 3, lambda: told.append(1))

    assert len(told) == 3
    assert isinstance(fitted(log, TINY, 1), SasRec)


def test_items_are_masked_where_they_are_read_and_not_where_they_are_learned() -> None:
    sequences = circles(USERS, EACH).sequences()
    plain, masked = (
        list(SasRec(ITEMS, replace(TINY, masked=share))._batches(sequences)) for share in (0.0, 0.5)
    )

    hidden = seen = 0
    for (inputs, targets), (left, wanted) in zip(plain, masked, strict=True):
        assert torch.equal(targets, wanted)
        assert torch.equal(torch.where(left == ITEMS, ITEMS, inputs), left)
        hidden += int((left != inputs).sum())
        seen += int((inputs != ITEMS).sum())
    assert hidden / seen == pytest.approx(0.5, abs=0.05)


def test_the_command_makes_a_model_of_a_table(tmp_path: Path) -> None:
    table, out = tmp_path / "log.csv", tmp_path / "model"
    with table.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["uid", "item_id", "at"])
        rows.writerows([e.user_id, e.item_id, e.at] for e in walks().events)
    asked = ["sequence", str(table), "--columns", "user=uid", "--out", str(out)]
    small = ["--dimension", "16", "--length", "8", "--epochs-max", "4"]

    done = CliRunner().invoke(app, [*asked, *small])

    assert done.exit_code == 0, done.output
    assert "24 items learned from 1,260 uses" in done.stdout
    assert open_sequence(out).manifest.length == 8


def test_an_odd_dimension_is_refused(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["sequence", "x", "--out", str(tmp_path), "--dimension", "15"])

    assert isinstance(done.exception, Misconfigured)
    assert "an even number" in str(done.exception)
