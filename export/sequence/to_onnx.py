"""From a trained network to the graph that the worker runs, and how near that comes to torch."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray

from export.sequence.network import Network
from export.to_onnx import quiet
from stream.sequence.manifest import INPUT, OUTPUT

OPSET = 17


class Reader(torch.nn.Module):  # type: ignore[misc]  # torch is not there where types are checked
    """Numbers from 1 on, 0 for none, to what their vectors are multiplied with.

    The last element of a state is minus the logarithm of the sum of e to all products, and that of
    each vector is 1: so a product is the logarithm of the item's share among all that were learned.
    """

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, items: Any) -> Any:
        """(b, w) int64 to (b, d + 1)."""
        nothing = self.network.items.padding_idx
        windows = torch.where(items == 0, nothing, items - 1)
        states = self.network.newest(windows)
        total = torch.logsumexp(self.network.scored(states), dim=-1, keepdim=True)
        return torch.cat([states, -total], dim=-1)


@dataclass(frozen=True, slots=True)
class Traced:
    """network  of ONNX, serialised; vectors (n, d + 1) float32 of the items, in their order"""

    network: bytes
    vectors: NDArray[np.float32]


def traced(network: Network, window: int) -> Traced:
    """The graph, the batch dynamic."""
    network.eval()
    weights = network.items.weight[:-1].detach()
    vectors = torch.cat([weights, torch.ones(len(weights), 1)], dim=-1).numpy()
    items = torch.zeros(2, window, dtype=torch.int64)
    items[1, -1] = 1
    with tempfile.TemporaryDirectory() as folder, quiet(), torch.no_grad():
        path = Path(folder) / "traced.onnx"
        torch.onnx.export(
            Reader(network),
            (items,),
            str(path),
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_axes={INPUT: {0: "batch"}, OUTPUT: {0: "batch"}},
            opset_version=OPSET,
            dynamo=False,
        )
        model = onnx.load(path)
    model.graph.output[0].type.tensor_type.shape.dim[1].dim_value = vectors.shape[1]
    return Traced(model.SerializeToString(), np.ascontiguousarray(vectors, np.float32))


def shares(network: Network, windows: NDArray[np.int64]) -> NDArray[np.float32]:
    """(b, n) by torch: logarithms of the items' shares; windows as the network has them."""
    network.eval()
    with torch.inference_mode():
        states = network(torch.from_numpy(windows))[:, -1]
        found: NDArray[np.float32] = torch.log_softmax(network.scored(states), dim=-1).numpy()
    return found
