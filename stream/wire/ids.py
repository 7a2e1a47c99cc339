"""Deterministic ids: the same cause gives the same id, so consumers can drop repeats.

An id is 32 hexadecimal digits, a 128-bit BLAKE2b hash.
"""

from __future__ import annotations

from hashlib import blake2b

from stream.core.hashes import versioned_id

_BYTES = 16


def event_id(value: bytes) -> str:
    """Id of an event that brought none: the hash of its value's bytes."""
    return blake2b(value, digest_size=_BYTES).hexdigest()


def recommendation_id(user_id: str, version: int) -> str:
    """Id of the list that was made with this version of the user's profile."""
    return versioned_id("recommendation", user_id, version)


def change_id(user_id: str, version: int) -> str:
    """Id of the segment change that this version of the user's profile brought."""
    return versioned_id("segment-change", user_id, version)


def forgotten_id(user_id: str, forgotten_at: float) -> str:
    """Id of the null that forgetting a user at this time (seconds) sends."""
    return versioned_id("forgotten", user_id, round(forgotten_at * 1000))


def receipt_id(user_id: str, forgotten_at: float) -> str:
    """Id of the receipt for forgetting a user at this time (seconds)."""
    return versioned_id("receipt", user_id, round(forgotten_at * 1000))


def user_hash(user_id: str) -> str:
    """What stands for a user where the id itself must not, as in dead letters' headers."""
    return blake2b(user_id.encode(), digest_size=_BYTES, person=b"user").hexdigest()
