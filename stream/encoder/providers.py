"""Which hardware runs the model, and what to do where it cannot be had."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import onnxruntime as ort
import structlog

from stream.encoder import cores
from stream.encoder.batches import ANY_SHAPE, Shapes
from stream.encoder.bound import PROVIDERS, BoundSession, open_bound, shapes_for
from stream.encoder.manifest import MODEL, Manifest, again
from stream.encoder.openvino import open_openvino
from stream.encoder.sessions import Graph, Runs, open_cpu
from stream.errors import Misconfigured

log = structlog.get_logger(__name__)

Name = Literal["cpu", "cuda", "openvino"]

CUDA_BATCH_TOKENS = 16_384  # a GPU is idle on a batch that fills a core
CUDA = PROVIDERS["cuda"]
REFUSE = "or set INTERESTREAM_ENCODER_PROVIDER=cpu, or INTERESTREAM_ENCODER_FALLBACK=true"


@dataclass(frozen=True, slots=True)
class Provider:
    """What really runs the model.

    name       "cpu", "cuda" or "openvino"
    sessions   how many batches run at once
    precision  that it calculates in: of the weights, or "bf16"
    cores      each session's, where they are bound
    """

    name: Name
    sessions: int
    precision: str
    cores: tuple[int, ...] = ()

    def __str__(self) -> str:
        bound = f" on cores {', '.join(map(str, self.cores))}" if self.cores else ""
        return f"{self.name} ×{self.sessions} {self.precision}{bound}"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the settings ask for.

    provider      the hardware
    fallback      whether the CPU will do where the provider cannot be had
    sessions      on the CPU, of one thread each; 0: one a core, as `cores.count` counts them
    cores         that the CPU's sessions are bound to, as `cores.parse` takes them
    batch_tokens  padded tokens of a batch on the CPU; a GPU gets at least CUDA_BATCH_TOKENS:
                  a smaller number that was set cannot be told from the default
    max_tokens    of a text
    """

    provider: Name = "cpu"
    fallback: bool = False
    sessions: int = 0
    cores: str = ""
    batch_tokens: int = 256
    max_tokens: int = 256


@dataclass(frozen=True, slots=True)
class Opened:
    """Sessions, and what they want of batches."""

    provider: Provider
    graph: Graph
    sessions: Sequence[Runs]
    batch_tokens: int
    shapes: Shapes = ANY_SHAPE


def open_sessions(model_dir: Path, manifest: Manifest, wanted: Wanted) -> Opened:
    """Sessions on the provider that is asked for, or on the CPU where that is allowed; blocks for
    a second, on a GPU for some.

    Raises Misconfigured if the model cannot be run, or not there, or the cores do not fit.
    """
    bound = cores.parse(wanted.cores)
    count = _count(wanted, bound)
    if wanted.provider != "cpu":
        try:
            return _OPENERS[wanted.provider](model_dir, manifest, wanted, count)
        except _NotThere as reason:
            if not wanted.fallback:
                raise Misconfigured(f"{reason}, {REFUSE}") from reason
            log.warning("encoder runs on the CPU instead", why=str(reason))
    graph, sessions = open_cpu(model_dir / MODEL, count, manifest.pooling)
    provider = Provider("cpu", count, manifest.dtype, bound)
    return Opened(provider, graph, sessions, wanted.batch_tokens)


def _count(wanted: Wanted, bound: tuple[int, ...]) -> int:
    if bound and wanted.provider != "cpu" and not wanted.fallback:
        raise Misconfigured(
            f"{cores.SETTING} is {wanted.cores!r}, which the provider {wanted.provider} has no "
            "use for: unset it, or set INTERESTREAM_ENCODER_PROVIDER=cpu"
        )
    if bound and wanted.sessions not in (0, len(bound)):
        raise Misconfigured(
            f"INTERESTREAM_ENCODER_SESSIONS is {wanted.sessions}, {cores.SETTING} names "
            f"{len(bound)} cores ({wanted.cores}): a session has one core, so unset one of them"
        )
    return wanted.sessions or len(bound) or cores.count()


class _NotThere(Exception):
    """Why a provider cannot be had, and how to get it."""


def _open_cuda(model_dir: Path, manifest: Manifest, wanted: Wanted, _count: int) -> Opened:
    install = "pip install 'interestream[gpu]' in place of 'interestream[cpu]'"
    ort.preload_dlls()  # CUDA's libraries come in packages that no search path names
    if CUDA not in ort.get_available_providers():
        raise _NotThere(f"this onnxruntime knows no CUDA: {install}")
    graph, session = open_bound(model_dir / MODEL, "cuda", manifest.pooling)
    if CUDA not in session.providers:  # onnxruntime only logs it, and takes the CPU
        raise _NotThere(
            "CUDA cannot be started (onnxruntime has logged why): install an NVIDIA driver that "
            f"fits and the libraries ({install})"
        )
    if not graph.pooled:
        raise Misconfigured(
            f"{model_dir / MODEL} gives a vector for each token, which would all be copied from "
            "the GPU: export it with `interestream-export --model … --out … --dtype fp16`"
        )
    if manifest.dtype == "int8":
        log.warning("a GPU is slower on an int8 model than on fp16: use fp16 with it")
    batch_tokens = max(wanted.batch_tokens, CUDA_BATCH_TOKENS)
    shapes = shapes_for(batch_tokens, wanted.max_tokens)
    _warm_up(session, shapes, model_dir)
    return Opened(Provider("cuda", 1, manifest.dtype), graph, [session], batch_tokens, shapes)


def _warm_up(session: BoundSession, shapes: Shapes, model_dir: Path) -> None:
    try:
        warmed = session.warm_up(shapes)
    except Exception as error:  # the binding has no common class for its errors
        raise _NotThere(
            f"{model_dir / MODEL} cannot be run on the GPU with {shapes.batch_tokens} padded "
            f"tokens ({error}): where its memory is too small lower INTERESTREAM_BATCH_TOKENS (to "
            f"{CUDA_BATCH_TOKENS} at least) or INTERESTREAM_MAX_TOKENS, else {again(model_dir)}"
        ) from error
    log.info("GPU is warmed up", shapes=warmed, host_memory=session.host_memory)


def _open_openvino(model_dir: Path, manifest: Manifest, wanted: Wanted, count: int) -> Opened:
    if find_spec("openvino") is None:
        raise _NotThere("OpenVINO is not installed: pip install 'interestream[openvino]'")
    if manifest.dtype == "int8":
        log.warning("OpenVINO is slower than the CPU provider on an int8 model: use fp32 with it")
    graph, sessions, precision = open_openvino(model_dir / MODEL, count, manifest.pooling)
    exact = manifest.dtype if manifest.dtype == "int8" or precision == "f32" else precision
    return Opened(Provider("openvino", count, exact), graph, sessions, wanted.batch_tokens)


_OPENERS: dict[str, Callable[[Path, Manifest, Wanted, int], Opened]] = {
    "cuda": _open_cuda,
    "openvino": _open_openvino,
}
