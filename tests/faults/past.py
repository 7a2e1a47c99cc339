"""What is gone and still counts: events of deleted topics, lists of profiles that were lost."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from tests.support.audit import Found
from tests.support.records import Kept

PAST = 1000  # partitions of a topic that is gone are counted on from here


@dataclass(frozen=True, slots=True)
class Gone(Kept):
    """A record of a topic that was deleted; its place is named as it was."""

    @property
    def place(self) -> str:
        return f"{self.topic}/{self.partition % PAST}/{self.offset}"


@dataclass
class Past:
    """What a check has to know of before.

    events   records of deleted topics, under partitions of their own
    sources  those partitions' names in marks
    ids      of lists and segment changes that profiles which are gone have published
    """

    events: list[Kept] = field(default_factory=list)
    sources: dict[int, str] = field(default_factory=dict)
    ids: set[str] = field(default_factory=set)

    def beside(self, found: Found) -> Found:
        """What was found, with the past as part of it."""
        return replace(
            found,
            events=self.events + found.events,
            sources={**self.sources, **found.sources},
            lists=[
                (user, one)
                for user, one in found.lists
                if one is None or one.recommendation_id not in self.ids
            ],
            changes=[one for one in found.changes if one.change_id not in self.ids],
        )
