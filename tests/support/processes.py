"""Whether processes of other parents have ended."""

from __future__ import annotations

import time

import psutil

POLL_S = 0.02


def ends(process: psutil.Process, *, within_s: float = 10.0) -> bool:
    """Wait until it has ended; a zombie that nobody collects has, too."""
    deadline = time.monotonic() + within_s
    while not _ended(process):
        if time.monotonic() > deadline:
            return False
        psutil.wait_procs([process], timeout=POLL_S)
    return True


def _ended(process: psutil.Process) -> bool:
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True
