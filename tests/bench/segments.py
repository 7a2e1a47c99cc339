"""Segments on planted worlds: python -m tests.bench.segments [--out DIR] [--quick] [--only FIGURE]

Whether groups are found, users stay where they are, turns are seen and shares are those that were
planted, through the worker's own fold, assignment and fits; and what a fit of 100,000 users costs a
running service. Writes segments.json into --out, by default the committed folder; there also the
tables of docs/segments.md and the picture beside it, which are made of that file alone.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from stream.settings import load
from tests.bench import (
    command,
    docs,
    machine,
    segment_groups,
    segment_shares,
    segment_turns,
    segment_worlds,
)
from tests.bench.segment_figures import mean_and_worst

MODULE = "tests.bench.segments"
PACKAGES = ("interestream", "numpy", "scikit-learn", "qdrant-client", "qdrant-edge-py")
FIGURES = ("groups", "turns", "shares", "refit")
SEEDS, QUICK_SEEDS = 5, 1
FIT_USERS, QUICK_USERS = 100_000, 3_000
FIT_ROUNDS, QUICK_ROUNDS = 2, 1
REST_S, QUICK_REST_S = 25.0, 5.0


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code: 0 measured, 1 something was missing."""
    parser = argparse.ArgumentParser(prog=MODULE, description=__doc__)
    parser.add_argument("--seeds", type=int, help=f"worlds of each kind; {SEEDS}")
    parser.add_argument("--users", type=int, help=f"of the refit; {FIT_USERS}")
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        choices=FIGURES,
        help="measure this alone, may be repeated; the rest stays as --out has it",
    )
    asked = command.arguments(parser, argv)
    machine.clean_environment(MODULE)
    return command.run(MODULE, asked, "segments", lambda: measured(asked), docs.MADE["segments"])


def measured(asked: argparse.Namespace) -> dict[str, Any]:
    """All figures by name, and which targets they reach."""
    facts = machine.facts(MODULE, PACKAGES)
    found: dict[str, Any] = _kept(asked.out) if asked.only else {}
    wanted = asked.only or FIGURES
    seeds = range(asked.seeds or (QUICK_SEEDS if asked.quick else SEEDS))
    of = {name: facts[name] for name in ("date", "commit", "command")} | {"quick": asked.quick}
    console = Console(stderr=True)
    for name in FIGURES:
        if name in wanted:
            found |= MEASURES[name](seeds, asked, console)
            found["measured"] = found.get("measured", {}) | {name: of}
    quick = any(each["quick"] for each in found["measured"].values())
    return {**facts, "quick": quick, **found, "targets": targets(found)}


def _kept(folder: Path) -> dict[str, Any]:
    path = folder / "segments.json"
    kept: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    gone = ("machine", "versions", "command", "date", "commit", "quick", "targets")
    return {name: value for name, value in kept.items() if name not in gone}


def _groups(seeds: range, asked: argparse.Namespace, console: Console) -> dict[str, Any]:
    jobs = [(kind, seed) for kind in segment_worlds.KINDS for seed in seeds]
    users = 120 if asked.quick else None
    runs = _each("groups", jobs, lambda job: segment_groups.run(job[0], job[1], users), console)
    by_kind: dict[str, list[dict[str, Any]]] = {}
    for (kind, _), run in zip(jobs, runs, strict=True):
        by_kind.setdefault(kind, []).append(run)
    return {
        "recovery": {kind: _recovery(some) for kind, some in by_kind.items()},
        "stability": {kind: _stability(some) for kind, some in by_kind.items()},
    }


def _recovery(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {
        name: round(float(np.mean([run[name] for run in runs])), 1)
        for name in ("users", "events_a_user")
    }
    for name in segment_groups.COUNTS:
        own = [run["recovery"][name] for run in runs]
        each = [one["rand"] for one in own]
        found[name] = {
            **mean_and_worst(each),
            "each": each,
            "segments": [one["segments"] for one in own],
            "in_one": round(float(np.mean([one["in_one"] for one in own])), 4),
        }
    return found


def _stability(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    names = runs[0]["stability"][segment_groups.COUNTS[0]]
    return {
        count: {
            name: mean_and_worst([run["stability"][count][name] for run in runs]) for name in names
        }
        for count in segment_groups.COUNTS
    }


def _turns(seeds: range, asked: argparse.Namespace, console: Console) -> dict[str, Any]:
    plan = segment_worlds.RESTLESS
    if asked.quick:
        plan = replace(plan, users=60)
    runs = _each("turns", list(seeds), lambda seed: segment_turns.run(seed, plan), console)
    turns = [turn for run in runs for turn in run["turns"]]
    rules = runs[0]["flapping"]
    return {
        "flapping": {
            "users": sum(run["users"] for run in runs),
            "days": runs[0]["days"],
            "min_stay_s": runs[0]["min_stay_s"],
            "margin": runs[0]["margin"],
            "rules": {
                rule: {
                    name: round(sum(run["flapping"][rule][name] for run in runs), 5)
                    if "per" not in name
                    else round(float(np.mean([run["flapping"][rule][name] for run in runs])), 5)
                    for name in rules[rule]
                }
                for rule in rules
            },
        },
        "drift": {
            "target": segment_turns.TARGET,
            "window": segment_turns.WINDOW,
            "half_life_days": runs[0]["half_life_days"],
            **segment_turns.summary(turns),
            "delays": segment_turns.by_width(turns),
        },
    }


def _shares(seeds: range, asked: argparse.Namespace, console: Console) -> dict[str, Any]:
    plan = segment_shares.PLAN
    if asked.quick:
        plan = replace(plan, users=12, days=30)
    runs = _each("shares", list(seeds), lambda seed: segment_shares.run(seed, plan), console)
    return {"shares": segment_shares.pooled(runs)}


def _refit(seeds: range, asked: argparse.Namespace, console: Console) -> dict[str, Any]:
    from tests.bench import segment_refit  # a broker's and a store's clients: only where they work

    users = asked.users or (QUICK_USERS if asked.quick else FIT_USERS)
    rounds = QUICK_ROUNDS if asked.quick else FIT_ROUNDS
    default = min(load().segments_sample, users)
    samples = [(users, rounds), (default, 1)]
    rest_s = QUICK_REST_S if asked.quick else REST_S
    return {"refit": segment_refit.measured(users, samples, rest_s, console.print)}


MEASURES: Mapping[str, Callable[[range, argparse.Namespace, Console], dict[str, Any]]] = {
    "groups": _groups,
    "turns": _turns,
    "shares": _shares,
    "refit": _refit,
}


def targets(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Each target beside what was found: all of those whose figures are there."""
    rows: list[dict[str, Any]] = []

    def add(figure: str, what: str, value: float, sign: str, target: float) -> None:
        reached = value >= target if sign == "≥" else value <= target
        rows.append(
            {
                "figure": figure,
                "what": what,
                "value": value,
                "sign": sign,
                "target": target,
                "reached": bool(reached),
            }
        )

    for kind, one in found.get("recovery", {}).items():
        for count in segment_groups.COUNTS:
            what = f"{kind}, number {count}: mean adjusted Rand"
            add("recovery", what, one[count]["mean"], "≥", 0.9)
    for name in STABLE if "stability" in found else ():
        means = [
            one[count][name]["worst"]
            for one in found["stability"].values()
            for count in segment_groups.COUNTS
        ]
        add(
            "stability",
            f"{STABLE[name]}: share that keeps its id, worst world",
            min(means),
            "≥",
            0.99,
        )
    if "flapping" in found:
        back = found["flapping"]["rules"][segment_turns.SERVICE]["back_within_min_stay_s"]
        add("flapping", "changes and back within `min_stay_s`", back, "≤", 0)
    if "drift" in found:
        drift = found["drift"]
        for name in ("p50", "p95", "worst") if "p50" in drift["by_weight"] else ():
            what = f"events from the new taste's majority to the change, {name}"
            add("drift", what, drift["by_weight"][name], "≤", drift["target"])
    for how in segment_shares.AS if "shares" in found else ():
        for kind in ("double", "triple"):
            for name in ("interests", "categories"):
                value = found["shares"][how][f"{kind} 200"][name]
                add("shares", f"{kind} taste, 200 events {how}, {name}: mean L1", value, "≤", 0.1)
    for run in found.get("refit", {}).get("runs", []):
        what = f"refit, sample of {run['sample']:,}"
        add(
            "refit",
            f"{what}: seconds in all, worst",
            max(r["all_s"] for r in run["refits"]),
            "≤",
            60,
        )
        add("refit", f"{what}: events' p99 beside rest", run["p99_ratio"], "≤", 2)
    return rows


STABLE = {
    "unchanged": "refits on unchanged data",
    "fresh sample": "another half of the users",
    "5% more": "5 % more users",
    "50% more": "50 % more users",
}


def _each(
    what: str, jobs: Sequence[Any], run: Callable[[Any], dict[str, Any]], console: Console
) -> list[dict[str, Any]]:
    columns = (TextColumn("{task.description:>28}"), BarColumn(), TimeElapsedColumn())
    found = []
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(what, total=len(jobs))
        for job in jobs:
            progress.update(task, description=f"{what} {job}")
            found.append(run(job))
            progress.advance(task)
    return found


if __name__ == "__main__":
    sys.exit(main())
