"""What the demo shows at its end: some users with their lists and why, and a summary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from stream.commands import segments
from stream.demo import changes
from stream.demo.audience import Received
from stream.demo.plan import event_id
from stream.demo.run import Outcome, percentiles_ms
from stream.demo.score import HitRate
from stream.errors import Failed
from stream.wire.messages import Recommendation, SegmentChange

USERS = 3
RECENT = 5
TOP = 5
FITS = 3
MOVES = 5


def show(outcome: Outcome, console: Console) -> None:
    """A few users, then the segments, then the summary."""
    newest = outcome.audience.newest()
    titles = {film.item_id: film.title for film in outcome.films}
    rated = Counter(rating.user_id for rating in outcome.plan.ratings)
    recently = list(dict.fromkeys(r.user_id for r in reversed(outcome.plan.ratings)))
    for user in [user for user in recently if user in newest and rated[user] >= RECENT][:USERS]:
        history = [r for r in outcome.plan.ratings if r.user_id == user][-RECENT:]
        console.print(f"\n[bold]user {user}[/] rated last: ", end="")
        console.print(
            ", ".join(f"{titles[r.item_id]} {r.stars:g}★" for r in reversed(history)),
            highlight=False,
        )
        console.print(_table(newest[user], titles))
    _segments(outcome, console)
    _summary(outcome, console)


def _table(message: Recommendation, titles: dict[str, str]) -> Table:
    interests = ", ".join(f"{i.label} {i.share:.0%}" for i in message.interests[:3]) or "none yet"
    table = Table(caption=f"interests: {interests} · segment {message.segment or 'none yet'}")
    for name in ("#", "film", "score", "from", "because you liked"):
        table.add_column(name)
    for offer in message.items[:TOP]:
        because = ", ".join(titles.get(item, item) for item in offer.because)
        table.add_row(str(offer.rank), offer.title, f"{offer.score:.3f}", offer.source, because)
    return table


def _segments(outcome: Outcome, console: Console) -> None:
    """As `interestream segments list` shows them, and who went from one to another and why."""
    console.print("\n[bold]segments[/] (interestream segments list)")
    lines = segments.tell(outcome.segments, fits=FITS)
    if told := _told(outcome):
        lines += ["", "moves between segments, such as", *(f"  {words}" for _, words in told)]
    for line in lines:
        console.print(line, highlight=False, markup=False)
    console.print()


def _told(outcome: Outcome) -> list[tuple[SegmentChange, str]]:
    """A few moves and their words."""
    seen = list(outcome.audience.changes.values())
    titles = {film.item_id: film.title for film in outcome.films}
    rated = {
        event_id(place): f"rated {titles[rating.item_id]} {rating.stars:g}★"
        for place, rating in enumerate(outcome.plan.ratings)
    }
    labels, gone = changes.labels_of(seen), changes.out_of_gone(seen, outcome.segments.fits)
    return [
        (change, changes.in_words(change, labels, rated, gone))
        for change in changes.telling(seen, MOVES, gone)
    ]


def _summary(outcome: Outcome, console: Console) -> None:
    facts = summary(outcome)
    table = Table(title="summary", show_header=False)
    for name, value in facts.items():
        table.add_row(name.replace("_", " "), _shown(value))
    console.print(table)


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return " to ".join(str(each) for each in value)
    if isinstance(value, dict):
        return ", ".join(f"{name} {each}" for name, each in value.items()) or "–"
    return f"{value:,}" if isinstance(value, int) else str(value)


def as_json(outcome: Outcome) -> dict[str, Any]:
    """What the JSON file holds: the summary, the segments, and some moves between them."""
    return {
        **summary(outcome),
        "segments": msgspec.to_builtins(segments.as_json(outcome.segments, fits=FITS)),
        "moves": [changes.as_json(change, words) for change, words in _told(outcome)],
    }


def summary(outcome: Outcome) -> dict[str, Any]:
    """Numbers; times in seconds unless the name says otherwise."""
    counters, quality = outcome.counters, outcome.quality
    facts: dict[str, Any] = {
        "events_in": counters.events,
        "applied": counters.applied,
        "already_applied": counters.already_applied,
        "skipped": counters.skipped,
        "dead_letters": counters.dead_letters,
        "unknown_items": counters.notes.get("unknown_item", 0),
        "users": len(outcome.audience.newest()),
        "lists": counters.lists,
        "segment_changes": len(outcome.audience.changes),
        "segment_changes_by_cause": changes.by_cause(outcome.audience.changes.values()),
        "conflicts": counters.conflicts,
        "events_per_s": round(outcome.history_events / outcome.history_s, 1),
        "user_updates_per_s": round(outcome.history_updates / outcome.history_s, 1),
        "latency_ms": percentiles_ms(outcome.latencies_s),
        "live_lists": len(outcome.latencies_s),
        **_rate("hit_rate_at_10", quality.ours if quality else None),
        **_rate("popularity_hit_rate_at_10", quality.popularity if quality else None),
        "judged_lists": quality.lists if quality else 0,
        "seconds_to_first_list": round(outcome.first_list_s, 1),
        "seconds_items": round(outcome.items_s, 1),
        "seconds_history": round(outcome.history_s, 1),
        "seconds_live": round(outcome.live_s, 1),
        "encoder": encoder(outcome.audience.received.values()),
    }
    return facts


def encoder(received: Iterable[Received]) -> str:
    """The hash that the lists carry of their encoder; several with commas between, none is ""."""
    return ", ".join(sorted({one.message.model.encoder for one in received}))


def _rate(name: str, rate: HitRate | None) -> dict[str, Any]:
    """A rate and its 95 % interval; None where no list could be judged."""
    if rate is None:
        return {name: None, f"{name}_interval": None}
    return {
        name: round(rate.rate, 4),
        f"{name}_interval": [round(rate.low, 4), round(rate.high, 4)],
    }


def check(outcome: Outcome) -> None:
    """Raise Failed unless the summary adds up and every touched user got a list."""
    counters = outcome.counters
    parts = (
        counters.applied
        + counters.already_applied
        + sum(counters.skipped.values())
        + sum(counters.dead_letters.values())
    )
    if not counters.events == outcome.sent == parts:
        raise Failed(
            f"{outcome.sent} events were sent, {counters.events} acknowledged, "
            f"and applied + already applied + skipped + dead letters = {parts}"
        )
    touched = {rating.user_id for rating in outcome.plan.ratings}
    missing = touched - outcome.audience.newest().keys()
    if missing:
        raise Failed(f"{len(missing)} touched users got no list, e.g. {sorted(missing)[:3]}")
