"""A worker under steady load for a long time, and what of it grows: python -m tests.soak

1. highest   events a second that it can do, with more waiting than it can do
2. hold      a share of that for so many minutes; what is looked at meanwhile is the result
Ctrl-C ends it early; what was seen until then is written.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from stream.embedded.archives import model_dir
from stream.errors import Failed
from tests.bench import docs, machine
from tests.soak import picture, rig
from tests.soak.feeder import BLOCK, USERS, Feeder, endless
from tests.soak.page import part
from tests.soak.result import found
from tests.soak.rig import Rig
from tests.soak.samples import Sample, Scrape, Watch
from tests.support import kafka, stores
from tests.support.kafka_workers import until
from tests.support.records import KeyValue

MODULE = "tests.soak"
OUT = docs.RESULTS / "soak.json"
PACKAGES = ("interestream", "numpy", "onnxruntime", "qdrant-client", "qdrant-edge-py", "uvloop")
SHORT_MINUTES = 10.0  # a shorter run is for trying it out
HIGHEST_S = 30.0
POLL_S = 0.5
AHEAD = 2 * BLOCK  # records that wait at least, while the highest is measured
END_S = 300.0
BEHIND_S = 60.0  # a worker that is so much behind does not hold the rate
IN_TIME, BY_HAND = "in time", "stopped by hand"
#: Of the service's own size, but that what is meant to fill up is full after the warm-up.
SETTINGS = {
    "session_timeout_s": 10,
    "heartbeat_interval_s": 1,
    "interests_max": 5,
    "signals_flush_s": 10,
    "segments_refit_s": 60,
    "lease_s": 30,
    "chunk_records": 500,
    "profile_cache_users": 500,
    "encoder_cache_bytes": 2 << 20,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code: 0 measured, 1 something was missing or ended."""
    asked = _arguments().parse_args(argv)
    console = Console(stderr=True)
    if asked.on == "kafka" and (why := kafka.missing() or stores.server_missing()):
        console.print(why)
        return 1
    machine.clean_environment(MODULE)
    model_dir(rig.ROOT / ".cache")  # fetched where it is not here yet
    if asked.keep:
        asked.keep.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        settings = {**SETTINGS, **dict(one.split("=", 1) for one in asked.set)}
        with rig.running(asked.on, asked.keep or Path(folder), settings) as stand:
            result = measured(stand, asked, console)
    if result is None:
        console.print("ended before there was anything to tell")
        return 1
    write({**machine.facts(MODULE, PACKAGES), "settings": settings, **result}, asked.out)
    sys.stdout.write("\n".join(part(result | {"settings": settings})) + "\n")
    return 0 if result["ended"] in (IN_TIME, BY_HAND) else 1


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"python -m {MODULE}", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0, help="that the load is held")
    parser.add_argument("--load", type=float, default=0.7, help="share of the highest rate")
    parser.add_argument("--rate", type=float, help="events a second, instead of a share")
    parser.add_argument("--every", type=float, default=5.0, help="seconds between looks")
    parser.add_argument("--on", choices=rig.STACKS, default="embedded")
    parser.add_argument("--out", type=Path, default=OUT, help="JSON; a picture goes beside it")
    parser.add_argument("--keep", type=Path, help="an empty folder for data and logs, kept")
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="a setting of the worker"
    )
    return parser


def measured(stand: Rig, asked: argparse.Namespace, console: Console) -> dict[str, Any] | None:
    """What was seen, as JSON takes it; None where it was stopped before there was enough."""
    samples: list[Sample] = []
    records, rate, highest = endless(), asked.rate, None
    watch = Watch(stand.worker.port, stand.worker.pid, stand.store.pid)
    ended = IN_TIME
    with _progress(console) as progress:
        try:
            if rate is None:
                highest = highest_rate(stand, records, progress)
                rate = asked.load * highest
            with feeding(stand, records, rate):
                for sample in looks(stand, watch, asked.minutes, asked.every, progress):
                    samples.append(sample)
                    if not held(sample, rate):
                        raise Failed(too_much(sample, rate))
        except KeyboardInterrupt:
            ended = BY_HAND
        except Exception as why:  # noqa: BLE001  # whatever it was, what was seen is written
            ended = f"{type(why).__name__}: {why}"
    if ended != IN_TIME:
        console.print(ended, highlight=False, markup=False)
    if len(samples) < 3:
        return None
    return {
        "quick": samples[-1].at_s < SHORT_MINUTES * 60,
        "ended": ended.splitlines()[0],
        "on": asked.on,
        "users": USERS,
        "highest_per_s": highest,
        "rate_per_s": rate,
        **found(samples, watch.latencies()),
    }


def highest_rate(stand: Rig, records: Iterator[KeyValue], progress: Progress) -> float:
    """Events acknowledged a second while more wait; of the second half of HIGHEST_S."""
    task = progress.add_task("highest", total=HIGHEST_S)
    started, seen = time.monotonic(), []
    sent = 0
    while (spent_s := time.monotonic() - started) < HIGHEST_S:
        done = _events(stand)
        seen.append((spent_s, done))
        progress.update(task, completed=spent_s)
        if sent - done < AHEAD:
            stand.sender.burst("events", (next(records) for _ in range(AHEAD)))
            sent = stand.sender.sent["events"]
        else:
            time.sleep(POLL_S)
    progress.update(task, completed=HIGHEST_S)
    until(stand.sender.committed, "the burst acknowledged", within_s=END_S)
    late = [one for one in seen if one[0] >= HIGHEST_S / 2]
    (first_s, first), (last_s, last) = late[0], late[-1]
    return (last - first) / (last_s - first_s)


def looks(
    stand: Rig, watch: Watch, minutes: float, every_s: float, progress: Progress
) -> Iterator[Sample]:
    """A sample now and every so often. Raises Failed where the worker ended."""
    task = progress.add_task("hold", total=minutes * 60)
    started = time.monotonic()
    for number in range(int(minutes * 60 / every_s) + 1):
        time.sleep(max(started + number * every_s - time.monotonic(), 0))
        try:
            sample = watch.look(time.monotonic() - started)
        except (OSError, psutil.NoSuchProcess) as why:
            if not stand.worker.running:
                raise Failed(f"the worker ended:\n{stand.worker.tail()}") from why
            continue  # it was busy for very long: the next look tells
        progress.update(task, completed=sample.at_s, description=_said(sample))
        yield sample


@contextmanager
def feeding(stand: Rig, records: Iterator[KeyValue], rate: float) -> Iterator[None]:
    """Send at the rate for as long as this is entered."""
    feeder = Feeder(stand.sender, records, rate).start()
    try:
        yield
    finally:
        feeder.stop()


def held(sample: Sample, rate: float) -> bool:
    """Whether the worker keeps up: no more waits than comes in BEHIND_S."""
    return sample.lag <= rate * BEHIND_S


def too_much(sample: Sample, rate: float) -> str:
    return (
        f"{sample.lag:,} records wait after {sample.at_s:.0f} s at {rate:.0f} a second, more than "
        f"come in {BEHIND_S:g} s: more than this worker can do; give a lower --load or --rate"
    )


def write(result: dict[str, Any], out: Path) -> None:
    """The JSON, the picture beside it, and the page where it is the committed file."""
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(result, indent=1) + "\n")
    out.with_suffix(".svg").write_text(picture.svg(result))
    if out.resolve() == OUT:
        docs.write()


def _events(stand: Rig) -> int:
    return int(Scrape(stand.worker.port).total("records_total", topic="events"))


def _said(sample: Sample) -> str:
    return f"hold · {sample.rss_mib:.0f} MiB · lag {sample.lag}"


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description:>28}"),
        BarColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
    )
