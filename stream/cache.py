"""Profiles as last written by this worker, so that most events need no read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from cachetools import LRUCache

from stream.core.profile import Profile

Partition = tuple[str, int]


@dataclass(frozen=True, slots=True)
class CachedProfile:
    """A stored profile; `sent` are the outbox entries whose send was confirmed."""

    profile: Profile
    etag: int
    sent: frozenset[str]


class PartitionCache:
    """The profiles that came by one partition."""

    def __init__(self, partition: Partition, users: LRUCache[tuple[Partition, str], CachedProfile]):
        self._partition = partition
        self._users = users

    def get(self, user_id: str) -> CachedProfile | None:
        return self._users.get((self._partition, user_id))

    def put(self, user_id: str, entry: CachedProfile) -> None:
        self._users[self._partition, user_id] = entry

    def mark_sent(self, user_id: str, change_ids: set[str]) -> None:
        """These outbox entries are out: the next save leaves them behind."""
        entry = self.get(user_id)
        if entry is not None and change_ids:
            self.put(user_id, replace(entry, sent=entry.sent | change_ids))

    def forget(self, user_ids: Iterable[str]) -> None:
        for user_id in user_ids:
            self._users.pop((self._partition, user_id), None)


class ProfileCaches:
    """One bound for all partitions; least recently used users go first.

    When a partition goes, its profiles may change elsewhere: they are dropped.
    """

    def __init__(self, users: int) -> None:
        self._users: LRUCache[tuple[Partition, str], CachedProfile] = LRUCache(users)

    def of(self, partition: Partition) -> PartitionCache:
        return PartitionCache(partition, self._users)

    def forget(self, user_ids: Iterable[str], *, but: Partition) -> None:
        """Keep these users' profiles in one partition alone."""
        gone = set(user_ids)
        if not gone:
            return
        for key in [key for key in self._users if key[1] in gone and key[0] != but]:
            self._users.pop(key, None)

    def drop(self, partitions: Iterable[Partition]) -> None:
        gone = set(partitions)
        for key in [key for key in self._users if key[0] in gone]:
            self._users.pop(key, None)
