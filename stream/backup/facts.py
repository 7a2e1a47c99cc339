"""Which of the facts are part of a snapshot.

Left out is what holds only for the moment: who leads, a move or a restore under way. A leader that
is gone would keep the others waiting, and a move would go on in collections that are not there.
"""

from __future__ import annotations

from qdrant_client import grpc as pb

from stream.store.moves import MOVE_FACT
from stream.store.restoring import RESTORE_FACT

LEASE_FACT = "segments_leader"
MOMENTARY = frozenset({LEASE_FACT, MOVE_FACT, RESTORE_FACT})


def stays(fact: pb.RetrievedPoint) -> bool:
    """Whether this row of `meta` is saved; rows without a name are trials of the start-up."""
    name = fact.payload["name"].string_value if "name" in fact.payload else ""
    return bool(name) and name not in MOMENTARY
