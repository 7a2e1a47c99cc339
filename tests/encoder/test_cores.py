"""Cores by name: what may be named, and threads that stay on theirs."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from stream.encoder import cores
from stream.encoder.cores import parse
from stream.errors import Misconfigured
from tests.encoder.parts import Gate, running

EIGHT = frozenset(range(8))


@given(st.lists(st.integers(0, 7), unique=True))
def test_a_list_of_cores_is_read_as_it_is_written(named: list[int]) -> None:
    assert parse(",".join(map(str, named)), EIGHT) == tuple(named)


@pytest.mark.parametrize(
    ("text", "found"),
    [("", ()), (" ", ()), ("0-3,6", (0, 1, 2, 3, 6)), (" 5 , 2-2", (5, 2)), ("07", (7,))],
)
def test_ranges_and_spaces(text: str, found: tuple[int, ...]) -> None:
    assert parse(text, EIGHT) == found


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a", "'a' is neither a core nor a range such as 0-3"),
        ("1,,2", "'' is neither"),
        ("1,", "'' is neither"),
        ("-1", "'-1' is neither"),
        ("1.5", "'1.5' is neither"),
        ("3-1", "'3-1' ends before it begins"),
        ("0-3,2", "core 2 is named twice"),
        ("8", "may not use core 8, but 0, 1, 2, 3, 4, 5, 6, 7 "),
        ("6-9", "may not use core 8, 9, but"),
    ],
)
def test_anything_else_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(Misconfigured, match=rf"INTERESTREAM_ENCODER_CORES is '{text}': .*{why}"):
        parse(text, EIGHT)


def test_without_a_set_the_process_s_own_cores_count() -> None:
    beyond = max(cores.allowed()) + 1

    with pytest.raises(Misconfigured, match=f"may not use core {beyond}"):
        parse(str(beyond))


@pytest.mark.parametrize(
    ("quota", "found"),
    [
        ("max 100000", 4),
        ("200000 100000", 2),
        ("150000 100000", 2),
        ("10000 100000", 1),
        ("900000 100000", 4),
        ("", 4),
    ],
)
def test_a_container_s_quota_lowers_the_count(
    quota: str, found: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A container that gets two cores' time on a machine of 64 had 64 sessions."""
    (tmp_path / "cpu.max").write_text(quota + "\n")
    monkeypatch.setattr(cores, "QUOTA", tmp_path / "cpu.max")
    monkeypatch.setattr(cores, "allowed", lambda: frozenset(range(4)))

    assert cores.count() == found


def test_without_a_container_every_core_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cores, "QUOTA", tmp_path / "none")

    assert cores.count() == len(cores.allowed())


class Placed(Gate):
    """Remembers on which cores its thread may run."""

    def __init__(self) -> None:
        super().__init__(open_=True)
        self.seen: set[int] = set()

    def run(self, ids: NDArray[np.int64], mask: NDArray[np.int64]) -> NDArray[np.float32]:
        self.seen = os.sched_getaffinity(0)
        return super().run(ids, mask)


async def test_a_session_s_thread_stays_on_its_core_and_no_other_thread_does() -> None:
    before = cores.allowed()
    core, session = min(before), Placed()
    async with running(session, cores=(core,)) as encoder:
        await encoder.encode(["a"])

    assert session.seen == {core}
    assert cores.allowed() == before


async def test_without_cores_a_session_runs_anywhere() -> None:
    session = Placed()
    async with running(session) as encoder:
        await encoder.encode(["a"])

    assert session.seen == cores.allowed()
