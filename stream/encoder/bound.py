"""A session whose inputs and outputs stay in the device's memory: CUDA, and the CPU in tests."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from stream.encoder.batches import Shapes
from stream.encoder.manifest import EXPORT
from stream.encoder.sessions import Graph, graph_of, load
from stream.errors import Misconfigured

CUDA_LENGTHS = (16, 32, 64, 128, 256, 512)
PROVIDERS = {"cuda": "CUDAExecutionProvider", "cpu": "CPUExecutionProvider"}
CUDA_OPTIONS = {
    "arena_extend_strategy": "kSameAsRequested",  # doubling would take memory that is never used
    "cudnn_conv_algo_search": "HEURISTIC",  # BERT has no convolutions to search algorithms for
    "use_tf32": "0",  # fp32 is calculated as such, as `Provider.precision` says
}
OUTPUTS: dict[str, type] = {"tensor(float)": np.float32, "tensor(float16)": np.float16}


@dataclass(frozen=True, slots=True)
class _Buffers:
    """What a run of one shape needs, made once.

    staging  host memory that the device copies from, by input name; page-locked where the
             device's provider offers it
    inputs   the same in the device's memory
    output   in the device's memory
    """

    staging: dict[str, NDArray[np.int64]]
    inputs: dict[str, Any]
    output: Any
    binding: Any


class BoundSession:
    """One model on one device, with buffers for each shape that it has seen; they are kept, so
    call it with the `shapes` it was warmed up for. `run` is for one thread at a time."""

    def __init__(self, session: Any, graph: Graph, device: str, output: type) -> None:
        self._session = session
        self._graph = graph
        self._device = device
        self._output = output
        self._page_locked = _page_locked(PROVIDERS[device])
        self._buffers: dict[tuple[int, ...], _Buffers] = {}

    @property
    def providers(self) -> tuple[str, ...]:
        """What really runs it, by onnxruntime's names."""
        return tuple(self._session.get_providers())

    @property
    def host_memory(self) -> str:
        """What the device copies texts from: "pinned", or "pageable", which is slower."""
        return "pageable" if self._page_locked is None else "pinned"

    def run(self, ids: NDArray[np.int64], mask: NDArray[np.int64]) -> NDArray[np.float32]:
        """Unit rows (b, d) float32 of a padded batch, both arguments (b, l) int64."""
        buffers = self._buffers.get(ids.shape)
        if buffers is None:
            buffers = self._buffers[ids.shape] = self._made(ids.shape)
        for name, content in (("input_ids", ids), ("attention_mask", mask)):
            np.copyto(buffers.staging[name], content)
            buffers.inputs[name].update_inplace(buffers.staging[name])
        self._session.run_with_iobinding(buffers.binding)
        output = np.asarray(buffers.output.numpy(), dtype=np.float32)
        return self._graph.rows(output, mask)

    def warm_up(self, shapes: Shapes) -> int:
        """Run every shape once, so that no text waits for memory or for the choice of a kernel;
        the number of shapes."""
        every = shapes.all()  # the largest first: the arena grows once
        for shape in every:
            ones = np.ones(shape, dtype=np.int64)
            self.run(ones, ones)
        return len(every)

    def _made(self, shape: tuple[int, ...]) -> _Buffers:
        graph, names = self._graph, sorted(self._graph.inputs)
        wide = (shape[0], graph.dimension) if graph.pooled else (*shape, graph.dimension)
        buffers = _Buffers(
            staging={name: self._staging(shape) for name in names},
            inputs={name: self._on_device(shape, np.int64) for name in names},
            output=self._on_device(wide, self._output),
            binding=self._session.io_binding(),
        )
        for name, value in buffers.inputs.items():
            value.update_inplace(buffers.staging[name])  # token types stay zero
            buffers.binding.bind_ortvalue_input(name, value)
        buffers.binding.bind_ortvalue_output(graph.output, buffers.output)
        return buffers

    def _on_device(self, shape: tuple[int, ...], dtype: type) -> Any:
        return ort.OrtValue.ortvalue_from_shape_and_type(shape, dtype, self._device, 0)

    def _staging(self, shape: tuple[int, ...]) -> NDArray[np.int64]:
        if self._page_locked is None:
            return np.zeros(shape, np.int64)
        value = ort.OrtValue.ortvalue_from_shape_and_type(
            shape, np.int64, memory_info=self._page_locked
        )
        staging: NDArray[np.int64] = value.numpy()  # a view, writable
        staging[:] = 0
        return staging


def shapes_for(batch_tokens: int, max_tokens: int) -> Shapes:
    """Lengths and counts, few enough to be warmed up, and at most twice what a batch needs."""
    lengths = (*(n for n in CUDA_LENGTHS if n < max_tokens), max_tokens)
    most = max(1, batch_tokens // lengths[0])
    counts = (*(1 << n for n in range((most - 1).bit_length())), most)
    return Shapes(lengths, counts, batch_tokens)


def open_bound(model: Path, device: str, pooling: str) -> tuple[Graph, BoundSession]:
    """A session on "cuda" or "cpu"; the caller looks whether the provider is really there.

    Raises Misconfigured if the file is no model or not one of this kind.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1  # the device calculates: others would spin beside it
    options.enable_mem_pattern = False
    given = CUDA_OPTIONS if device == "cuda" else {}
    session = load(model, options, [(PROVIDERS[device], given)])
    graph = graph_of(session, model, pooling)
    return graph, BoundSession(session, graph, device, _output_type(session, graph, model))


def _output_type(session: Any, graph: Graph, model: Path) -> type:
    (kind,) = (node.type for node in session.get_outputs() if node.name == graph.output)
    if kind not in OUTPUTS:
        raise Misconfigured(
            f"{model} gives {graph.output} as {kind}, not as one of {', '.join(OUTPUTS)}: take "
            f"the model and {EXPORT}"
        )
    return OUTPUTS[kind]


def _page_locked(provider: str) -> Any:
    """Host memory that the provider's device copies from without a detour; None: it has none."""
    kind = ort.OrtDeviceMemoryType.HOST_ACCESSIBLE
    found = (each.memory_info(kind) for each in ort.get_ep_devices() if each.ep_name == provider)
    return next(found, None)
