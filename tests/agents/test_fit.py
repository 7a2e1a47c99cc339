"""The fit in a child process: the same model, and no child left behind."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from asyncio.subprocess import Process

import numpy as np
import psutil
import pytest
import uvloop

from stream.agents import fit as module
from stream.agents.fit import FitFailed, Job, fit_apart
from stream.core.segment_fit import refit
from stream.core.segment_history import PERIODIC, Record
from tests.agents.segment_parts import until
from tests.support.rows import unit_rows

pytestmark = pytest.mark.integration

JOB = Job(unit_rows(300, 16), 4, 1, None)


def fits_of(parent: int) -> list[psutil.Process]:
    """The children that fit, from the moment when they are tied to their parent."""
    return [
        child
        for child in psutil.Process(parent).children()
        if child.cmdline()[-2:] == ["-m", "stream.agents.fit"] and "-S" not in child.cmdline()
    ]


async def until_fitting() -> psutil.Process:
    await until(lambda: bool(fits_of(os.getpid())))
    return fits_of(os.getpid())[0]


async def test_the_child_fits_what_this_process_would() -> None:
    first = (await fit_apart(JOB)).model
    tastes = unit_rows(300, 16, seed=1)
    again = Job(tastes, 4, 2, first, count_max=6, margin=0.01, held=first, at=1.5, asked="r1")

    apart = await fit_apart(again)
    here = refit(
        tastes, count=4, start=again.start, before=first, count_max=6, margin=0.01, held=first
    )

    assert apart.record == here.record
    assert apart.from_held == here.from_held
    assert [(s.id, s.label, s.size) for s in apart.model.segments] == [
        (s.id, s.label, s.size) for s in here.model.segments
    ]
    assert np.allclose(
        np.stack([s.centroid for s in apart.model.segments]),
        np.stack([s.centroid for s in here.model.segments]),
        atol=1e-5,
    )


async def test_more_tastes_than_are_sent_at_once_arrive_in_their_order() -> None:
    tastes = unit_rows(2 * module.PART_BYTES // (16 * 4) + 7, 16)

    apart = await fit_apart(Job(tastes, 4, 1, None))

    assert (
        apart.record == refit(tastes, count=4, start=Record(1, 0.0, PERIODIC), before=None).record
    )


async def test_the_child_is_nice_and_a_killed_one_is_a_failed_fit() -> None:
    fitting = asyncio.create_task(fit_apart(JOB))
    child = await until_fitting()
    await until(lambda: child.nice() == os.nice(0) + module.NICE)
    child.kill()

    with pytest.raises(FitFailed, match="exit code -9"):
        await fitting


def test_a_child_that_ends_before_it_is_told_the_job_is_a_failed_fit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """On uvloop, as in a worker, writing to it is then a RuntimeError, which ended the worker."""
    start = module._start

    async def ended() -> Process:
        child = await start()
        child.kill()
        await child.wait()
        return child

    monkeypatch.setattr(module, "_start", ended)
    with (
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
        pytest.raises(FitFailed, match=r"before it took the job|exit code -9"),
    ):
        runner.run(fit_apart(JOB))


async def test_what_the_child_dies_of_is_in_the_message() -> None:
    with pytest.raises(FitFailed, match="NaN"):
        await fit_apart(Job(np.full((8, 4), np.nan, np.float32), 2, 1, None))


async def test_cancelling_the_fit_ends_the_child() -> None:
    fitting = asyncio.create_task(fit_apart(JOB))
    child = await until_fitting()
    child.suspend()  # so that it cannot come to its end by itself

    fitting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await fitting
    assert not child.is_running()


def test_the_child_dies_with_its_parent() -> None:
    """The parent is killed, so nothing of it can clean up."""
    program = (
        "import asyncio, numpy as np\n"
        "from stream.agents.fit import Job, fit_apart\n"
        "asyncio.run(fit_apart(Job(np.eye(64, dtype=np.float32), 4, 1, None)))\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", program])
    deadline = time.monotonic() + 60
    while not (found := fits_of(parent.pid)):
        assert parent.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.001)

    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    _, alive = psutil.wait_procs(found, timeout=10)
    assert alive == []
