"""Whether another model ranks as well: python -m tests.bench.models --model A --model B [...]

Every model ranks the same held-out ratings of MovieLens-100K; the others are compared to the first.
Writes models.json into --out, by default the committed folder, and the table of docs/encoder.md.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from stream.agents.items import content
from stream.core.decay import Vector
from stream.core.tuning import Tuning
from stream.demo import movielens
from stream.demo.movielens import Film
from stream.embedded.archives import movielens_dir
from stream.errors import InterestreamError
from stream.wire.inputs import Item
from tests.bench import docs, folders, machine, ours
from tests.bench.paired import change, gains, hits
from tests.bench.prequential import Ranks, ranks

MODULE = "tests.bench.models"
PACKAGES = ("interestream", "numpy", "onnxruntime", "tokenizers")
FIGURES = {"hit_rate": hits, "ndcg": gains}
QUICK_RATINGS = 24_000
NEIGHBOURS = 10
LOSS = -0.01  # what a smaller model may cost of a figure


def main() -> int:
    """Exit code: 0 measured, 1 something was missing."""
    asked = _arguments()
    try:
        with threadpool_limits(1, user_api="blas"):  # as the worker does
            result = measured(folders.models(asked.model), quick=asked.quick)
    except InterestreamError as error:
        sys.stderr.write(f"{MODULE}: {error}\n")
        return 1
    asked.out.mkdir(parents=True, exist_ok=True)
    (asked.out / "models.json").write_text(json.dumps(result, indent=1) + "\n")
    if asked.out.resolve() == docs.RESULTS:
        docs.write()
    sys.stdout.write("\n".join(docs.models_part(result)) + "\n")
    return 0


def measured(models: Mapping[str, Path], *, quick: bool) -> dict[str, Any]:
    """Figures by model and ranking, and each model's differences to the first one."""
    folder = movielens_dir(folders.CACHE)
    films = movielens.films(folder)
    ratings = movielens.ratings(folder)
    if quick:
        ratings = ratings[:QUICK_RATINGS]
    vectors = {name: asyncio.run(_vectors(films, path)) for name, path in models.items()}
    found = {name: ranks(films, own, ratings, Tuning()) for name, own in vectors.items()}
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


async def _vectors(films: Sequence[Film], folder: Path) -> dict[str, Vector]:
    """(d,) by item id, of the text that the worker would make of each film."""
    items = [Item(film.item_id, film.title, categories=film.genres) for film in films]
    async with ours.opened(folder, folder.name) as opened:
        rows = await opened.encoder.encode([content(item) for item in items])
    return {film.item_id: row for film, row in zip(films, rows, strict=True)}


def _figures(own: Ranks) -> dict[str, dict[str, float]]:
    return {
        ranking: {name: round(float(f(places).mean()), 5) for name, f in FIGURES.items()}
        for ranking, places in own.places.items()
    }


def _compared(
    reference: str, name: str, first: Ranks, found: Mapping[str, Ranks]
) -> list[dict[str, Any]]:
    pair = {"model": name, "reference": reference}
    rows = []
    for ranking, places in first.places.items():
        for figure, f in FIGURES.items():
            far = change(f(places), f(found[name].places[ranking]), first.users)
            verdict = {"target": LOSS, "reached": far.change >= LOSS}
            rows.append({**pair, "ranking": ranking, "figure": figure, **asdict(far), **verdict})
    return rows


def _nearness(first: Mapping[str, Vector], other: Mapping[str, Vector]) -> dict[str, float]:
    """Cosines of the same films' vectors, and the share of nearest neighbours that stay."""
    left, right = np.stack(list(first.values())), np.stack(list(other.values()))  # (n, d)
    found: dict[str, float] = {}
    if left.shape == right.shape:
        cosines = np.einsum("nd,nd->n", left, right)
        found = {"cosine_min": float(cosines.min()), "cosine_mean": float(cosines.mean())}
    near, also = _neighbours(left), _neighbours(right)
    kept = np.mean([np.isin(a, b).mean() for a, b in zip(near, also, strict=True)])
    return {name: round(v, 5) for name, v in found.items()} | {"neighbours": round(float(kept), 5)}


def _neighbours(rows: np.ndarray[Any, np.dtype[np.float32]]) -> Any:
    cosines = rows @ rows.T  # (n, d)·(d, n) -> (n, n)
    np.fill_diagonal(cosines, -1)
    return np.argpartition(-cosines, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]


def _arguments() -> argparse.Namespace:
    parser = folders.arguments(MODULE, __doc__)
    parser.add_argument("--out", type=Path, default=docs.RESULTS, help="folder for the result")
    parser.add_argument("--quick", action="store_true", help="the first ratings only")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
