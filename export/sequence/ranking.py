"""Places that a trained model gives to what came next, among all that the user has not used."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from export.sequence.log import Asked, Rows
from stream.evaluate import metrics
from stream.evaluate.orders import Places, places

Scores = NDArray[np.float64]

BATCH = 256  # rankings that are scored together
LIST_SIZE = 10


class Model(Protocol):
    """What training leaves. It reads true histories, of users whom it did not know as well."""

    def scores(self, histories: Sequence[Rows]) -> Scores:
        """(m, n) float64; larger is better. A new array, the caller's own."""


def places_of(model: Model, asked: Asked, popular: Scores) -> Places:
    """(m,) the place, from 1, of what came next; equal scores stand by row.

    popular  (n,) scores for those of whom nothing is known
    """
    found = [np.zeros(0, np.int64)]
    for start in range(0, len(asked.rows), BATCH):
        histories = asked.histories[start : start + BATCH]
        scores = model.scores(histories)
        for own, history in zip(scores, histories, strict=True):
            if not len(history):
                own[:] = popular
            own[history] = -np.inf
        found.append(places(scores, asked.rows[start : start + BATCH]))
    return np.concatenate(found)


def ndcg(model: Model, asked: Asked, popular: Scores) -> float:
    """What models are chosen by: the mean gain, at the size of a list."""
    return float(metrics.gains(places_of(model, asked, popular), LIST_SIZE).mean())
