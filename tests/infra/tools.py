"""Programs and schemas of others, which `make test-ops` brings."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.infra.files import ROOT

TOOLS = ROOT / ".cache" / "tools"


def tool(name: str) -> Path:
    """Where it lies; skips where it does not."""
    path = TOOLS / name
    if not path.exists():
        pytest.skip(f"{path.relative_to(ROOT)} is not there: scripts/ops-tools.sh brings it")
    return path
