"""Run a command that dies with the process that started it (Linux).

Usage: python launch.py PARENT_PID COMMAND...

Run as a file, alone, so that it starts in a few milliseconds. A `preexec_fn` could do the same,
but forks a process full of gRPC threads, which can deadlock.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    parent, command = int(sys.argv[1]), sys.argv[2:]
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # kept across exec
    if os.getppid() != parent:  # it died before the line above
        sys.exit(1)
    os.execvp(command[0], command)  # noqa: S606  # no shell is wanted here


if __name__ == "__main__":
    main()
