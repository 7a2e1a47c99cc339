"""Trained models beside `interestream` on the same events: python -m tests.peers.run

MovieLens-100K in time order, as `interestream evaluate ml-100k` plays it. Each peer is trained on
all before a moment and left, or trained again every 10,000 events; what it is asked with is the
user's true history up to the ranked event. Writes peers.json into --out, by default the folder that
is committed. `make peers` runs it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from export.sequence.log import Log, asked, log_of
from export.sequence.network import Shape
from export.sequence.ranking import LIST_SIZE
from stream.commands.evaluate import Options, Prepared, prepare, variants
from stream.errors import InterestreamError
from stream.evaluate import protocol
from stream.evaluate.engine import Engine
from stream.evaluate.play import Player
from stream.evaluate.protocol import Plan
from stream.evaluate.ranked import Ranked
from stream.evaluate.sources import MOVIELENS, read
from stream.evaluate.summary import settings_of
from stream.observe import event_kinds
from stream.settings import Settings, load
from tests.bench import machine
from tests.peers import implicit_als, sasrec
from tests.peers.compared import compared
from tests.peers.training import Trained, fits, ranked

MODULE = "tests.peers.run"
RESULTS = machine.ROOT / "tests" / "bench" / "results"
PACKAGES = ("interestream", "numpy", "scipy", "implicit", "torch", "onnxruntime")
FIRST, SHARE, EVERY = 20_000, 0.8, 10
REFIT_EVERY = 10_000
QUICK_EVENTS = 24_000
NICE = 10

Train = Callable[[Log], Trained]
Figures = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Played:
    """What all settings share: the uses, and our own rankings at every moment that any asks of."""

    log: Log
    ours: Ranked
    events: int


def main() -> int:
    """Exit code: 0 measured, 1 something was missing."""
    asked_for = _arguments()
    machine.clean_environment(MODULE)
    os.nice(max(NICE - os.nice(0), 0))
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1, user_api="blas"):
            result = measured(quick=asked_for.quick, refitted=not asked_for.once)
    except InterestreamError as error:
        sys.stderr.write(f"{MODULE}: {error}\n")
        return 1
    asked_for.out.mkdir(parents=True, exist_ok=True)
    (asked_for.out / "peers.json").write_text(json.dumps(result, indent=1) + "\n")
    return 0


def measured(*, quick: bool, refitted: bool) -> Figures:
    """Everything that the file holds. Raises Misconfigured where the data is not to be had."""
    started = time.perf_counter()
    found = {**machine.facts(MODULE, PACKAGES), "quick": quick}
    settings = load()
    data = read([MOVIELENS], {}, settings).first(QUICK_EVENTS if quick else None)
    plans = {
        "prequential": protocol.prequential(data.events, first=FIRST, every=EVERY),
        "time-split": protocol.time_split(data.events, share=SHARE, every=EVERY, learning=True),
    }
    prepared = asyncio.run(prepare(settings, data))
    played = _played(prepared, settings, list(plans.values()))
    _say(f"{len(played.ours):,} events ranked by interestream in {played.ours.seconds:.0f} s")
    peers = families(quick=quick)
    found["settings"] = {
        "data": data.name,
        "list_size": LIST_SIZE,
        "every": EVERY,
        "refit_every": REFIT_EVERY,
        "interestream": settings_of(settings.tuning()),
    }
    found["interestream_seconds"] = round(played.ours.seconds, 2)
    found["protocols"] = {
        name: _protocol(plan, played, peers, refitted=refitted) for name, plan in plans.items()
    }
    return found | {"seconds": round(time.perf_counter() - started, 1)}


def families(*, quick: bool) -> dict[str, Train]:
    """The peers by name."""
    shape = Shape(epochs_max=2) if quick else Shape()
    return {
        "implicit ALS": partial(implicit_als.train, names=("ALS",)),
        "implicit item-item": partial(implicit_als.train, names=("cosine", "TF-IDF", "BM25")),
        "SASRec": partial(sasrec.train, shape=shape),
    }


def _played(prepared: Prepared, settings: Settings, plans: list[Plan]) -> Played:
    """One run for all plans: all of them learn everything, so it is the same run."""
    ranked_by_any = np.any([plan.ranked for plan in plans], axis=0)
    learned = np.ones(len(ranked_by_any), np.bool_)
    kinds, tuning = event_kinds(settings), settings.tuning()
    engine = Engine(prepared.catalogue, kinds, tuning, prepared.contents)
    flush_events = Options(()).flush_events
    player = Player(engine, variants(tuning, ablate=False), flush_events=flush_events)
    events = prepared.data.events
    ours = player.play(events, Plan("all", ranked_by_any, learned))
    return Played(log_of(events, kinds, prepared.catalogue.rows), ours, len(events))


def _protocol(plan: Plan, played: Played, peers: Mapping[str, Train], *, refitted: bool) -> Figures:
    """One setting of the moment: figures of all, ours included, on the plan's rankings."""
    log, ours = played.log, played.ours
    inside = plan.ranked[ours.events]
    start = int(np.flatnonzero(plan.ranked)[0])
    due = asked(log, ours.events[inside].tolist())
    assert [len(own) for own in due.histories] == ours.history[inside].tolist()
    places = {name: method.places[inside] for name, method in ours.methods.items()}
    later = range(start + REFIT_EVERY, played.events, REFIT_EVERY) if refitted else ()
    training: Figures = {}
    for name, train in peers.items():
        fitted = fits(log, train, [start, *later])
        places[name] = ranked(log, due, {start: fitted[start]})
        training[name] = {
            "chosen": {str(moment): dict(fit.chosen) for moment, fit in fitted.items()},
            "seconds": {str(moment): fit.seconds for moment, fit in fitted.items()},
        }
        if len(fitted) > 1:
            places[f"{name} (refitted)"] = ranked(log, due, fitted)
        _say(f"{plan.name}: {name} trained in {sum(f.seconds for f in fitted.values()):.0f} s")
    users = [user for user, yes in zip(ours.users, inside, strict=True) if yes]
    found = compared(places, users, _known(log, start, due.places))
    for name, one in found["methods"].items():
        _say(f"  {name:32} HR@10 {one['hr@10']:.4f}  NDCG@10 {one['ndcg@10']:.4f}")
    part = log.before(start)
    first = {"trained_before": start, "trained_on": len(part)}
    return first | {"trained_on_users": len(set(part.users.tolist())), "training": training} | found


def _known(log: Log, start: int, places: np.ndarray[Any, np.dtype[np.intp]]) -> Any:
    """(r,) whether each ranking's user had used anything before the start."""
    users = log.users[np.searchsorted(log.places, places)]
    return np.isin(users, log.before(start).users)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=f"python -m {MODULE}", description=__doc__)
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder for the result")
    parser.add_argument("--quick", action="store_true", help="few events: to see that it runs")
    parser.add_argument("--once", action="store_true", help="without the models trained again")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
