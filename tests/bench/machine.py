"""Where and with what a measurement ran, and whether the machine had time for it."""

from __future__ import annotations

import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).parents[2]
#: They choose other kernels for numpy than it would choose itself, and make it slower.
UNWANTED = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
#: As in the worker, where BLAS has one thread beside the encoder; and nothing is downloaded.
WANTED = {"OPENBLAS_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16", "amx_int8", "amx_bf16")
BUSY_SHARE = 0.15  # of all cores, used by others
PACKAGES = (
    *("interestream", "numpy", "onnx", "onnxruntime", "openvino", "tokenizers", "torch"),
    *("transformers", "sentence-transformers", "fastembed", "uvloop"),
)


def clean_environment(module: str) -> None:
    """Start the program again, `python -m module`, where its environment would bend the figures."""
    settled = {name: value for name, value in os.environ.items() if name not in UNWANTED}
    settled |= WANTED
    if settled != dict(os.environ):
        os.execve(sys.executable, [sys.executable, "-m", module, *sys.argv[1:]], settled)


def busy_share(seconds: float = 2.0) -> float:
    """Share of all cores that is used by others, measured while this process waits."""
    return float(psutil.cpu_percent(interval=seconds)) / 100


def facts(module: str, packages: Iterable[str] = PACKAGES) -> dict[str, Any]:
    """Machine, versions, command, date and commit, as JSON takes them."""
    return {
        "machine": {
            "cpu": _cpu_model(),
            "cores": len(os.sched_getaffinity(0)),
            "flags": [flag for flag in FLAGS if flag in _cpu_flags()],
            "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
            "system": f"{platform.system()} {platform.machine()}",
            "load_average": [round(load, 2) for load in os.getloadavg()],
        },
        "versions": {"python": platform.python_version(), **_versions(packages)},
        "command": shlex.join(["python", "-m", module, *sys.argv[1:]]),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
    }


def commit() -> str:
    """The commit, with `+` where files differ from it; "unknown" outside a repository."""
    head = _git("rev-parse", "HEAD")
    if not head:
        return "unknown"
    return head[:12] + ("+" if _git("status", "--porcelain", "--untracked-files=no") else "")


def _git(*arguments: str) -> str:
    command: Sequence[str] = ("git", "--no-optional-locks", "-C", str(ROOT), *arguments)
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def _versions(packages: Iterable[str]) -> dict[str, str]:
    found = {}
    for name in packages:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def _cpu_model() -> str:
    return _cpu_line("model name") or platform.processor() or "unknown"


def _cpu_flags() -> frozenset[str]:
    return frozenset(_cpu_line("flags").split())


def _cpu_line(name: str) -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return ""
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(name)), "")
