"""Rows of users who are there for readers."""

from __future__ import annotations

from stream.core.profile import Profile
from stream.store.codec import unpack
from stream.store.rows import UserRow


def loaded(row: UserRow | None) -> Profile | None:
    """The profile; None where there is none, or the user was forgotten and did nothing since."""
    if row is None:
        return None
    profile = unpack(row)
    return None if profile.forgotten_at is not None and profile.as_of == 0.0 else profile
