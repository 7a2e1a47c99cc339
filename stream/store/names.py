"""What collections and aliases are called: one place, or two of them would differ one day.

    NAMESPACE_users_HASH           the collection with the vectors of one encoder
    NAMESPACE_users_HASH_writers   alias through which workers of that encoder read and write
    NAMESPACE_users                alias for whoever only reads: the encoder in force

The writers' alias is a door: where it is gone, a worker that was stalled and knows nothing yet
cannot write any more, and so cannot acknowledge either.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

PARTS = ("users", "items", "neighbours", "segments")
META = "meta"
WRITERS = "_writers"


def meta(namespace: str) -> str:
    return f"{namespace}_{META}"


def readers(namespace: str, part: str) -> str:
    """The alias of the encoder in force. `part` is one of PARTS."""
    return f"{namespace}_{part}"


def collection(namespace: str, part: str, encoder: str) -> str:
    return f"{namespace}_{part}_{encoder}"


def writers(namespace: str, part: str, encoder: str) -> str:
    return collection(namespace, part, encoder) + WRITERS


def aliases(namespace: str, encoder: str) -> dict[str, str]:
    """Alias -> collection of an encoder in force: what readers and its workers go through."""
    found = {}
    for part in PARTS:
        target = collection(namespace, part, encoder)
        found[readers(namespace, part)] = target
        found[writers(namespace, part, encoder)] = target
    return found


def doors(namespace: str, encoder: str) -> list[str]:
    """The writers' aliases of an encoder."""
    return [writers(namespace, part, encoder) for part in PARTS]


def encoders(namespace: str, collections: Iterable[str]) -> set[str]:
    """Hashes of the encoders that any of these collections belongs to.

    Hex digits alone: `x_users_meta` are the facts of a namespace `x_users`.
    """
    ours = re.compile(rf"{re.escape(namespace)}_(?:{'|'.join(PARTS)})_([0-9a-f]{{1,8}})")
    return {found[1] for name in collections if (found := ours.fullmatch(name))}
