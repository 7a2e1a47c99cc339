"""The table of what is served: paths, parameters, answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from msgspec import UNSET, Struct

from stream.reads import answers
from stream.reads.reads import Reads
from stream.web.questions import (
    AlikeTo,
    Explained,
    ItemPath,
    Listed,
    Near,
    Nothing,
    Paged,
    SegmentPath,
    UserPath,
)

Ask = Callable[[Reads, str, Any], Awaitable[Struct | None]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One resource.

    path    with the path's parameter in braces
    within  the path's parameter; Nothing: there is none
    asked   the query's parameters
    ask     from reads, the path's parameter and the query to the answer; None: 404
    """

    path: str
    summary: str
    within: type[Struct]
    asked: type[Struct]
    answer: type[Struct]
    ask: Ask

    @property
    def kind(self) -> str:
        """What the path's parameter names."""
        return self.path.split("/")[2].removesuffix("s")


def _recommendations(reads: Reads, name: str, asked: Listed) -> Awaitable[Struct | None]:
    return reads.recommendations(name, n=asked.n, filters=asked.filters())


def _explain(reads: Reads, name: str, asked: Explained) -> Awaitable[Struct | None]:
    return reads.explain(name, lang=None if asked.lang is UNSET else asked.lang)


def _users(reads: Reads, name: str, asked: Paged) -> Awaitable[Struct | None]:
    return reads.users_of(name, n=asked.n, after=None if asked.after is UNSET else asked.after)


ENDPOINTS = (
    Endpoint(
        "/v1/users/{user_id}",
        "What is known of a user",
        UserPath,
        Nothing,
        answers.User,
        lambda reads, name, _: reads.user(name),
    ),
    Endpoint(
        "/v1/users/{user_id}/recommendations",
        "A list for a user, ranked now",
        UserPath,
        Listed,
        answers.Recommendations,
        _recommendations,
    ),
    Endpoint(
        "/v1/users/{user_id}/explain",
        "A user, and why the list that was published last is what it is",
        UserPath,
        Explained,
        answers.Explanation,
        _explain,
    ),
    Endpoint(
        "/v1/users/{user_id}/lookalikes",
        "Other users whose tastes are like a user's",
        UserPath,
        AlikeTo,
        answers.Lookalikes,
        lambda reads, name, asked: reads.lookalikes(name, asked.asked()),
    ),
    Endpoint(
        "/v1/items/{item_id}/neighbours",
        "What users of an item went on to",
        ItemPath,
        Near,
        answers.ItemNeighbours,
        lambda reads, name, asked: reads.neighbours(name, n=asked.n),
    ),
    Endpoint(
        "/v1/segments",
        "The segment model in force",
        Nothing,
        Nothing,
        answers.SegmentsAnswer,
        lambda reads, _, __: reads.segments(),
    ),
    Endpoint(
        "/v1/segments/{segment_id}/users",
        "Users of a segment, page by page",
        SegmentPath,
        Paged,
        answers.Members,
        _users,
    ),
    Endpoint(
        "/v1/segments/{segment_id}/lookalikes",
        "Users of other segments whose tastes are like a segment's",
        SegmentPath,
        AlikeTo,
        answers.Lookalikes,
        lambda reads, name, asked: reads.lookalikes_of_segment(name, asked.asked()),
    ),
)
