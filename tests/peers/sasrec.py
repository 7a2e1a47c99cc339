"""SASRec as the exporter trains it, in the form of its paper: two layers over 50 items."""

from __future__ import annotations

from dataclasses import asdict, replace
from functools import partial
from typing import Any

from export.sequence.log import Log
from export.sequence.network import Shape
from export.sequence.training import fitted, stopped
from tests.peers.training import Trained

SEEDS = 3


def train(log: Log, shape: Shape, seeds: int = SEEDS) -> Trained:
    """The seed and the number of epochs that serve the validation window best, then all anew.

    What is drawn moves the figures as much as a layer does: one seed alone may be a bad one.
    """
    drawn = [replace(shape, seed=seed) for seed in range(seeds)]
    best, shape = max(((stopped(log, one), one) for one in drawn), key=lambda pair: pair[0].ndcg)
    return _trained(log, shape, best.epochs, {"validation_ndcg@10": round(best.ndcg, 5)})


def _trained(log: Log, shape: Shape, epochs: int, found: dict[str, Any]) -> Trained:
    """From the start for so many epochs; and again for as many, whatever is added."""
    again = partial(_trained, shape=shape, epochs=epochs, found={})
    chosen = {**asdict(shape), "epochs": epochs, **found}
    return Trained(fitted(log, shape, epochs), chosen, again)
