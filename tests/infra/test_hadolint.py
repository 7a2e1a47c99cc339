"""What hadolint says of the Dockerfiles: nothing."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.infra.files import DOCKERFILES

pytestmark = pytest.mark.ops


def linted(dockerfile: Path) -> tuple[int, str]:
    hadolint = shutil.which("hadolint", path=str(Path(sys.executable).parent))
    assert hadolint is not None, "hadolint is not installed beside Python: make test-ops does it"
    done = subprocess.run([hadolint, str(dockerfile)], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.name)
def test_nothing_is_wrong(dockerfile: Path) -> None:
    assert linted(dockerfile) == (0, "")


def test_what_is_wrong_is_found(tmp_path: Path) -> None:
    bad = tmp_path / "Dockerfile"
    bad.write_text(DOCKERFILES[0].read_text().replace(":3.11.14-slim-bookworm${PYTHON_DIGEST}", ""))
    code, told = linted(bad)
    assert code != 0
    assert "DL3006" in told
