"""Whether a sequence model pays: python -m tests.bench.sequence [--out DIR] [--quick]

Trains it on the older part of MovieLens-100K up to several moments, as an operator would who trains
again and again, and as one who does it once; ranks the same later events with it and without it.
Writes sequence.json into --out, by default the committed folder, and its part of docs/sequence.md.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console

from stream.commands import evaluate
from stream.commands.evaluate import Options, Prepared
from stream.errors import Failed
from stream.evaluate import metrics
from stream.evaluate.intervals import Users, paired
from stream.evaluate.ranked import Method, Ranked
from stream.evaluate.sources import read
from stream.evaluate.summary import OURS, figures
from stream.settings import Settings, load
from tests.bench import command, docs, folders, machine

MODULE = "tests.bench.sequence"
PACKAGES = ("interestream", "numpy", "onnxruntime", "tokenizers", "torch")
DATA = ("ml-100k",)
#: The part's weight was chosen on events 20,000 to 40,000; what is ranked comes after them.
RANKED = Options(data=DATA, first=40_000)
QUICK = replace(RANKED, limit=43_000)
#: When a model is trained, as shares of the events, and the part's weight.
SCHEDULES: Mapping[str, tuple[Sequence[float], float]] = {
    "never (the default)": ((), 0.0),
    "before 40,000, and again every 10,000": ((0.4, 0.5, 0.6, 0.7, 0.8, 0.9), 0.4),
    "before 40,000, and again every 10,000; half the weight": (
        (0.4, 0.5, 0.6, 0.7, 0.8, 0.9),
        0.2,
    ),
    "before 40,000, and left": ((0.4,), 0.4),
    "before 20,000, and left": ((0.2,), 0.4),
}
NEVER, *_ = SCHEDULES
FIGURES = ("hr@10", "ndcg@10", "coverage@10", "calibration_kl")
METHODS = {"list": OURS, "score": f"{OURS} (score)"}


def main() -> int:
    """Exit code: 0 measured, 1 something was missing."""
    asked = command.arguments(argparse.ArgumentParser(prog=MODULE, description=__doc__))
    return command.run(
        MODULE, asked, "sequence", lambda: measured(quick=asked.quick), docs.MADE["sequence"]
    )


def measured(*, quick: bool) -> dict[str, Any]:
    """Facts, the trainings, and what each schedule gives."""
    console = Console(stderr=True)
    settings, options = load(cache_dir=folders.CACHE), QUICK if quick else RANKED
    data = read(DATA, {}, settings)
    prepared = asyncio.run(evaluate.prepare(settings, data.first(options.limit)))
    runs: dict[str, Ranked] = {}
    training_s: dict[str, float] = {}
    for name, (shares, weight) in SCHEDULES.items():
        known = [share for share in shares if share * len(data.events) < len(prepared.data.events)]
        for share in known:
            if str(share) not in training_s:
                console.print(f"training on {share:.0%} of the events")
                training_s[str(share)] = _trained(share)
        console.print(name)
        models = tuple(map(_folder, known))
        own = load(
            cache_dir=folders.CACHE,
            sequence_part=weight,
            sequence_model_dir=models[0] if models else None,
        )
        runs[name] = _ranked(prepared, own, replace(options, sequence=models), console)
    users = Users.of(runs[NEVER].users)
    return {
        **machine.facts(MODULE, PACKAGES),
        "quick": quick,
        "events": len(runs[NEVER]),
        "training_s": training_s,
        "schedules": {
            name: {"weight": SCHEDULES[name][1], **_figures(ranked, runs[NEVER], users)}
            for name, ranked in runs.items()
        },
    }


def _trained(share: float) -> float:
    """Train until that share of the events; seconds. Raises Failed where there is no model."""
    began = time.perf_counter()
    done = subprocess.run(
        [
            *(sys.executable, "-m", "export.cli", "sequence", *DATA),
            *("--until", str(share), "--out", str(_folder(share)), "--force"),
        ],
        cwd=folders.ROOT,
        check=False,
    )
    if done.returncode:
        raise Failed(f"no model of {share:.0%} of the events could be trained (see above)")
    return round(time.perf_counter() - began, 1)


def _folder(share: float) -> Path:
    return folders.CACHE / "bench" / "sequence" / str(share)


def _ranked(prepared: Prepared, settings: Settings, options: Options, console: Console) -> Ranked:
    with evaluate.bar(console, len(prepared.data.events)) as advances:
        return evaluate.played(prepared, settings, settings.tuning(), options, advances)


def _figures(ranked: Ranked, never: Ranked, users: Users) -> dict[str, Any]:
    """By the list and by the order of scores; differences to the same without a model."""
    return {
        kind: _method(ranked.methods[name], never.methods[name], ranked, users)
        for kind, name in METHODS.items()
    }


def _method(one: Method, without: Method, ranked: Ranked, users: Users) -> dict[str, Any]:
    found = figures(one, ranked, users)
    far = paired(users, *(metrics.gains(each.places, ranked.list_size) for each in (one, without)))
    return {
        **{name: found[name] for name in FIGURES},
        "difference": round(far.difference.value, 5),
        "interval": [round(far.difference.low, 5), round(far.difference.high, 5)],
        "sure": far.sure,
    }


if __name__ == "__main__":
    sys.exit(main())
