"""What consumers may find as the source of an offer is in the words about messages."""

from __future__ import annotations

import re
from pathlib import Path

from stream.core import sequence
from stream.core.explore import EXPANSION, EXPLORATION
from stream.core.parts import PARTS

WORDS = Path(__file__).parents[2] / "docs" / "messages.md"
AGAINST = {"aversion"}  # counts against an item, so no offer is there because of it


def test_every_source_of_an_offer_is_explained() -> None:
    section = WORDS.read_text("utf-8").split("## A recommendation")[1].split("## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| .+ \|$", section, re.MULTILINE)

    parts = {part.name for part in PARTS} - AGAINST
    assert set(rows) == parts | {sequence.NAME, EXPLORATION, EXPANSION}
