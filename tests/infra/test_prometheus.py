"""The configuration of Prometheus, as Prometheus reads it."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from tests.infra.files import INFRA

pytestmark = pytest.mark.ops


def test_it_is_understood() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed: it comes with Debian's package prometheus")
    config = INFRA / "prometheus" / "prometheus.yaml"
    command = [promtool, "check", "config", "--syntax-only", str(config)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
