"""`interestream lookalike`: users whose tastes are like a user's or a segment's."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from stream.commands.explain import reader
from stream.commands.lookalike_cli import Kind
from stream.commands.shown import columns, plain
from stream.errors import Failed
from stream.reads.answers import Lookalike
from stream.reads.answers import Lookalikes as Answer
from stream.reads.lookalikes import Asked, Lookalikes
from stream.reads.names import StoredItems
from stream.settings import Settings

NAME_CHARS = 40


async def found(
    settings: Settings, names: Sequence[str], kind: Kind | None, asked: Asked
) -> list[Answer]:
    """The look-alikes of each; None: a name that is no user's may be a segment's.

    Raises Failed where a name is neither, Misconfigured if there is no store, and Unavailable
    while Qdrant does not answer.
    """
    async with reader(settings) as store:
        alike = Lookalikes(
            store.users, StoredItems(store.items), store.segments.current, settings.tuning()
        )
        answers = []
        for name in names:
            answer = await alike.of_user(name, asked) if kind is not Kind.SEGMENT else None
            if answer is None and kind is not Kind.USER:
                answer = await alike.of_segment(name, asked)
            if answer is None:
                raise Failed(_unknown(name, kind, settings.namespace))
            answers.append(answer)
    return answers


def _unknown(name: str, kind: Kind | None, namespace: str) -> str:
    what = kind or "user or segment"
    return (
        f"{what} {name!r} is not in namespace {namespace!r}: check the id (`interestream tail "
        "events` shows users, `interestream tail segments` segments)"
    )


def when(text: str) -> float:
    """Seconds since the epoch of an ISO 8601 date or time; without an offset it is UTC.

    Raises ValueError where it is none.
    """
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def tell(answer: Answer) -> list[str]:
    """Lines for a terminal."""
    of = f"user {plain(answer.user_id)}" if answer.user_id is not None else ""
    if answer.segment is not None:
        of = f"segment {plain(answer.segment.id)} ({plain(answer.segment.label) or '-'})"
    head = f"{answer.total} look-alikes of {of}, page {answer.page} of {max(answer.pages, 1)}"
    if not answer.users:
        return [head]
    titles = ("user", "alike", "taste", "interests", "overlap", "segment", "last active", "in what")
    return [head, *columns([titles, *map(_row, answer.users)])]


def _row(one: Lookalike) -> tuple[str, ...]:
    measures = (one.similarity, one.taste, one.interests, one.overlap)
    return (
        plain(one.user_id, NAME_CHARS),
        *(f"{measure:.2f}" for measure in measures),
        plain(one.segment or "-", NAME_CHARS),
        (one.last_active_at or "-")[:10],
        _reasons(one),
    )


def _reasons(one: Lookalike) -> str:
    interests = [
        plain(i.label if i.label == i.theirs else f"{i.label} ~ {i.theirs}", NAME_CHARS)
        for i in one.shared_interests
    ]
    items = [plain(i.title or i.item_id, NAME_CHARS) for i in one.shared_items]
    found = (
        ("interests", interests),
        ("items", items),
        ("categories", [plain(name, NAME_CHARS) for name in one.shared_categories]),
    )
    return " · ".join(f"{what}: {', '.join(names)}" for what, names in found if names) or "-"
