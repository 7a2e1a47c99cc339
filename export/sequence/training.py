"""Training a network, an epoch at a time, and for as many as serve a validation window best."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from export.sequence.log import Log, Rows, validation
from export.sequence.network import Network, Shape
from export.sequence.ranking import Scores, ndcg


@dataclass(slots=True)
class SasRec:
    """The network as a model that ranks, and its training."""

    items: int
    shape: Shape
    network: Network = field(init=False)
    _optimizer: Any = field(init=False)
    _rng: np.random.Generator = field(init=False)

    def __post_init__(self) -> None:
        torch.manual_seed(self.shape.seed)
        self.network = Network(self.items, self.shape)
        rate = self.shape.learning_rate
        self._optimizer = torch.optim.Adam(self.network.parameters(), lr=rate, betas=(0.9, 0.98))
        self._rng = np.random.default_rng(self.shape.seed)

    def scores(self, histories: Sequence[Rows]) -> Scores:
        """(m, n): see `export.sequence.ranking.Model`."""
        self.network.eval()
        windows = padded([own[-self.shape.window :] for own in histories], self.shape, self.items)
        with torch.inference_mode():
            states = self.network.newest(torch.from_numpy(windows))  # (b, d)
            found: Scores = self.network.scored(states).double().numpy()
        return found

    def epoch(self, sequences: Sequence[Rows]) -> float:
        """Learn every sequence once, cut into windows anew; the mean loss."""
        self.network.train()
        losses = []
        for inputs, targets in self._batches(sequences):
            known = targets != self.items
            scored = self.network.scored(self.network(inputs)[known])
            loss = functional.cross_entropy(scored, targets[known])
            self._optimizer.zero_grad()
            loss.backward()
            self._optimizer.step()
            losses.append(loss.item())
        return float(np.mean(losses))

    def _batches(self, sequences: Sequence[Rows]) -> Iterator[tuple[Any, Any]]:
        cut = [part for own in sequences for part in pieces(own, self.shape.window, self._rng)]
        cut = [cut[place] for place in self._rng.permutation(len(cut))]
        for start in range(0, len(cut), self.shape.batch):
            batch = cut[start : start + self.shape.batch]
            inputs = padded([part[:-1] for part in batch], self.shape, self.items)
            targets = padded([part[1:] for part in batch], self.shape, self.items)
            if self.shape.masked:
                inputs[self._rng.random(inputs.shape) < self.shape.masked] = self.items
            yield torch.from_numpy(inputs), torch.from_numpy(targets)


def pieces(sequence: Rows, window: int, rng: np.random.Generator) -> list[Rows]:
    """A sequence in parts of at most window + 1 items, where each begins with the last one's end.

    The first cut is drawn, so that in time every item is predicted from a short and a long past.
    """
    first = int(rng.integers(1, window + 1)) if len(sequence) > window + 1 else window
    starts = [0, *range(first, len(sequence) - 1, window)]
    ends = [*starts[1:], len(sequence) - 1]
    return [
        sequence[start : end + 1] for start, end in zip(starts, ends, strict=True) if end > start
    ]


def padded(parts: Sequence[Rows], shape: Shape, nothing: int) -> NDArray[np.int64]:
    """(b, window), each part at the end of its line."""
    found = np.full((len(parts), shape.window), nothing, np.int64)
    for line, part in zip(found, parts, strict=True):
        if len(part):
            line[-len(part) :] = part
    return found


@dataclass(frozen=True, slots=True)
class Stopped:
    """The number of epochs that served the validation window best.

    model  as it was then, trained without the window
    ndcg   on the window
    """

    epochs: int
    ndcg: float


def fitted(
    log: Log, shape: Shape, epochs: int, advance: Callable[[], None] = lambda: None
) -> SasRec:
    """Trained from the start for so many epochs."""
    model, sequences = SasRec(log.items, shape), log.sequences()
    for _ in range(epochs):
        model.epoch(sequences)
        advance()
    return model


def stopped(log: Log, shape: Shape, advance: Callable[[], None] = lambda: None) -> Stopped:
    """After `patience` epochs without a gain the best one before them is taken."""
    learned, later = validation(log)
    model, sequences, popular = SasRec(log.items, shape), learned.sequences(), learned.counts()
    best, worse = Stopped(1, -1.0), 0
    for epoch in range(1, shape.epochs_max + 1):
        model.epoch(sequences)
        advance()
        now = ndcg(model, later, popular)
        worse = 0 if now > best.ndcg else worse + 1
        if now > best.ndcg:
            best = Stopped(epoch, now)
        if worse >= shape.patience:
            break
    return best
