"""One sequence model, from recorded events to a folder that the worker takes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray

from export.folder import Kind, refuse, whole
from export.progress import Reports
from export.sequence import to_onnx
from export.sequence.log import Asked, Log, Rows, log_of, validation
from export.sequence.network import Shape
from export.sequence.ranking import LIST_SIZE, Scores, ndcg
from export.sequence.training import SasRec, Stopped, fitted, padded, stopped
from export.sequence.until import learned
from stream.core.catalogue import Catalogue, Entry
from stream.errors import Failed, Misconfigured
from stream.evaluate.dataset import Dataset
from stream.observe import event_kinds
from stream.sequence.manifest import FORMAT, IDS, MANIFEST, NETWORK, VECTORS
from stream.sequence.model import SequenceModel, open_sequence
from stream.settings import Settings

KIND = Kind(frozenset({NETWORK, VECTORS, IDS, MANIFEST}), (NETWORK, MANIFEST))
SMALLEST = 1000  # uses; of fewer, the last tenth says nothing
COMPARED = 256  # histories
DIFFERENCE_MAX = 1e-4  # of what an item gets, in [0, 1]
PACKAGES = ("torch", "onnx", "onnxruntime")
DIGITS = 6
SPREAD = 1.0
#: Measured on MovieLens-100K, events 20,000 to 40,000: one layer over 20 items is no worse than two
#: over 50 and is read in a fifth of the time; half of the items masked is 5 % better than none.
SMALL = Shape(layers=1, window=20, masked=0.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """One training. `until`: a share of the events or a time, as on the command line."""

    out: Path
    until: str | None = None
    shape: Shape = field(default=SMALL)
    force: bool = False


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the last tenth of the uses decided, by a model that had not seen it.

    popularity  the NDCG of offering everybody what is used most
    midpoint    logarithm of a share at which an item gets 0.5
    """

    stopped: Stopped
    popularity: float
    midpoint: float


@dataclass(frozen=True, slots=True)
class Popular:
    """Offers what was used most."""

    counts: Scores

    def scores(self, histories: Sequence[Rows]) -> Scores:
        return np.tile(self.counts, (len(histories), 1))


def build(data: Dataset, asked: Options, settings: Settings, reports: Reports) -> dict[str, Any]:
    """Train a model and write its folder; what its manifest says. In this order:

    1. refuse what cannot succeed; take the events before the moment;
    2. choose the number of epochs and the constants on the last tenth of their uses;
    3. train on all of them for as long;
    4. write the network, the items' vectors and their ids into a folder beside `out`;
    5. read it as the worker does, and compare with torch;
    6. let the folder take its place.

    Raises Misconfigured where there is too little to learn from or `out` may not be replaced,
    Failed where what was learned is no better than popularity; then `out` is as it was before.
    """
    refuse(asked.out, force=asked.force, kind=KIND)  # 1
    events = data.events[: learned(data.events, asked.until)]
    log, ids = _log(data, len(events), settings)
    torch.set_num_threads(1)  # products this small lose by more
    chosen = choose(log, asked.shape, reports)  # 2
    advance = reports.step("train", chosen.stopped.epochs)
    model = fitted(log, asked.shape, chosen.stopped.epochs, advance)  # 3
    with whole(asked.out, force=asked.force, kind=KIND) as folder:
        reports.step("write")
        manifest = _written(folder, model, ids, chosen)  # 4
        manifest |= {"trained_until": events[-1].at, "trained_on": len(log)}
        manifest["data"] = data.name
        _save(folder, manifest)
        manifest["parity"] = _parity(open_sequence(folder), model, log, ids)  # 5
        _save(folder, manifest)
    return manifest  # 6


def _log(data: Dataset, count: int, settings: Settings) -> tuple[Log, list[str]]:
    """First uses among the first events, and the ids of the items that are used there."""
    rows = {item.item_id: row for row, item in enumerate(data.items)}
    log = log_of(data.events[:count], event_kinds(settings), rows)
    if len(log) < SMALLEST:
        raise Misconfigured(
            f"{len(log)} uses of items by {len(np.unique(log.users))} users come before the "
            f"moment, at least {SMALLEST} are needed: give it more events, or a later --until"
        )
    used, numbers = np.unique(log.rows, return_inverse=True)
    ids = [data.items[row].item_id for row in used.tolist()]
    return Log(log.places, log.users, numbers.astype(np.intp), len(ids)), ids


def choose(log: Log, shape: Shape, reports: Reports) -> Chosen:
    """Epochs by NDCG, and the constant by what the best items have there.

    Raises Failed where popularity is as good.
    """
    epochs = stopped(log, shape, reports.step("choose", shape.epochs_max))
    past, later = validation(log)
    popular = Popular(past.counts())
    popularity = ndcg(popular, later, popular.counts)
    if epochs.ndcg <= popularity:
        raise Failed(
            f"the model has NDCG@{LIST_SIZE} {epochs.ndcg:.4f} on the last uses, popularity "
            f"{popularity:.4f}: it would not help; give it more events"
        )
    advance = reports.step("calibrate", epochs.epochs)
    held = fitted(past, shape, epochs.epochs, advance)
    return Chosen(epochs, popularity, _midpoint(held, later, past))


def _midpoint(model: SasRec, later: Asked, past: Log) -> float:
    """The median, over rankings, of the best item's, of those that the model has learned.

    What is above it is rare, so that hardly any items are near 1, where they would be alike.
    """
    seen = past.counts() > 0
    known = [history[seen[history]] for history in later.histories]
    shares = to_onnx.shares(model.network, _windows(model, known)).astype(np.float64)
    shares[:, ~seen] = -np.inf
    for own, history in zip(shares, known, strict=True):
        own[history] = -np.inf
    best = shares.max(axis=1)
    return round(float(np.median(best[np.isfinite(best)])), DIGITS)


def _windows(model: SasRec, histories: Sequence[Rows]) -> NDArray[np.int64]:
    shape = model.shape
    return padded([own[-shape.window :] for own in histories], shape, model.items)


def _written(folder: Path, model: SasRec, ids: list[str], chosen: Chosen) -> dict[str, Any]:
    graph = to_onnx.traced(model.network, model.shape.window)
    (folder / NETWORK).write_bytes(graph.network)
    np.save(folder / VECTORS, graph.vectors, allow_pickle=False)
    (folder / IDS).write_bytes(msgspec.json.encode(ids))
    names = {"network_sha256": NETWORK, "vectors_sha256": VECTORS, "ids_sha256": IDS}
    shape = model.shape
    return {
        "format": FORMAT,
        "length": shape.window,
        "dimension": int(graph.vectors.shape[1]),
        "items": len(ids),
        "midpoint": chosen.midpoint,
        "spread": SPREAD,
        **{key: _sha256(folder / name) for key, name in names.items()},
        "training": {
            **{name: getattr(shape, name) for name in Shape.__dataclass_fields__},
            "epochs": chosen.stopped.epochs,
        },
        "held_out": {
            f"ndcg@{LIST_SIZE}": round(chosen.stopped.ndcg, DIGITS),
            f"popularity_ndcg@{LIST_SIZE}": round(chosen.popularity, DIGITS),
        },
        "versions": {package: version(package) for package in PACKAGES},
    }


def _parity(read: SequenceModel, model: SasRec, log: Log, ids: list[str]) -> dict[str, Any]:
    """What the worker reads out of the folder against torch, on users' histories of any length.

    Raises Failed where they differ by more than DIFFERENCE_MAX.
    """
    rng = np.random.default_rng(0)
    sequences = log.sequences()
    histories = [_some(sequences[n], rng) for n in rng.integers(0, len(sequences), COMPARED)]
    named = [[ids[row] for row in history] for history in histories]
    catalogue = Catalogue(1, tuple(Entry(item_id, "", None) for item_id in ids))
    found = read.expected(named, catalogue)
    shares = to_onnx.shares(model.network, _windows(model, histories))
    wanted = 1 / (1 + np.exp(-(shares - read.manifest.midpoint) / read.manifest.spread))
    off = float(np.abs(found - wanted).max())
    if off > DIFFERENCE_MAX:
        raise Failed(
            f"the exported model differs from torch's by {off:.2g}, limit {DIFFERENCE_MAX:g}; "
            f"nothing was written. torch is {version('torch')}, onnxruntime "
            f"{version('onnxruntime')}: report it"
        )
    return {"histories": COMPARED, "difference_max": off, "bound": DIFFERENCE_MAX}


def _some(sequence: Rows, rng: np.random.Generator) -> Rows:
    return sequence[: int(rng.integers(1, len(sequence) + 1))]


def _save(folder: Path, manifest: dict[str, Any]) -> None:
    text = msgspec.json.format(msgspec.json.encode(manifest))
    (folder / MANIFEST).write_bytes(text + b"\n")


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
