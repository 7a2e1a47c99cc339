"""How good the recommendations are: python -m tests.bench.quality [--out DIR] [--only PART]

Plays MovieLens-100K through `interestream evaluate`: the whole of it with every part switched off
in turn, other protocols, and changed settings on the window that settings were chosen on. Then a
second data set, which no setting was chosen on. Writes quality.json and groceries.json into --out,
by default the committed folder, and the tables of docs/quality.md.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console
from threadpoolctl import threadpool_limits

from stream.commands import evaluate as command
from stream.commands.evaluate import LEAVE_ONE_OUT, TIME_SPLIT, Options, Prepared
from stream.core.tuning import Tuning
from stream.errors import InterestreamError
from stream.evaluate.intervals import Users, paired
from stream.evaluate.metrics import gains
from stream.evaluate.ranked import Ranked
from stream.evaluate.sources import read
from stream.evaluate.summary import OURS
from stream.settings import Settings, load
from tests.bench import docs, folders, groceries, machine

MODULE = "tests.bench.quality"
PACKAGES = ("interestream", "numpy", "onnxruntime", "tokenizers")
DATA = ("ml-100k",)
#: Where settings were chosen; what is reported as the service's quality comes after it too.
WINDOW = Options(data=DATA, first=20_000, every=10, limit=40_000)
RUNS = {
    "prequential": Options(data=DATA, ablate=True),
    "after the window": Options(data=DATA, first=40_000),
    "time-split": Options(data=DATA, protocol=TIME_SPLIT),
    "time-split, frozen": Options(data=DATA, protocol=TIME_SPLIT, frozen=True),
    "leave-one-out": Options(data=DATA, protocol=LEAVE_ONE_OUT),
}
#: What was tried on the window: settings that differ from the present ones.
IDEAS: Mapping[str, Mapping[str, Any]] = {
    "counts as they are, no prior": {"neighbour_prior_count": 1e-6},
    "prior of 20": {"neighbour_prior_count": 20.0},
    "pairs with the last 50 items": {"neighbour_window": 50},
    "pairs with the last 10 items": {"neighbour_window": 10},
    "the last items ask more": {"neighbour_query_half_life": 2.0},
    "the last items ask less": {"neighbour_query_half_life": 5.0},
    "neighbours saturate later": {"neighbour_scale": 0.2},
    "neighbours saturate earlier": {"neighbour_scale": 0.02},
    "twice the hotness": {"hotness_part": 2 * Tuning().hotness_part},
    "half the hotness": {"hotness_part": Tuning().hotness_part / 2},
    "twice the content": {
        "interest_part": 2 * Tuning().interest_part,
        "session_part": 2 * Tuning().session_part,
    },
    "no exploration": {"exploration_places": 0},
    "two exploration places": {"exploration_places": 2},
    "twice the diversity": {"diversity": 2 * Tuning().diversity},
    "twice the calibration": {"calibration": 2 * Tuning().calibration},
}
#: The second data set, by the settings as they are.
GROCERIES = {
    "prequential": Options(data=(), first=75_000, every=100, ablate=True),
    "leave-one-out": Options(data=(), protocol=LEAVE_ONE_OUT),
}
QUICK_EVENTS = 3000


def main() -> int:
    """Exit code: 0 measured, 1 something was missing."""
    asked = _arguments()
    asked.out.mkdir(parents=True, exist_ok=True)
    try:
        with threadpool_limits(1, user_api="blas"):  # as the worker does
            for part in asked.only or PARTS:
                result = PARTS[part](Console(stderr=True), quick=asked.quick)
                (asked.out / f"{part}.json").write_text(json.dumps(result, indent=1) + "\n")
                sys.stdout.write("\n".join(docs.MADE[part](result)) + "\n")
    except InterestreamError as error:
        sys.stderr.write(f"{MODULE}: {error}\n")
        return 1
    if asked.out.resolve() == docs.RESULTS:
        docs.write()
    return 0


def films(console: Console, *, quick: bool) -> dict[str, Any]:
    """Facts, the runs by name, and what each idea changes."""
    settings = load(cache_dir=folders.CACHE)
    shorter = _shorter if quick else _as_it_is
    found = runs(settings, {name: shorter(one) for name, one in RUNS.items()}, console)
    console.print("ideas")
    return {
        **machine.facts(MODULE, PACKAGES),
        "quick": quick,
        "runs": found,
        "ideas": ideas(settings, shorter(WINDOW), console),
    }


def second(console: Console, *, quick: bool) -> dict[str, Any]:
    """Facts, and the runs on the second data set by name."""
    settings = load(cache_dir=folders.CACHE)
    data = groceries.files(folders.CACHE)
    shorter = _shorter if quick else _as_it_is
    asked = {name: shorter(replace(one, data=data)) for name, one in GROCERIES.items()}
    return {
        **machine.facts(MODULE, PACKAGES),
        "quick": quick,
        "runs": runs(settings, asked, console),
    }


def runs(settings: Settings, asked: Mapping[str, Options], console: Console) -> dict[str, Any]:
    """What `interestream evaluate --json` writes, by name."""
    found: dict[str, Any] = {}
    for name, options in asked.items():
        console.print(name)
        found[name], _ = command.evaluate(settings, options, console)
    return found


#: By the name of the file and of the page's part.
PARTS = {"quality": films, "groceries": second}


def ideas(settings: Settings, options: Options, console: Console) -> list[dict[str, Any]]:
    """NDCG of the emitted list with each idea, and its difference to the present settings."""
    data = read(options.data, {}, settings).first(options.limit)
    prepared = asyncio.run(command.prepare(settings, data))
    tuning = settings.tuning()
    present = _played(prepared, settings, tuning, options, console)
    users = Users.of(present.users)
    own = gains(present.methods[OURS].places, present.list_size)
    rows: list[dict[str, Any]] = [
        {"idea": "the present settings", "settings": {}, "ndcg@10": round(float(own.mean()), 5)}
    ]
    for name, changes in IDEAS.items():
        ranked = _played(prepared, settings, replace(tuning, **changes), options, console)
        other = gains(ranked.methods[OURS].places, ranked.list_size)
        far = paired(users, other, own)
        rows.append(
            {
                "idea": name,
                "settings": dict(changes),
                "ndcg@10": round(float(other.mean()), 5),
                "difference": round(far.difference.value, 5),
                "interval": [round(far.difference.low, 5), round(far.difference.high, 5)],
                "sure": far.sure,
            }
        )
    return rows


def _as_it_is(options: Options) -> Options:
    return options


def _shorter(options: Options) -> Options:
    return replace(options, limit=QUICK_EVENTS, first=QUICK_EVENTS // 2)


def _played(
    prepared: Prepared, settings: Settings, tuning: Tuning, options: Options, console: Console
) -> Ranked:
    with command.bar(console, len(prepared.data.events)) as advances:
        return command.played(prepared, settings, tuning, options, advances)


def _arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(MODULE, description=__doc__)
    parser.add_argument("--out", type=Path, default=docs.RESULTS, help="folder for the result")
    parser.add_argument("--only", action="append", choices=PARTS, help="this part, not all")
    parser.add_argument("--quick", action="store_true", help="the first events only")
    return parser.parse_args(given)


if __name__ == "__main__":
    sys.exit(main())
