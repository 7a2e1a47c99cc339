"""Whether another model ranks as well: python -m tests.bench.models --model A --model B [...]

Every model ranks the same held-out ratings of MovieLens-100K; the others are compared to the first.
Writes models.json into --out, by default the committed folder, and the table of docs/encoder.md.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream.commands.evaluate import Options, Prepared, prepare
from stream.core.tuning import Tuning
from stream.encoder.contract import Rows
from stream.evaluate.engine import Engine
from stream.evaluate.metrics import gains, hits
from stream.evaluate.play import Player, Variant
from stream.evaluate.protocol import prequential
from stream.evaluate.sources import read
from stream.observe import event_kinds
from stream.settings import Settings, load
from tests.bench import command, docs, folders, machine
from tests.bench.paired import change

MODULE = "tests.bench.models"
PACKAGES = ("interestream", "numpy", "onnxruntime", "tokenizers")
ASKED = Options(data=("ml-100k",), every=2)
FIGURES = {"hit_rate": hits, "ndcg": gains}
PLACES = 10
#: What the vectors have a say in: where a difference between models shows most.
CONTENT = ("interest_part", "session_part", "aversion_part")
QUICK_RATINGS = 24_000
NEIGHBOURS = 10
LOSS = -0.01  # what a smaller model may cost of a figure


@dataclass(frozen=True, slots=True)
class Ranks:
    """Places, from 1, at which users' next films stood, (n,) by ranking; the users, (n,)."""

    places: Mapping[str, NDArray[np.int64]]
    users: Sequence[str]


def main() -> int:
    """Exit code: 0 measured, 1 something was missing."""
    asked = command.arguments(folders.arguments(MODULE, __doc__))

    def wanted() -> dict[str, Any]:
        return measured(folders.models(asked.model), quick=asked.quick)

    return command.run(MODULE, asked, "models", wanted, docs.models_part)


def measured(models: Mapping[str, Path], *, quick: bool) -> dict[str, Any]:
    """Figures by model and ranking, and each model's differences to the first one."""
    vectors: dict[str, Rows] = {}
    found: dict[str, Ranks] = {}
    for name, folder in models.items():
        settings = load(model_dir=folder, cache_dir=folders.CACHE)
        data = read(ASKED.data, {}, settings).first(QUICK_RATINGS if quick else None)
        prepared = asyncio.run(prepare(settings, data))
        vectors[name] = prepared.catalogue.vectors
        found[name] = ranks(prepared, settings, ASKED)
    reference, *others = models
    return {
        **machine.facts(MODULE, PACKAGES),
        "quick": quick,
        "events": len(found[reference].users),
        "users": len(set(found[reference].users)),
        "models": {name: _figures(own) for name, own in found.items()},
        "vectors": {name: _nearness(vectors[reference], vectors[name]) for name in others},
        "comparisons": [
            one for name in others for one in _compared(reference, name, found[reference], found)
        ],
    }


def ranks(prepared: Prepared, settings: Settings, options: Options) -> Ranks:
    """The order of the worker's scores, with all parts and by the vectors alone.

    Ratings of users of whom nothing is known yet are not ranked.
    """
    tuning, events = settings.tuning(), prepared.data.events
    engine = Engine(prepared.catalogue, event_kinds(settings), tuning, prepared.contents)
    variants = (
        Variant("all parts", tuning, by_score=True),
        Variant("content alone", _content_alone(tuning), by_score=True),
    )
    player = Player(engine, variants, flush_events=options.flush_events)
    plan = prequential(events, first=options.first, every=options.every)
    ranked = player.play(events, plan)
    known = ranked.history > 0
    return Ranks(
        {one.name: ranked.methods[one.name].places[known] for one in variants},
        np.array(ranked.users, object)[known].tolist(),
    )


def _content_alone(tuning: Tuning) -> Tuning:
    parts = (name for name in Tuning.__dataclass_fields__ if name.endswith("_part"))
    off: dict[str, Any] = {name: 0.0 for name in parts if name not in CONTENT}
    return replace(tuning, **off)


def _figures(own: Ranks) -> dict[str, dict[str, float]]:
    return {
        ranking: {name: round(float(f(places, PLACES).mean()), 5) for name, f in FIGURES.items()}
        for ranking, places in own.places.items()
    }


def _compared(
    reference: str, name: str, first: Ranks, found: Mapping[str, Ranks]
) -> list[dict[str, Any]]:
    pair = {"model": name, "reference": reference}
    rows = []
    for ranking, places in first.places.items():
        for figure, f in FIGURES.items():
            own, other = f(places, PLACES), f(found[name].places[ranking], PLACES)
            far = change(own, other, first.users)
            verdict = {"target": LOSS, "reached": far.change >= LOSS}
            rows.append({**pair, "ranking": ranking, "figure": figure, **asdict(far), **verdict})
    return rows


def _nearness(left: Rows, right: Rows) -> dict[str, float]:
    """Cosines of the same films' vectors, (n, d), and the share of nearest neighbours that stay."""
    found: dict[str, float] = {}
    if left.shape == right.shape:
        cosines = np.einsum("nd,nd->n", left, right)
        found = {"cosine_min": float(cosines.min()), "cosine_mean": float(cosines.mean())}
    near, also = _neighbours(left), _neighbours(right)
    kept = np.mean([np.isin(a, b).mean() for a, b in zip(near, also, strict=True)])
    return {name: round(v, 5) for name, v in found.items()} | {"neighbours": round(float(kept), 5)}


def _neighbours(rows: Rows) -> Any:
    cosines = rows @ rows.T  # (n, d)·(d, n) -> (n, n)
    np.fill_diagonal(cosines, -1)
    return np.argpartition(-cosines, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]


if __name__ == "__main__":
    sys.exit(main())
