"""SASRec (Kang and McAuley, ICDM 2018): self-attention over a user's last items.

Cross entropy over all items in place of one sampled negative: that is its stronger form (Klenitskiy
and Vasilev, RecSys 2023; Petrov and Macdonald, RecSys 2023).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional


@dataclass(frozen=True, slots=True)
class Shape:
    """Of the network and its training.

    window  how many items it reads
    masked  share of them that it does not see while it learns what comes next: it then goes on to
            gain where it would begin to know its few thousand windows by heart
    """

    layers: int = 2
    dims: int = 64
    heads: int = 2
    window: int = 50
    masked: float = 0.0
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

    def forward(self, asking: Any, states: Any, allowed: Any) -> Any:
        """(b, q, d) what becomes of the places that ask.

        asking   (b, q, d) all of the states or the last ones
        states   (b, w, d)
        allowed  (b, 1, q, w) which of those that ask may look at which
        """
        own = self.before_attention(asking)
        query = self._split(self.queries(own))
        key, value = map(self._split, self.pairs(states).chunk(2, dim=-1))
        found = functional.scaled_dot_product_attention(
            query, key, value, attn_mask=allowed, dropout_p=self.dropout if self.training else 0.0
        )
        asking = own + found.transpose(1, 2).reshape(asking.shape)
        own = self.before_layers(asking)
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
        square = torch.ones(shape.window, shape.window, dtype=torch.bool)
        self.register_buffer("earlier", square.tril(), persistent=False)
        # each place may look at itself, an empty one as well: the softmax of nothing is no number
        self.register_buffer("own", torch.eye(shape.window, dtype=torch.bool), persistent=False)

    def forward(self, windows: Any) -> Any:
        """(b, w) rows, `items` where there is none, to (b, w, d)."""
        states, allowed = self._read(windows)
        for block in self.blocks:
            states = block(states, states, allowed)
        return self.last(states)

    def newest(self, windows: Any) -> Any:
        """(b, d) the last place of `forward`, without the work for the others in the last block."""
        states, allowed = self._read(windows)
        for block in self.blocks[:-1]:
            states = block(states, states, allowed)
        asking = self.blocks[-1](states[:, -1:], states, allowed[:, :, -1:])
        return self.last(asking)[:, 0]

    def scored(self, states: Any) -> Any:
        """(…, d) to (…, n)."""
        return states @ self.items.weight[:-1].T

    def _read(self, windows: Any) -> tuple[Any, Any]:
        """(b, w, d) items at their places, and (b, 1, w, w) which place may look at which."""
        nothing = windows == self.items.padding_idx
        allowed = (self.earlier & ~nothing[:, None, :]) | self.own  # (b, w, w)
        states = self.items(windows) * self.scale + self.positions.weight
        return self.dropout(states), allowed[:, None]
