"""SASRec (Kang and McAuley, ICDM 2018): self-attention over a user's last items.

Cross entropy over all items in place of one sampled negative: that is its stronger form (Klenitskiy
and Vasilev, RecSys 2023; Petrov and Macdonald, RecSys 2023).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from tests.peers.log import Log, Rows
from tests.peers.ranking import Scores, ndcg
from tests.peers.training import Trained, validation


@dataclass(frozen=True, slots=True)
class Shape:
    """Of the network and its training; `window`: how many items it reads."""

    layers: int = 2
    dims: int = 64
    heads: int = 2
    window: int = 50
    dropout: float = 0.2
    learning_rate: float = 1e-3
    batch: int = 16  # windows; 64 takes twice the epochs to the same NDCG
    epochs_max: int = 100
    patience: int = 4  # epochs without a gain on the validation window
    seed: int = 0


class Block(torch.nn.Module):  # type: ignore[misc]  # torch is not there where types are checked
    """Attention to what came before, then the same two layers at every place."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        dims = shape.dims
        self.heads = shape.heads
        self.dropout = shape.dropout
        self.before_attention = torch.nn.LayerNorm(dims)
        self.before_layers = torch.nn.LayerNorm(dims)
        self.queries = torch.nn.Linear(dims, dims)
        self.pairs = torch.nn.Linear(dims, 2 * dims)
        self.layers = torch.nn.Sequential(
            *(torch.nn.Linear(dims, dims), torch.nn.ReLU(), torch.nn.Dropout(shape.dropout)),
            *(torch.nn.Linear(dims, dims), torch.nn.Dropout(shape.dropout)),
        )

    def forward(self, states: Any, allowed: Any) -> Any:
        """(b, w, d) to the same shape; allowed (b, 1, w, w): which place may look at which."""
        own = self.before_attention(states)
        query = self._split(self.queries(own))
        key, value = map(self._split, self.pairs(states).chunk(2, dim=-1))
        found = functional.scaled_dot_product_attention(
            query, key, value, attn_mask=allowed, dropout_p=self.dropout if self.training else 0.0
        )
        states = own + found.transpose(1, 2).reshape(states.shape)
        own = self.before_layers(states)
        return own + self.layers(own)

    def _split(self, states: Any) -> Any:
        batch, width, dims = states.shape
        return states.view(batch, width, self.heads, dims // self.heads).transpose(1, 2)


class Network(torch.nn.Module):  # type: ignore[misc]  # as above
    """Items of a window to the state after each; items share their vectors with the output."""

    def __init__(self, items: int, shape: Shape) -> None:
        super().__init__()
        self.items = torch.nn.Embedding(items + 1, shape.dims, padding_idx=items)
        self.positions = torch.nn.Embedding(shape.window, shape.dims)
        self.dropout = torch.nn.Dropout(shape.dropout)
        self.blocks = torch.nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.last = torch.nn.LayerNorm(shape.dims)
        for table in (self.items, self.positions):
            torch.nn.init.normal_(table.weight, std=0.02)
        self.scale = shape.dims**0.5

    def forward(self, windows: Any) -> Any:
        """(b, w) rows, `items` where a window is not full, to (b, w, d)."""
        nothing = windows == self.items.padding_idx
        width = windows.shape[1]
        causal = torch.ones(width, width, dtype=torch.bool).tril()
        # each place may look at itself, an empty one as well: the softmax of nothing is no number
        own = torch.eye(width, dtype=torch.bool)
        allowed = (causal & ~nothing[:, None, :]) | own  # (b, w, w)
        states = self.items(windows) * self.scale + self.positions.weight[-width:]
        states = self.dropout(states)
        for block in self.blocks:
            states = block(states, allowed[:, None])
        return self.last(states)

    def scored(self, states: Any) -> Any:
        """(…, d) to (…, n)."""
        return states @ self.items.weight[:-1].T


@dataclass(slots=True)
class SasRec:
    """The network as a model that ranks, and its training, an epoch at a time."""

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
        self.network.eval()
        windows = padded([own[-self.shape.window :] for own in histories], self.shape, self.items)
        with torch.inference_mode():
            states = self.network(torch.from_numpy(windows))[:, -1]  # (b, d)
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


def train(log: Log, shape: Shape) -> Trained:
    """As many epochs as serve the validation window best, then all of it anew for as many."""
    epochs, best = stopped(log, shape)
    found = fitted(log, shape, epochs)
    return replace(found, chosen={**found.chosen, "validation_ndcg@10": round(best, 5)})


def fitted(log: Log, shape: Shape, epochs: int) -> Trained:
    """Trained from the start for so many epochs; and again for as many, whatever is added."""
    model, sequences = SasRec(log.items, shape), log.sequences()
    for _ in range(epochs):
        model.epoch(sequences)
    again = partial(fitted, shape=shape, epochs=epochs)
    return Trained(model, {**asdict(shape), "epochs": epochs}, again)


def stopped(log: Log, shape: Shape) -> tuple[int, float]:
    """The best number of epochs, and its NDCG on the validation window."""
    learned, later = validation(log)
    model, sequences, popular = SasRec(log.items, shape), learned.sequences(), learned.counts()
    epochs, best, worse = 1, -1.0, 0
    for epoch in range(1, shape.epochs_max + 1):
        model.epoch(sequences)
        now = ndcg(model, later, popular)
        worse = 0 if now > best else worse + 1
        if now > best:
            epochs, best = epoch, now
        if worse >= shape.patience:
            break
    return epochs, best
