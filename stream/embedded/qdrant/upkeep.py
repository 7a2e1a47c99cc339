"""How often the store flushes and compacts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Upkeep:
    """The pace of what happens beside the requests.

    flush_every_s       what is acknowledged survives a power cut after so long
    compact_after_rows  written to a collection since its last compaction, and at least as many
                        as it has points: the copy's cost stays in proportion to the writes
    """

    flush_every_s: float = 3.0
    compact_after_rows: int = 20_000
