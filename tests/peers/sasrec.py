"""SASRec as the exporter trains it, in the form of its paper: two layers over 50 items."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import Any

from export.sequence.log import Log
from export.sequence.network import Shape
from export.sequence.training import fitted, stopped
from tests.peers.training import Trained


def train(log: Log, shape: Shape) -> Trained:
    """As many epochs as serve the validation window best, then all of it anew for as many."""
    best = stopped(log, shape)
    return _trained(log, shape, best.epochs, {"validation_ndcg@10": round(best.ndcg, 5)})


def _trained(log: Log, shape: Shape, epochs: int, found: dict[str, Any]) -> Trained:
    """From the start for so many epochs; and again for as many, whatever is added."""
    again = partial(_trained, shape=shape, epochs=epochs, found={})
    chosen = {**asdict(shape), "epochs": epochs, **found}
    return Trained(fitted(log, shape, epochs), chosen, again)
