"""Leaders that fit, over a store in memory."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

from stream.agents.fit import Job
from stream.agents.leader import Leader
from stream.core.segment_history import Fitted
from stream.store.segment_history import SegmentHistory
from stream.store.segment_requests import SegmentRequests
from tests.agents.segment_parts import (
    Clock,
    FakePublisher,
    FakeStore,
    axis,
    leader_of,
    settings,
    two_groups,
    user,
)

REFIT_S = settings().segments_refit_s
MOST = settings().segments_max_moved


@dataclass
class World:
    """A store in which leaders fit: each model moves `moves` of the users.

    sample  users that a fit says it was made on
    """

    store: FakeStore = field(default_factory=FakeStore)
    clock: Clock = field(default_factory=Clock)
    moves: float = 0.0
    from_held: float = 1.0
    sample: int = 1000
    jobs: list[Job] = field(default_factory=list)
    meanwhile: Callable[[], Awaitable[None]] | None = None

    def __post_init__(self) -> None:
        self.history = SegmentHistory(self.store.meta, self.store.segments)
        self.requests = SegmentRequests(self.store.meta)
        self.publisher = FakePublisher()
        for number in range(8):
            self.store.users.write(user(f"u{number}", axis(number % 2)))

    async def leading(self) -> Leader:
        leader = leader_of(self.store, self.publisher, self.clock, self._fit)
        await leader.lease.hold()
        return leader

    async def _fit(self, job: Job) -> Fitted:
        self.jobs.append(job)
        if self.meanwhile is not None:
            meanwhile, self.meanwhile = self.meanwhile, None
            await meanwhile()
        record = replace(job.start, moved_share=self.moves, users=self.sample)
        return Fitted(two_groups(job.version, self.sample // 2), record, self.from_held)

    async def fitted(self, leader: Leader, moves: float = 0.0) -> int:
        """The version of one more fit, when it is due."""
        self.moves = moves
        self.clock.now += REFIT_S
        await leader.lease.hold()
        await leader.refit()
        return self.jobs[-1].version

    async def outcomes(self) -> list[str]:
        return [record.outcome for record in await self.history.records()]
