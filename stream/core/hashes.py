"""Stable hashes of ids, the same in every process and on every machine (BLAKE2b)."""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b

REMEMBERED = 100_000  # ids whose hash is kept: every event asks for those of its user's last items


@lru_cache(REMEMBERED)
def hash32(text: str) -> int:
    """32 bits of an id: `seen` rings and sparse indices, where a collision is rare and harmless."""
    return int.from_bytes(blake2b(text.encode(), digest_size=4).digest(), "little")


def hash64(text: str) -> int:
    """64 bits of an id: event-id rings, where a collision would lose an event."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little")


def hash128(text: str) -> bytes:
    """16 bytes of an id: point ids in the store."""
    return blake2b(text.encode(), digest_size=16).digest()


def versioned_id(kind: str, user_id: str, version: int) -> str:
    """32 hex digits that name the one thing of its kind that a version of a profile brought."""
    # The kind parts the id spaces; 0x00 cannot stand in a number, so the parts cannot run together.
    return blake2b(f"{kind}\0{version}\0{user_id}".encode(), digest_size=16).hexdigest()


def short_id(*parts: object) -> str:
    """16 hex digits that name something made of `parts`, e.g. an interest."""
    return blake2b("\x1f".join(map(str, parts)).encode(), digest_size=8).hexdigest()
