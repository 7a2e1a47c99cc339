"""Profiles as last written by this worker, by partition, so that most events need no read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from cachetools import LRUCache

from stream.core.profile import Profile


@dataclass(frozen=True, slots=True)
class CachedProfile:
    """A stored profile; `sent` are the outbox entries whose send was confirmed."""

    profile: Profile
    etag: int
    sent: frozenset[str]


class PartitionCache:
    """Least recently used users go first."""

    def __init__(self, most: int) -> None:
        self._users: LRUCache[str, CachedProfile] = LRUCache(most)

    def get(self, user_id: str) -> CachedProfile | None:
        return self._users.get(user_id)

    def put(self, user_id: str, entry: CachedProfile) -> None:
        self._users[user_id] = entry

    def mark_sent(self, user_id: str, change_ids: set[str]) -> None:
        """These outbox entries are out: the next save leaves them behind."""
        entry = self._users.get(user_id)
        if entry is not None and change_ids:
            self._users[user_id] = replace(entry, sent=entry.sent | change_ids)

    def forget(self, user_ids: Iterable[str]) -> None:
        for user_id in user_ids:
            self._users.pop(user_id, None)


class ProfileCaches:
    """One cache a partition: when the partition goes, its profiles may change elsewhere."""

    def __init__(self, users: int) -> None:
        self._most = users
        self._partitions: dict[tuple[str, int], PartitionCache] = {}

    def of(self, partition: tuple[str, int]) -> PartitionCache:
        if partition not in self._partitions:
            self._partitions[partition] = PartitionCache(self._most)
        return self._partitions[partition]

    def drop(self, partitions: Iterable[tuple[str, int]]) -> None:
        for partition in partitions:
            self._partitions.pop(partition, None)
