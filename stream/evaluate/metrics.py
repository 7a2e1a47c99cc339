"""Figures of merit, as pure functions over arrays; one value a ranking wherever users matter."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stream.evaluate.orders import NOTHING, Lists, Places

Values = NDArray[np.float64]


def hits(places: Places, size: int) -> Values:
    """(r,) 1 where the item is among the first `size`, else 0; their mean is HR@size."""
    return (places <= size).astype(np.float64)


def gains(places: Places, size: int) -> Values:
    """(r,) 1 / log2(place + 1) among the first `size`, else 0: NDCG with one right answer."""
    return np.where(places <= size, 1 / np.log2(np.minimum(places, size) + 1.0), 0.0)


def reciprocals(places: Places, size: int) -> Values:
    """(r,) 1 / place among the first `size`, else 0; their mean is MRR, cut at the list's end."""
    return np.where(places <= size, 1 / np.minimum(places, size), 0.0)


def precision(lists: Lists, ahead: Lists) -> Values:
    """(r,) share of a list that the user takes soon; nan where nothing comes after.

    ahead  (r, h) rows of what comes, NOTHING beyond its end
    """
    found = _common(lists, ahead) / lists.shape[1]
    known: Values = np.where((ahead != NOTHING).any(axis=1), found, np.nan)
    return known


def recall(lists: Lists, ahead: Lists) -> Values:
    """(r,) share of what the user takes soon that is in the list; nan where nothing comes."""
    count = (ahead != NOTHING).sum(axis=1)
    found: Values = np.full(len(lists), np.nan)
    np.divide(_common(lists, ahead), count, out=found, where=count > 0)
    return found


def harmonic(left: float, right: float) -> float:
    """The harmonic mean, F1 of precision and recall; 0 where both are 0."""
    return 2 * left * right / (left + right) if left + right > 0 else 0.0


def _common(lists: Lists, ahead: Lists) -> Values:
    same = (lists[:, :, None] == ahead[:, None, :]) & (lists != NOTHING)[:, :, None]  # (r, k, h)
    found: Values = same.any(axis=2).sum(axis=1).astype(np.float64)
    return found


def surprises(places: Places, popular: Places, size: int) -> Values:
    """(r,) 1 where the item is in the list and was not among the most popular ones.

    Serendipity as what is right and the primitive method misses (Ge, Delgado-Battenfeld and
    Jannach, RecSys 2010).
    """
    return ((places <= size) & (popular > size)).astype(np.float64)


def exposure(lists: Lists, items: int) -> NDArray[np.int64]:
    """(n,) how often each item was offered."""
    return np.bincount(lists[lists != NOTHING], minlength=items).astype(np.int64)


def coverage(exposed: NDArray[np.int64]) -> float:
    """The share of the catalogue that was offered at least once."""
    return float(np.mean(exposed > 0)) if len(exposed) else 0.0


def gini(exposed: NDArray[np.int64]) -> float:
    """Inequality of exposure: 0 all items alike, towards 1 a few items have it all."""
    total = exposed.sum()
    if not total:
        return 0.0
    count = len(exposed)
    rank = np.arange(1, count + 1)
    return float((2 * rank - count - 1) @ np.sort(exposed) / (count * total))


def mean(values: Values) -> float | None:
    """The mean of what is known; None where nothing is."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else None


def rating_errors(given: Values, guessed: Values, liked: float) -> dict[str, float] | None:
    """MAE and RMSE in shares of the scale, and precision, recall and F1 of "rated `liked` or more".

    None where no rating was guessed.
    """
    known = ~(np.isnan(given) | np.isnan(guessed))
    if not known.any():
        return None
    error = guessed[known] - given[known]
    said, true = guessed[known] >= liked, given[known] >= liked
    right = float(np.count_nonzero(said & true))
    accuracy = right / said.sum() if said.any() else 0.0
    found = right / true.sum() if true.any() else 0.0
    return {
        "mae": float(np.abs(error).mean()),
        "rmse": float(np.sqrt((error**2).mean())),
        "precision": float(accuracy),
        "recall": float(found),
        "f1": harmonic(float(accuracy), float(found)),
    }


def rolling(values: Values, points: int) -> list[float]:
    """Means of consecutive parts, as many as `points` where there are that many values."""
    parts: Sequence[Values] = np.array_split(values, max(min(points, len(values)), 1))
    return [float(part.mean()) for part in parts if len(part)]
