"""What goes wrong inside a worker, when the suite says so: the other end of `hooks.Hooks`.

Installed by `hooks/sitecustomize.py` before the service is imported; nothing of the service knows.
Orders are files of a folder: `clock` is a double, seconds to add to the wall clock; `crash` names
a step of the commit; `encoder` and `qdrant` say what these answer instead of working.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import inspect
import mmap
import os
import random
import signal
import struct
import sys
import time
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from types import ModuleType
from typing import Any

FOLDER = "FAULTS_HOOKS"  # variable: the folder of orders
GROUP = "FAULTS_GROUP"  # variable: the consumer group, instead of the namespace
SECONDS = struct.Struct("d")
POLL_S = 0.05

#: The numbered steps of the commit, and where each ends.
STEPS = {
    "decode": "_decode",
    "encode": "_encode",
    "load": "_load",
    "fold": "_fold",
    "rank": "_rank",
    "save": "_save",
    "publish": "_publish",
    "acknowledge": "finish",
}
WRITES = ("Upsert", "Delete")
CALLS = (*WRITES, "Get", "Scroll", "Query", "QueryBatch", "Count")
FULL = "FULL"  # order to the store: writes are refused as on a full disk
NO_SPACE = "Can't write WAL: Os { code: 28, kind: StorageFull }"  # as a server of 1.18 says it
BREAKS = {"raise": RuntimeError("a session that broke"), "memory": MemoryError()}

Call = Callable[..., Any]


def install() -> None:
    """Prepare the process; without the variable nothing happens."""
    folder = os.environ.get(FOLDER)
    if folder is None:
        return
    time.time = _shifted(Path(folder) / "clock")
    changes = {
        "stream.commit": lambda module: crashing(module.Commit, Path(folder) / "crash"),
        "stream.encoder.sessions": lambda module: breaking(
            module.Session, Path(folder) / "encoder"
        ),
        "qdrant_client.grpc.points_service_pb2_grpc": lambda module: refusing(
            module.PointsStub, Path(folder) / "qdrant"
        ),
        "stream.kafka.chunks": lambda module: grouped(module.ChunkApp, os.environ.get(GROUP)),
    }
    sys.meta_path.insert(0, Changing(changes))


class Changing(importlib.abc.MetaPathFinder):
    """Finds nothing itself; changes modules right after they were executed."""

    def __init__(self, changes: dict[str, Callable[[ModuleType], None]]) -> None:
        self._changes = dict(changes)

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> importlib.machinery.ModuleSpec | None:
        change = self._changes.pop(fullname, None)
        if change is None:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        assert spec is not None, f"{fullname} is gone: a hook hangs on it"
        assert spec.loader is not None
        execute = spec.loader.exec_module

        def changed(module: ModuleType) -> None:
            execute(module)
            change(module)

        spec.loader.exec_module = changed  # type: ignore[method-assign]
        return spec


def order(file: Path) -> str:
    """What the file orders; "" where it does not exist."""
    try:
        return file.read_text()
    except FileNotFoundError:
        return ""


def _shifted(file: Path) -> Callable[[], float]:
    real = time.time
    with file.open("rb") as opened:
        shift = mmap.mmap(opened.fileno(), SECONDS.size, prot=mmap.PROT_READ)
    return lambda: real() + float(SECONDS.unpack_from(shift)[0])


def crashing(commit: type, file: Path) -> None:
    """The process dies at the end of the step that is ordered, at its nth end since then; an
    order is for one process."""
    for step, name in STEPS.items():
        setattr(commit, name, _dying(getattr(commit, name), step, file))


def _dying(method: Call, step: str, file: Path) -> Call:
    halt = Halt(step, file, signal.SIGKILL)

    @wraps(method)
    async def slow(*given: Any, **named: Any) -> Any:
        answer = await method(*given, **named)
        halt.if_told()
        return answer

    @wraps(method)
    def quick(*given: Any, **named: Any) -> Any:
        answer = method(*given, **named)
        halt.if_told()
        return answer

    return slow if inspect.iscoroutinefunction(method) else quick


class Halt:
    """A signal to this process, at the nth time that it comes by `step` since that was ordered."""

    def __init__(self, step: str, file: Path, number: signal.Signals) -> None:
        self._step, self._file, self._number = step, file, number
        self._times = 0

    def if_told(self) -> None:
        wanted, _, nth = order(self._file).partition(" ")
        self._times = self._times + 1 if wanted == self._step else 0
        if not self._times or self._times < int(nth):
            return
        try:
            self._file.rename(self._file.with_suffix(".done"))
        except FileNotFoundError:  # another worker was first
            return
        os.kill(os.getpid(), self._number)


def breaking(session: type, file: Path) -> None:
    """Every run of the encoder hangs while "hang" is ordered, else raises what is."""
    run: Call = session.run  # type: ignore[attr-defined]

    def broken(self: object, *given: Any) -> Any:
        while (told := order(file)) == "hang":
            time.sleep(POLL_S)
        if told:
            raise BREAKS[told]
        return run(self, *given)

    session.run = broken  # type: ignore[attr-defined]


def refusing(stub: type, file: Path) -> None:
    """Half of all calls to the store end in the ordered status, half of those after they were
    carried out; of a full disk all writes do, and none is carried out."""
    prepare: Call = stub.__init__  # type: ignore[misc]

    def prepared(self: object, channel: Any) -> None:
        prepare(self, channel)
        for name in CALLS:
            setattr(self, name, _unsure(getattr(self, name), file, writes=name in WRITES))

    stub.__init__ = prepared  # type: ignore[misc]


def _unsure(call: Call, file: Path, *, writes: bool) -> Call:
    async def answer(*given: Any, **named: Any) -> Any:
        told, chance = order(file), random.random()
        if told == FULL:
            if writes:
                raise _status("INTERNAL", NO_SPACE)
            told = ""
        if not told or chance < 0.5:
            return await call(*given, **named)
        if chance < 0.75:
            await call(*given, **named)
        raise _status(told)

    return answer


def _status(name: str, details: str = "as ordered") -> Exception:
    import grpc

    code = grpc.StatusCode[name]
    nothing = grpc.aio.Metadata()
    error: Exception = grpc.aio.AioRpcError(code, nothing, nothing, details=details)
    return error


def grouped(app: type, group: str | None) -> None:
    """Let the worker read as a member of another group."""
    if group is None:
        return
    prepare: Call = app.__init__  # type: ignore[misc]

    def prepared(self: object, _: str, *given: Any, **named: Any) -> None:
        prepare(self, group, *given, **named)

    app.__init__ = prepared  # type: ignore[misc]
