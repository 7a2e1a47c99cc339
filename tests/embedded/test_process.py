"""Child processes: started when ready, stopped in time, never left behind."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from stream.embedded.process import Child, free_ports
from stream.errors import Misconfigured
from tests.support.processes import ends

pytestmark = pytest.mark.integration

SLEEPER = 'touch "$1"; exec sleep 60'
PARENT = """
import sys, time
from pathlib import Path
from stream.embedded.process import Child
script, log, awake = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
child = Child("the sleeper", ["sh", "-c", script, "sh", str(awake)], log)
child.start(awake.exists)
print(child.pid, flush=True)
time.sleep(60)
"""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "child.log"


@pytest.fixture
def awake(tmp_path: Path) -> Path:
    """A file that the sleeper makes when it runs."""
    return tmp_path / "awake"


@pytest.fixture
def sleeper(log: Path, awake: Path) -> Iterator[Child]:
    child = Child("the sleeper", ["sh", "-c", SLEEPER, "sh", str(awake)], log)
    yield child
    child.kill()


def test_free_ports_differ() -> None:
    assert len(set(free_ports(50))) == 50


def test_a_child_runs_until_it_is_stopped(sleeper: Child, awake: Path) -> None:
    sleeper.start(awake.exists)
    assert sleeper.running

    sleeper.stop()

    assert not sleeper.running


def test_a_child_that_ends_at_start_says_why(log: Path) -> None:
    child = Child("the child", ["sh", "-c", "echo no such table; exit 3"], log)

    with pytest.raises(Misconfigured, match=r"the child ended .* exit code 3(.|\n)*no such table"):
        child.start(lambda: False)


def test_a_child_that_refuses_speaks_for_itself(log: Path) -> None:
    child = Child("the child", ["sh", "-c", "echo noise; echo take another port; exit 2"], log)

    with pytest.raises(Misconfigured, match=r"^take another port$"):
        child.start(lambda: False)


def test_a_child_that_does_not_get_ready_is_ended(sleeper: Child) -> None:
    with pytest.raises(Misconfigured, match=r"not ready within 0\.05 s"):
        sleeper.start(lambda: False, within_s=0.05)

    assert not sleeper.running


def test_a_child_deaf_to_sigterm_is_killed(log: Path, tmp_path: Path) -> None:
    armed = tmp_path / "armed"
    script = f"trap '' TERM; touch {armed}; exec sleep 60"
    child = Child("the deaf one", ["sh", "-c", script], log).start(armed.exists)

    child.stop(within_s=0.05)

    assert not child.running


def test_a_child_outlives_the_thread_that_started_it(sleeper: Child, awake: Path) -> None:
    """The kernel's tie is to the forking thread; a pool's idle worker must not take it along."""
    thread = threading.Thread(target=sleeper.start, args=(awake.exists,))
    thread.start()
    thread.join()

    assert not ends(psutil.Process(sleeper.pid), within_s=0.2)


def test_a_child_dies_with_its_parent_even_by_kill(log: Path, awake: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, SLEEPER, str(log), str(awake)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    with parent.stdout:
        child = psutil.Process(int(parent.stdout.readline()))
    assert child.is_running()

    parent.send_signal(signal.SIGKILL)
    parent.wait()

    assert ends(child)
