"""What Docker Compose itself says of compose.yaml; it needs no engine for that."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.infra import files
from tests.infra.files import INFRA, ROOT

pytestmark = pytest.mark.ops


def configured(folder: Path, env: dict[str, str], **shell: str) -> subprocess.CompletedProcess[str]:
    """What it makes of the file with this .env, checked against the Compose Specification."""
    compose = shutil.which("docker-compose", path=str(Path(sys.executable).parent))
    assert compose is not None, "docker-compose is not installed beside Python: make test-ops does"
    dotenv = folder / ".env"
    dotenv.write_text("".join(f"{name}={value}\n" for name, value in env.items()))
    options = ["--file", str(INFRA / "compose.yaml"), "--env-file", str(dotenv)]
    return subprocess.run(
        [compose, *options, "--profile", "demo", "config", "--format", "json"],
        env={"PATH": os.environ["PATH"], "HOME": str(folder), **shell},
        capture_output=True,
        text=True,
        check=False,
    )


def told(folder: Path, **shell: str) -> dict[str, Any]:
    done = configured(folder, files.ENV, **shell)
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    return found


def test_it_reads_what_our_own_tests_read(tmp_path: Path) -> None:
    found, ours = told(tmp_path)["services"], files.compose()["services"]

    assert found.keys() == ours.keys()
    for name, service in ours.items():
        assert found[name]["image"] == service["image"]
        assert (found[name]["command"] or []) == service.get("command", [])
        assert found[name].get("environment", {}) == service.get("environment", {})
        check = service.get("healthcheck", {}).get("test")
        # it shows a file that can be read again, so with dollar signs doubled
        assert _single(found[name].get("healthcheck", {}).get("test")) == check


def test_a_worker_is_told_to_stop_in_time_and_has_an_end(tmp_path: Path) -> None:
    worker = told(tmp_path)["services"]["worker"]
    assert worker["stop_grace_period"] == "30s"
    assert worker["deploy"]["replicas"] == 2
    assert int(worker["deploy"]["resources"]["limits"]["memory"]) == 1536 << 20


def test_images_are_built_from_the_repository(tmp_path: Path) -> None:
    digest = f"@sha256:{'a' * 64}"
    build = told(tmp_path, PYTHON_DIGEST=digest)["services"]["worker"]["build"]
    assert build["context"] == str(ROOT)
    assert (ROOT / build["dockerfile"]).is_file()
    assert build["args"] == {"PYTHON_DIGEST": digest}


@pytest.mark.parametrize("secret", sorted(files.ENV))
def test_who_forgets_a_secret_is_told_what_to_do(tmp_path: Path, secret: str) -> None:
    done = configured(tmp_path, {**files.ENV, secret: ""})
    assert done.returncode != 0
    assert secret in done.stderr
    assert ".env.example" in done.stderr


def test_what_is_misspelt_is_refused(tmp_path: Path) -> None:
    bad = (INFRA / "compose.yaml").read_text().replace("stop_grace_period", "stop_grace_time")
    (tmp_path / "compose.yaml").write_text(bad)
    compose = Path(sys.executable).parent / "docker-compose"
    done = subprocess.run(
        [str(compose), "--file", str(tmp_path / "compose.yaml"), "config", "--quiet"],
        env={**os.environ, **files.ENV},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "stop_grace_time" in done.stderr


def _single(words: list[str] | None) -> list[str] | None:
    return words if words is None else [word.replace("$$", "$") for word in words]
