"""What collections and aliases are called: one place, or two of them would differ one day.

    NAMESPACE_users_HASH           the collection with the vectors of one encoder
    NAMESPACE_users_HASH_r2        its second rebuild: profiles made anew from their events
    NAMESPACE_users_HASH_writers   alias through which workers of that encoder read and write;
                                   NAMESPACE_users_HASH_r2_writers after that rebuild
    NAMESPACE_users                alias for whoever only reads: the encoder in force

The writers' alias is a door: where it is gone, a worker that was stalled and knows nothing yet
cannot write any more, and so cannot acknowledge either. Each generation of profiles has a door of
its own: a stalled worker of one before cannot open, or go through, that of the next.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

USERS = "users"  # the one part that can be rebuilt
PARTS = (USERS, "items", "neighbours", "segments")
META = "meta"
WRITERS = "_writers"


def meta(namespace: str) -> str:
    return f"{namespace}_{META}"


def readers(namespace: str, part: str) -> str:
    """The alias of the encoder in force. `part` is one of PARTS."""
    return f"{namespace}_{part}"


def collection(namespace: str, part: str, encoder: str, users: int = 0) -> str:
    """users  generation of the profiles: how many rebuilds came before; no other part has any"""
    rebuilt = f"_r{users}" if users and part == USERS else ""
    return f"{namespace}_{part}_{encoder}{rebuilt}"


def writers(namespace: str, part: str, encoder: str, users: int = 0) -> str:
    return collection(namespace, part, encoder, users) + WRITERS


def aliases(
    namespace: str, encoder: str, users: int = 0, parts: Iterable[str] = PARTS
) -> dict[str, str]:
    """Alias -> collection of an encoder in force: what readers and its workers go through."""
    found = {}
    for part in parts:
        target = collection(namespace, part, encoder, users)
        found[readers(namespace, part)] = target
        found[writers(namespace, part, encoder, users)] = target
    return found


def doors(namespace: str, encoder: str, users: int = 0) -> list[str]:
    """The writers' aliases of an encoder."""
    return [writers(namespace, part, encoder, users) for part in PARTS]


def generations(namespace: str, encoder: str, collections: Iterable[str]) -> set[int]:
    """Those of the encoder's profiles that any of these collections holds."""
    own = re.compile(rf"{re.escape(collection(namespace, USERS, encoder))}(?:_r([1-9][0-9]*))?")
    return {int(found[1] or 0) for name in collections if (found := own.fullmatch(name))}


def encoders(namespace: str, collections: Iterable[str]) -> set[str]:
    """Hashes of the encoders that any of these collections belongs to.

    Hex digits alone: `x_users_meta` are the facts of a namespace `x_users`.
    """
    parts = "|".join(PARTS)
    ours = re.compile(rf"{re.escape(namespace)}_(?:{parts})_([0-9a-f]{{1,8}})(?:_r[1-9][0-9]*)?")
    return {found[1] for name in collections if (found := ours.fullmatch(name))}
