"""Cores that this process may use, and threads bound to one of them."""

from __future__ import annotations

import os
import re
from math import ceil, inf
from pathlib import Path

from stream.errors import Misconfigured

SETTING = "INTERESTREAM_ENCODER_CORES"
QUOTA = Path("/sys/fs/cgroup/cpu.max")  # of this container


def allowed() -> frozenset[int]:
    """Cores that this process may use, by affinity."""
    return frozenset(os.sched_getaffinity(0))


def count() -> int:
    """How many cores' time this process gets: those that it may use, or less where its container
    has a quota, a part of a core counted as one."""
    return int(min(len(allowed()), _quota()))


def parse(text: str, usable: frozenset[int] | None = None) -> tuple[int, ...]:
    """The cores of a list such as "0-3,6", in its order; nothing: none.

    usable  cores that may be named; unset: those of this process

    Raises Misconfigured where it is no such list, or names a core twice or one that is not usable.
    """
    if not text.strip():
        return ()
    found = [core for part in text.split(",") for core in _range(part.strip(), text)]
    twice = sorted({core for core in found if found.count(core) > 1})
    if twice:
        raise Misconfigured(f"{SETTING} is {text!r}: core {twice[0]} is named twice")
    usable = allowed() if usable is None else usable
    missing = sorted(set(found) - usable)
    if missing:
        raise Misconfigured(
            f"{SETTING} is {text!r}: this process may not use core "
            f"{', '.join(map(str, missing))}, but {_listed(usable)} (cores of the machine, or of "
            "the container's cpuset): name some of these"
        )
    return tuple(found)


def bind(core: int) -> None:
    """Keep the calling thread on one core."""
    os.sched_setaffinity(0, {core})  # 0 is the calling thread, not the process


def _quota() -> float:
    """Cores' time that the container gets, at least 1; inf: there is no quota."""
    try:
        most, period = QUOTA.read_text().split()
    except (OSError, ValueError):  # no container, or none that says it so
        return inf
    return inf if most == "max" else max(1, ceil(int(most) / int(period)))


def _range(part: str, text: str) -> range:
    match = re.fullmatch(r"(\d{1,5})(?:-(\d{1,5}))?", part)
    if match is None:
        raise Misconfigured(
            f"{SETTING} is {text!r}: {part!r} is neither a core nor a range such as 0-3"
        )
    first, last = int(match[1]), int(match[2] or match[1])
    if last < first:
        raise Misconfigured(f"{SETTING} is {text!r}: {part!r} ends before it begins")
    return range(first, last + 1)


def _listed(cores: frozenset[int]) -> str:
    return ", ".join(map(str, sorted(cores)))
