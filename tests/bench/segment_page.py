"""The tables of segments.json for the documentation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

COUNTS = {"given": "number given", "chosen": "number chosen"}
STABLE = {
    "unchanged": "three refits on the same users",
    "nearest": "the same by the nearest centroid alone, without the margin",
    "fresh sample": "one half of the users, then the other",
    "5% more": "5 % more users",
    "50% more": "50 % more users",
}
MAJORITIES = {
    "by_weight": "more than half of the user's decayed weight is of the new taste",
    "by_latest": "more than half of the user's latest {window} events are",
}


def lines(result: Mapping[str, Any]) -> list[str]:
    """The targets, then each figure that is there."""
    found = [*_measured(result), "", *_targets(result["targets"])]
    parts = (
        ("recovery", _recovery),
        ("stability", _stability),
        ("flapping", _flapping),
        ("drift", _drift),
        ("shares", _shares),
        ("refit", _refit),
    )
    for name, part in parts:
        if name in result:
            found += ["", *part(result[name])]
    return found


def _measured(result: Mapping[str, Any]) -> list[str]:
    parts = [
        f"{name} {one['date'][:10]} at {one['commit']}" for name, one in result["measured"].items()
    ]
    return [f"Measured: {', '.join(parts)}."]


def _targets(targets: Sequence[Mapping[str, Any]]) -> list[str]:
    rows = [
        (
            f"`{one['figure']}`",
            one["what"],
            f"{one['value']:g}",
            f"{one['sign']} {one['target']:g}",
            "met" if one["reached"] else "**not met**",
        )
        for one in targets
    ]
    return _table(("figure", "what", "found", "target", ""), rows)


def _recovery(kinds: Mapping[str, Any]) -> Iterator[str]:
    yield "**`recovery`**: adjusted Rand index of users' segments against their planted groups, by"
    yield "kind of world; with the number of segments given, and chosen from 2 to 12."
    yield ""
    rows = []
    for kind, one in kinds.items():
        for count, words in COUNTS.items():
            own = one[count]
            rows.append(
                (
                    kind,
                    words,
                    f"{one['users']:.0f}",
                    f"{one['events_a_user']:.1f}",
                    _percent(own["in_one"]),
                    ", ".join(map(str, own["segments"])),
                    f"{own['mean']:.3f}",
                    f"{own['worst']:.3f}",
                )
            )
    head = ("world", "", "users", "events a user", "in a segment", "segments", "mean", "worst")
    yield from _table(head, rows)


def _stability(kinds: Mapping[str, Any]) -> Iterator[str]:
    yield "**`stability`**: share of the users whose segment has the same id after a refit, mean"
    yield "and worst world."
    yield ""
    rows = [
        (
            STABLE[name],
            words,
            *(
                f"{_percent(one[count][name]['mean'])}, {_percent(one[count][name]['worst'])}"
                for one in kinds.values()
            ),
        )
        for name in STABLE
        for count, words in COUNTS.items()
    ]
    yield from _table(("refit on", "", *kinds), rows)


def _flapping(found: Mapping[str, Any]) -> Iterator[str]:
    yield (
        f"**`flapping`**: {found['users']:,} users over {found['days']:g} days with noise, bots, a "
        "pause, people who turn, and a refit with a sweep every second day; by what a move asks "
        f"for. The service asks for a margin of {found['margin']:g} and {found['min_stay_s']:g} s."
    )
    yield ""
    rows = [
        (
            rule,
            f"{one['moves']:,}",
            f"{one['moves_per_user_and_day']:.4f}",
            f"{one['back_within_min_stay_s']:,}",
            f"{one['back_within_a day']:,}",
        )
        for rule, one in found["rules"].items()
    ]
    head = ("rule", "changes", "a user and day", "back within `min_stay_s`", "back within a day")
    yield from _table(head, rows)


def _drift(found: Mapping[str, Any]) -> Iterator[str]:
    yield (
        f"**`drift`**: {found['users']:,} users who turned to the taste of a group whose segment "
        "is another one; events of the user (those that say something of a taste) from the one "
        "that gave the new taste the majority to the one whose save put the change into the "
        "outbox. "
        f"Negative: the change came first. Interests have a half-life of "
        f"{found['half_life_days']:g} days."
    )
    yield ""
    head = ("the majority", "p50", "p95", "worst", f"within {found['target']}")
    yield from _table(
        head,
        (
            (
                words.format(window=found["window"]),
                *_spread(found[name]),
                _percent(found[name]["within_target"]),
            )
            for name, words in MAJORITIES.items()
        ),
    )
    yield ""
    yield "Of the first, by the number of main categories of the new taste beside the old one:"
    yield ""
    yield from _table(
        ("the new taste is", "users", "p50", "p95", "worst"),
        ((name, str(one["users"]), *_spread(one)) for name, one in found["by_width"].items()),
    )
    yield ""
    yield "And what the delay is made of, each beside what comes before it:"
    yield ""
    yield from _table(
        ("cause", "p50", "p95", "worst"),
        ((name, *_spread(one)) for name, one in found["causes"].items()),
    )


def _shares(found: Mapping[str, Any]) -> Iterator[str]:
    yield (
        "**`shares`**: L1 between published shares and planted ones, over the taste's main "
        "categories and one place for all else, in the mean over users; beside it what the plain "
        "numbers of the same events are off by, the error of the draw."
    )
    yield ""
    rows = [
        (
            how,
            *at.split(),
            f"{one['users']}",
            f"{one['interests']:.3f}",
            f"{one['categories']:.3f}",
            f"{one['weights']:.3f}",
            f"{one['draw']:.3f}",
        )
        for how, each in found.items()
        for at, one in each.items()
    ]
    head = (
        "events",
        "taste",
        "number",
        "users",
        "`interests`",
        "`categories`",
        "strengths",
        "draw",
    )
    yield from _table(head, rows)


def _refit(found: Mapping[str, Any]) -> Iterator[str]:
    yield (
        f"**`refit`**: {found['users']:,} users on {found['store']}, one worker under "
        f"{found['rate_per_s']:g} events a second, which rests (nobody fits, nobody is moved) and "
        "fits in turns."
    )
    yield ""
    steps = [
        (
            f"{run['sample']:,}",
            f"{one['read_s']:.1f}",
            f"{one['fit_s']:.1f}",
            f"{one['save_s']:.1f}",
            f"{one['all_s']:.1f}",
            *(f"{run['rss_mib'][name]:.0f}" for name in run["rss_mib"]),
        )
        for run in found["runs"]
        for one in run["refits"]
    ]
    sizes = [f"{name}, MiB" for name in found["runs"][0]["rss_mib"]]
    yield from _table(("sample", "reading, s", "fitting", "saving", "in all", *sizes), steps)
    yield ""
    yield "From event to recommendation, by the topics' timestamps:"
    yield ""
    rows = [
        (
            f"{run['sample']:,}",
            {"rest": "at rest", "refit": "during refits"}[kind],
            f"{one['events']:,}",
            *(f"{one[name]:.0f}" for name in ("p50_ms", "p99_ms", "max_ms")),
            f"× {run['p99_ratio']:.2f}" if kind == "refit" else "",
        )
        for run in found["runs"]
        for kind, one in run["latency_ms"].items()
    ]
    yield from _table(
        ("sample", "", "events", "p50, ms", "p99, ms", "max, ms", "p99 beside rest"), rows
    )


def _spread(one: Mapping[str, Any]) -> tuple[str, str, str]:
    if "p50" not in one:
        return ("–", "–", "–")
    p50, p95, worst = (f"{one[name]:g}".replace("-", "−") for name in ("p50", "p95", "worst"))
    return p50, p95, worst


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    every = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(line) + " |" for line in every]
