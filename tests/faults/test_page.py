"""The operators' page knows every fault that is played."""

from __future__ import annotations

import re
from pathlib import Path

from tests.faults.kinds import FAULTS

PAGE = Path(__file__).parents[2] / "docs" / "operations" / "faults.md"


def test_the_page_says_of_every_fault_what_it_looks_like_and_what_to_do() -> None:
    before, _, _ = PAGE.read_text("utf-8").partition("## Trying it")
    told = set(re.findall(r"`([a-z-]+)[…`]", before))
    missing = {f.name for f in FAULTS if f.name not in told and not _family(f.name) & told}

    assert missing == set()


def test_the_page_names_no_fault_that_there_is_not() -> None:
    text = PAGE.read_text("utf-8")
    rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    named = {name for row in rows for name in re.findall(r"`([a-z]+-[a-z-]+)`", row)}

    assert named <= {fault.name for fault in FAULTS}


def _family(name: str) -> set[str]:
    """`crash-after-save` is told of under `crash-after-…`."""
    return {f"{name.rpartition('-')[0]}-"}
