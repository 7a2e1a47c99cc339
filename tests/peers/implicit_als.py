"""The models of `implicit`: ALS and item-item neighbours, the best one on a validation window."""

from __future__ import annotations

import warnings
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from implicit.als import AlternatingLeastSquares
from implicit.nearest_neighbours import BM25Recommender, CosineRecommender, TFIDFRecommender
from implicit.utils import ParameterWarning
from scipy.sparse import csr_matrix

from export.sequence.log import Log, Rows, validation
from export.sequence.ranking import Scores, ndcg
from tests.peers.training import Trained

ALL = 0  # of a user's items
RECENT = (5, 20, ALL)  # how many of a user's last items are asked with
NEIGHBOURS = (50, 200)
FACTORS = (16, 32, 64)


@dataclass(frozen=True, slots=True)
class Kind:
    """A model and how it is asked; `settings` are its constructor's."""

    name: str
    settings: dict[str, Any]
    recent: int

    def described(self) -> dict[str, Any]:
        recent = "all" if self.recent == ALL else self.recent
        return {"model": self.name, **self.settings, "items asked with": recent}


MODELS: dict[str, Any] = {
    "ALS": AlternatingLeastSquares,
    "BM25": BM25Recommender,
    "TF-IDF": TFIDFRecommender,
    "cosine": CosineRecommender,
}


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Sums of similarities to a user's last items, as `recommend` makes them."""

    similarity: csr_matrix
    recent: int

    def scores(self, histories: Sequence[Rows]) -> Scores:
        asked = matrix(histories, self.recent, self.similarity.shape[0])
        found: Scores = (asked @ self.similarity).toarray().astype(np.float64)
        return found


@dataclass(frozen=True, slots=True)
class Factors:
    """Users' factors made anew of their last items, as `recalculate_user=True` does."""

    model: Any
    recent: int

    def scores(self, histories: Sequence[Rows]) -> Scores:
        items = self.model.item_factors  # (n, f)
        asked = matrix(histories, self.recent, len(items))
        users = self.model.recalculate_user(np.arange(len(histories)), asked)  # (m, f)
        found: Scores = (users @ items.T).astype(np.float64)
        return found


def train(log: Log, names: Container[str]) -> Trained:
    """The kind among these models that serves the validation window best, fitted on all."""
    learned, later = validation(log)
    popular = learned.counts()
    best, chosen = -1.0, Kind("", {}, ALL)
    for name, settings in candidates():
        if name not in names:
            continue
        model = library_model(name, settings, learned)
        for recent in RECENT:
            now = ndcg(asking(model, recent), later, popular)
            if now > best:
                best, chosen = now, Kind(name, settings, recent)
    model = asking(library_model(chosen.name, chosen.settings, log), chosen.recent)
    return Trained(
        model,
        chosen.described() | {"validation_ndcg@10": round(best, 5)},
        partial(train, names=names),  # choosing takes seconds, so it is done anew every time
    )


def candidates() -> Iterator[tuple[str, dict[str, Any]]]:
    """Models and settings that are tried."""
    for count in NEIGHBOURS:
        yield "cosine", {"K": count}
        yield "TF-IDF", {"K": count}
        for norm in (0.2, 0.75):
            yield "BM25", {"K": count, "K1": 1.2, "B": norm}
    for factors in FACTORS:
        for weight in (1.0, 10.0):
            yield "ALS", {"factors": factors, "alpha": weight, "regularization": 0.05}


def library_model(name: str, settings: dict[str, Any], log: Log) -> Any:
    """The library's own model, on one thread."""
    seeded = {"random_state": 0, "iterations": 15} if name == "ALS" else {}
    model = MODELS[name](**settings, **seeded, num_threads=1)
    with warnings.catch_warnings():
        # it weights the matrix and then complains that its own result is not CSR
        warnings.simplefilter("ignore", ParameterWarning)
        model.fit(matrix(log.sequences(), ALL, log.items), show_progress=False)
    return model


def asking(model: Any, recent: int) -> Neighbours | Factors:
    """What ranks with a fitted model."""
    if hasattr(model, "similarity"):
        return Neighbours(model.similarity, recent)
    return Factors(model, recent)


def matrix(histories: Sequence[Rows], recent: int, items: int) -> csr_matrix:
    """(m, items) float32: 1 for each of a user's last items, of all items where `recent` is ALL."""
    last = [history[-recent:] for history in histories]  # -ALL begins at the start
    columns = np.concatenate(last) if last else np.zeros(0, np.intp)
    ends = np.cumsum([0, *map(len, last)])
    ones = np.ones(len(columns), np.float32)
    return csr_matrix((ones, columns, ends), shape=(len(last), items))
