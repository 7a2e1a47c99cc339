"""The fit of a segment model in a child process of low priority, which dies with this one.

As a program, `python -m stream.agents.fit`, it is that child: a job comes in on standard input, the
model and its record go out on standard output.
"""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from stream import launch
from stream.core.segment_history import PERIODIC, Fitted, Record
from stream.core.segments import SegmentModel

NICE = 10
#: Set before numpy is imported there: a fit must not take the cores that serve events.
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
TAIL = 500  # characters of the child's last words
SIZE_BYTES = 8  # that tell how long what follows is: the job without its tastes, and these
#: Tastes are sent in parts: as one message, 150 MB of 100,000 users held up the event loop for
#: some seconds, and were copied twice.
PART_BYTES = 1 << 18


class FitFailed(Exception):
    """The child ended without a model; the message has its last words."""


@dataclass(frozen=True, slots=True)
class Job:
    """What `stream.core.segment_fit.refit` takes. `tastes` is (n, d) unit float32, n >= 1.

    at, reason, asked  for the record: wall clock, why, and for which request
    """

    tastes: NDArray[np.float32]
    count: int
    version: int
    before: SegmentModel | None
    count_max: int | None = None
    margin: float = 0.0
    held: SegmentModel | None = None
    at: float = 0.0
    reason: str = PERIODIC
    asked: str = ""

    @property
    def start(self) -> Record:
        """The record as far as it is known before the fit."""
        return Record(self.version, self.at, self.reason, self.asked)


async def fit_apart(job: Job) -> Fitted:
    """The model of the job and its record; cancelling it ends the child.

    Raises FitFailed, e.g. when the child was killed for its memory.
    """
    child = await _start()
    try:
        await _tell(child, job)
        fitted, words = await child.communicate()
    except (OSError, RuntimeError) as error:  # uvloop's, where the child ended before it was told
        raise FitFailed(f"the fit ended before it took the job: {error}") from error
    finally:
        await _end(child)
    if child.returncode:
        last = words.decode(errors="replace")[-TAIL:]
        raise FitFailed(f"the fit ended with exit code {child.returncode}: {last}")
    try:
        return _fitted.decode(fitted)
    except msgspec.DecodeError as error:
        raise FitFailed(f"the fit ended without a model: {error}") from error


async def _start() -> Process:
    try:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", launch.__file__, str(os.getpid())),
            *("nice", "-n", str(NICE), sys.executable, "-m", __name__),  # its imports count too
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env={**os.environ, **ONE_THREAD},
        )
    except OSError as error:
        raise FitFailed(f"the fit could not start: {error}") from error


async def _tell(child: Process, job: Job) -> None:
    """The job without its tastes, then these; a child that has ended says why by its exit code."""
    assert child.stdin is not None
    head = _encode(replace(job, tastes=job.tastes[:0]))
    tastes = np.ascontiguousarray(job.tastes, np.float32).reshape(-1).view(np.uint8).data
    with suppress(BrokenPipeError, ConnectionResetError, RuntimeError):  # the last is uvloop's
        for size in (len(head), len(tastes)):
            child.stdin.write(size.to_bytes(SIZE_BYTES))
        child.stdin.write(head)
        for start in range(0, len(tastes), PART_BYTES):
            child.stdin.write(tastes[start : start + PART_BYTES])
            await child.stdin.drain()
        child.stdin.close()


async def _end(child: Process) -> None:
    if child.returncode is None:
        child.kill()
        await child.wait()


def _array_out(array: object) -> object:
    if not isinstance(array, np.ndarray):
        raise TypeError(f"a {type(array).__name__} does not travel")
    return array.shape, array.astype(np.float32, copy=False).tobytes()


def _array_in(_: type, packed: Any) -> Any:
    shape, values = packed
    return np.frombuffer(values, np.float32).reshape(shape)


_encode = msgspec.msgpack.Encoder(enc_hook=_array_out).encode
_job = msgspec.msgpack.Decoder(Job, dec_hook=_array_in)
_fitted = msgspec.msgpack.Decoder(Fitted, dec_hook=_array_in)


def main() -> None:
    from stream.core.segment_fit import refit  # the child alone pays for importing scikit-learn

    job = _told()
    fitted = refit(
        job.tastes,
        count=job.count,
        start=job.start,
        before=job.before,
        count_max=job.count_max,
        margin=job.margin,
        held=job.held,
    )
    sys.stdout.buffer.write(_encode(fitted))


def _told() -> Job:
    """Raises EOFError where it was cut short."""
    here = sys.stdin.buffer
    head, tastes = (int.from_bytes(here.read(SIZE_BYTES)) for _ in range(2))
    job = _job.decode(here.read(head))
    values = here.read()
    if len(values) != tastes:
        raise EOFError(f"{len(values)} of {tastes} bytes of tastes have come")
    rows = np.frombuffer(values, np.float32).reshape(-1, job.tastes.shape[1])
    return replace(job, tastes=rows)


if __name__ == "__main__":
    main()
