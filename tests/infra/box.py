"""A Dockerfile carried out without Docker: its steps, in overlays over this machine's own root.

Each stage is an overlay in a mount namespace of its own, so nothing of this machine is changed, and
all of it goes when the namespace does. The base image is not there: this machine's Debian and
Python stand for it. It needs Linux, and root.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from tests.infra import files
from tests.infra.files import ROOT, Step

PYTHON = Path(sys.base_prefix) / "bin"
BASE_PATH = f"{PYTHON}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def missing() -> str | None:
    """Why this cannot be done here; None if it can."""
    for command in ("unshare", "nsenter", "chroot", "mount"):
        if shutil.which(command) is None:
            return f"{command} is not installed"
    tried = subprocess.run(
        ["unshare", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"],
        check=False,
        capture_output=True,
    )
    return None if tried.returncode == 0 else f"cannot mount: {tried.stderr.decode().strip()}"


@dataclass
class Stage:
    """One stage as it was left.

    layers  folders that hold what differs from this machine's root, the uppermost first
    """

    name: str
    layers: list[Path]
    env: dict[str, str] = field(default_factory=lambda: {"PATH": BASE_PATH})
    folder: str = "/"
    user: str = "0:0"
    entry: list[str] = field(default_factory=list)


class Held:
    """A namespace that lives as long as a process that does nothing in it.

    options  of `unshare`
    first    what is done in it first
    """

    def __init__(self, *options: str, first: str = "true") -> None:
        hold = f"{first} && echo held && exec sleep infinity"
        self._process = subprocess.Popen(
            ["unshare", *options, "sh", "-c", hold], stdout=subprocess.PIPE
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"held\n", f"unshare {options}: {first}"

    @property
    def pid(self) -> int:
        return self._process.pid

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()


class Box:
    """Builds a Dockerfile's stages, and runs commands in the last one as a container would."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stages: dict[str, Stage] = {}

    def __enter__(self) -> Self:
        self._mounts = Held("--mount", "--propagation", "private")
        self._network: Held | None = None
        self._inside("mount", "-t", "tmpfs", "none", str(self._folder))
        return self

    def __exit__(self, *_: object) -> None:
        self._mounts.end()

    @contextmanager
    def network(self, stage: Stage, names: Sequence[str]) -> Iterator[None]:
        """A loopback of its own for all that is started meanwhile, which is where `names` lead."""
        hosts = self._folder / "hosts"
        told = f"127.0.0.1 localhost {socket.gethostname()} {' '.join(names)}\n"
        Path(f"/proc/{self._mounts.pid}/root{hosts}").write_text(told)
        for root in ("", str(self._root(stage))):
            self._inside("mount", "--bind", str(hosts), f"{root}/etc/hosts")
        self._network = Held("--net", first="ip link set lo up")
        try:
            yield
        finally:
            self._network.end()
            self._network = None
            for root in ("", str(self._root(stage))):
                self._inside("umount", f"{root}/etc/hosts")

    def build(self, dockerfile: Path, context: Path) -> Stage:
        """Carry out every step; the last stage."""
        stage = Stage("", [])
        for step in files.steps(dockerfile):
            if step.name == "FROM":
                stage = self._begin(step)
            elif step.name == "RUN":
                self._run(stage, step)
            elif step.name == "COPY":
                self._copy(stage, step, context)
            elif step.name == "ENV":
                words = (word.split("=", 1) for word in step.text.split())
                stage.env |= {name: value.replace("$PATH", BASE_PATH) for name, value in words}
            elif step.name == "WORKDIR":
                stage.folder = step.text
                self.at(stage, step.text).mkdir(parents=True, exist_ok=True)
            elif step.name == "USER":
                stage.user = step.text
            elif step.name == "ENTRYPOINT":
                stage.entry = step.words()
        return stage

    def lock(self, stage: Stage) -> None:
        """Read-only from now on, but for an empty folder where it works."""
        self._inside("mount", "-o", "remount,ro", str(self._root(stage)))
        self._inside("mount", "-t", "tmpfs", "none", f"{self._root(stage)}{stage.folder}")

    def at(self, stage: Stage, path: str) -> Path:
        """Where this process finds a path of a stage."""
        return Path(f"/proc/{self._mounts.pid}/root{self._root(stage)}{path}")

    def command(self, stage: Stage, command: Sequence[str], **env: str) -> list[str]:
        """What runs a command in it, as its user and with its environment, and becomes it."""
        put = [f"{name}={value}" for name, value in {**stage.env, **env}.items()]
        enter = ["chroot", f"--userspec={stage.user}", str(self._root(stage))]
        go = ["sh", "-c", 'cd "$0" && exec "$@"', stage.folder]
        return self.beside([*enter, "env", "-i", *put, *go, *command])

    def beside(self, command: Sequence[str]) -> list[str]:
        """What runs a command outside of all stages, where the same mounts and network are."""
        spaces = [f"--mount=/proc/{self._mounts.pid}/ns/mnt"]
        if self._network is not None:
            spaces.append(f"--net=/proc/{self._network.pid}/ns/net")
        return ["nsenter", *spaces, "--", *command]

    def call(self, stage: Stage, command: Sequence[str], **env: str) -> tuple[int, str]:
        """Exit code and output of a command in it."""
        done = subprocess.run(
            self.command(stage, command, **env),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=240,
        )
        return done.returncode, done.stdout

    def _begin(self, step: Step) -> Stage:
        above = self._stages.get(step.words()[0])
        mine = self._folder / step.stage
        stage = Stage(step.stage, [mine, *(above.layers if above else ())])
        self._stages[step.stage] = stage
        for name in ("upper", "work", "root"):
            self._inside("mkdir", "-p", str(mine / name))
        lower = ":".join([*(str(layer / "upper") for layer in stage.layers[1:]), "/"])
        options = f"lowerdir={lower},upperdir={mine / 'upper'},workdir={mine / 'work'}"
        root = str(self._root(stage))
        self._inside("mount", "-t", "overlay", "overlay", "-o", options, root)
        self._inside("mount", "-t", "proc", "none", f"{root}/proc")
        self._inside("mount", "--rbind", "/dev", f"{root}/dev")
        if str(PYTHON).startswith("/root/"):  # where others than root could not read it
            self._inside("chmod", "0755", f"{root}/root")
        return stage

    def _run(self, stage: Stage, step: Step) -> None:
        own = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
        code, out = self.call(stage, ["/bin/sh", "-c", step.text], **own)
        assert code == 0, f"{step.text}\n{out}"

    def _copy(self, stage: Stage, step: Step, context: Path) -> None:
        *sources, goal = step.words()
        place = self.at(stage, str(Path(stage.folder) / goal))
        if step.text.startswith("--from="):
            other = self._stages[sources.pop(0).removeprefix("--from=")]
            found = [self.at(other, source) for source in sources]
        else:
            found = [path for source in sources for path in sorted(context.glob(source))]
        assert found, f"COPY {step.text}: nothing is there"
        for path in found:
            if path.is_dir():
                shutil.copytree(path, place, symlinks=True, dirs_exist_ok=True)
            else:
                target = place / path.name if len(found) > 1 or goal.endswith("/") else place
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, target)

    def _inside(self, *command: str) -> None:
        subprocess.run(self.beside(command), check=True)

    def _root(self, stage: Stage) -> Path:
        return self._folder / stage.name / "root"


def context(folder: Path) -> Path:
    """A copy of what a build is sent: what git would take, less what .dockerignore holds back."""
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    done = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True)
    for name in filter(None, done.stdout.split("\0")):
        if files.sent(Path(name)) and (ROOT / name).is_file():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target)
    return folder
