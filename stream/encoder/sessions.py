"""ONNX Runtime sessions on the CPU: one thread each, as many as there are cores."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from stream.encoder.pooling import mean_pool, unit_rows
from stream.errors import Misconfigured

POOLED = "sentence_embedding"
HIDDEN = "last_hidden_state"
KNOWN_INPUTS = frozenset({"input_ids", "attention_mask", "token_type_ids"})


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
    """

    inputs: frozenset[str]
    output: str
    pooled: bool
    dimension: int


class Session:
    """One model in memory; `run` is for one thread at a time and takes one core."""

    def __init__(self, session: Any, graph: Graph) -> None:
        self._session = session
        self._graph = graph

    @property
    def dimension(self) -> int:
        """Length of a row."""
        return self._graph.dimension

    def run(self, ids: NDArray[np.int64], mask: NDArray[np.int64]) -> NDArray[np.float32]:
        """Unit rows (b, d) float32 of a padded batch, both arguments (b, l) int64."""
        feeds = {"input_ids": ids, "attention_mask": mask}
        if "token_type_ids" in self._graph.inputs:
            feeds["token_type_ids"] = np.zeros_like(ids)
        (output,) = self._session.run([self._graph.output], feeds)
        return unit_rows(output if self._graph.pooled else mean_pool(output, mask))


def open_sessions(model: Path, count: int) -> list[Session]:
    """`count` sessions of one model file. Measured: on two cores two sessions of one thread do
    about a quarter more than one session of two threads.

    Raises Misconfigured if the file is no model or not one of this kind.
    """
    sessions = [_load(model) for _ in range(count)]
    graph = _graph(sessions[0], model)
    return [Session(session, graph) for session in sessions]


def describe(model: Path) -> Graph:
    """How a model file is called; loads it once. Raises Misconfigured."""
    return _graph(_load(model), model)


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0))


def _load(model: Path) -> Any:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.enable_mem_pattern = False  # one would be kept for each of hundreds of shapes
    try:
        return ort.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the binding has no common class for its errors
        raise Misconfigured(
            f"{model} cannot be loaded ({error}): fetch or export the model again"
        ) from error


def _graph(session: Any, model: Path) -> Graph:
    inputs = frozenset(node.name for node in session.get_inputs())
    outputs = {node.name: node.shape for node in session.get_outputs()}
    output = POOLED if POOLED in outputs else HIDDEN
    if output not in outputs or not {"input_ids", "attention_mask"} <= inputs <= KNOWN_INPUTS:
        raise Misconfigured(
            f"{model} has inputs {sorted(inputs)} and outputs {sorted(outputs)}; needed are "
            f"inputs among {sorted(KNOWN_INPUTS)} and the output {POOLED} or {HIDDEN}: export "
            "the model with interestream-export"
        )
    dimension = outputs[output][-1]
    if not isinstance(dimension, int):
        raise Misconfigured(
            f"{model} does not say how long its vectors are ({output} is {outputs[output]}): "
            "export the model with interestream-export"
        )
    return Graph(inputs, output, output == POOLED, dimension)
