"""ONNX Runtime sessions on the CPU: one thread each, as many as there are cores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from stream.encoder.manifest import EXPORT, again
from stream.encoder.pooling import POOLINGS, unit_rows
from stream.errors import Misconfigured

POOLED = "sentence_embedding"
HIDDEN = "last_hidden_state"
KNOWN_INPUTS = frozenset({"input_ids", "attention_mask", "token_type_ids"})
INT64 = "tensor(int64)"


class Runs(Protocol):
    """What the encoder needs of a session."""

    def run(self, ids: NDArray[np.int64], mask: NDArray[np.int64]) -> NDArray[np.float32]: ...


@dataclass(frozen=True, slots=True)
class Graph:
    """How a model is called.

    inputs     names, a subset of KNOWN_INPUTS
    output     the output that is read
    pooled     whether it is one row for each text, (b, d), and not one for each token, (b, l, d)
    dimension  d
    pooling    "mean" or "cls", for a graph that does not do it itself
    """

    inputs: frozenset[str]
    output: str
    pooled: bool
    dimension: int
    pooling: str

    def feeds(
        self, ids: NDArray[np.int64], mask: NDArray[np.int64]
    ) -> dict[str, NDArray[np.int64]]:
        """The inputs of a padded batch, by name."""
        feeds = {"input_ids": ids, "attention_mask": mask}
        if "token_type_ids" in self.inputs:
            feeds["token_type_ids"] = np.zeros_like(ids)
        return feeds

    def rows(self, output: NDArray[np.float32], mask: NDArray[np.int64]) -> NDArray[np.float32]:
        """Unit rows (b, d) of what the model gave."""
        return unit_rows(output if self.pooled else POOLINGS[self.pooling](output, mask))


class Session:
    """One model in memory; `run` is for one thread at a time and takes one core."""

    def __init__(self, session: Any, graph: Graph) -> None:
        self._session = session
        self._graph = graph

    def run(self, ids: NDArray[np.int64], mask: NDArray[np.int64]) -> NDArray[np.float32]:
        """Unit rows (b, d) float32 of a padded batch, both arguments (b, l) int64."""
        graph = self._graph
        (output,) = self._session.run([graph.output], graph.feeds(ids, mask))
        return graph.rows(output, mask)


def open_cpu(model: Path, count: int, pooling: str) -> tuple[Graph, list[Session]]:
    """`count` sessions of one model file. Measured: on two cores two sessions of one thread do
    about a quarter more than one session of two threads.

    Raises Misconfigured if the file is no model or not one of this kind.
    """
    sessions = [load(model, cpu_options(), ["CPUExecutionProvider"]) for _ in range(count)]
    graph = graph_of(sessions[0], model, pooling)
    return graph, [Session(session, graph) for session in sessions]


def cpu_options() -> Any:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.enable_mem_pattern = False  # one would be kept for each of hundreds of shapes
    return options


def load(model: Path, options: Any, providers: Sequence[Any]) -> Any:
    """An ONNX Runtime session. Raises Misconfigured if the file is no model."""
    try:
        return ort.InferenceSession(str(model), options, providers=list(providers))
    except Exception as error:  # the binding has no common class for its errors
        raise Misconfigured(f"{model} cannot be loaded ({error}): {again(model.parent)}") from error


def graph_of(session: Any, model: Path, pooling: str) -> Graph:
    """How a loaded model is called. Raises Misconfigured if it is not one of this kind."""
    inputs = {node.name: node.type for node in session.get_inputs()}
    outputs = {node.name: node.shape for node in session.get_outputs()}
    return described(inputs, outputs, model, pooling)


def described(
    inputs: Mapping[str, str], outputs: Mapping[str, Sequence[Any]], model: Path, pooling: str
) -> Graph:
    """The graph of these inputs, by their types as onnxruntime names them, and output shapes.

    Raises Misconfigured if it cannot be called.
    """
    output = POOLED if POOLED in outputs else HIDDEN
    if (
        output not in outputs
        or not {"input_ids", "attention_mask"} <= inputs.keys() <= KNOWN_INPUTS
    ):
        raise Misconfigured(
            f"{model} has inputs {sorted(inputs)} and outputs {sorted(outputs)}; needed are "
            f"inputs among {sorted(KNOWN_INPUTS)} and the output {POOLED} or {HIDDEN}: take the "
            f"model and {EXPORT}"
        )
    for name, kind in sorted(inputs.items()):
        if kind != INT64:
            raise Misconfigured(
                f"{model} takes {name} as {kind}, not as {INT64}: take the model and {EXPORT}"
            )
    dimension = outputs[output][-1]
    if not isinstance(dimension, int):
        raise Misconfigured(
            f"{model} does not say how long its vectors are ({output} is {outputs[output]}): "
            f"take the model and {EXPORT}"
        )
    return Graph(frozenset(inputs), output, output == POOLED, dimension, pooling)
