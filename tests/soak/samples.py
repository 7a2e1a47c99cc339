"""What a worker says of itself and what the kernel says of it, at one moment."""

from __future__ import annotations

import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import psutil
from prometheus_client.parser import text_string_to_metric_families

from stream.embedded.process import LOOPBACK

MIB = 2**20
LATENCY = "event_to_recommendation_seconds"


class Scrape:
    """Its metrics, asked for once. Raises OSError where it does not answer."""

    def __init__(self, port: int) -> None:
        with urllib.request.urlopen(f"http://{LOOPBACK}:{port}/metrics", timeout=10) as answer:
            families = text_string_to_metric_families(answer.read().decode())
            self._samples = [sample for family in families for sample in family.samples]

    def total(self, name: str, **labels: str) -> float:
        """The sum of a metric's samples that carry these labels."""
        return sum(
            sample.value
            for sample in self._samples
            if sample.name == f"interestream_{name}" and labels.items() <= sample.labels.items()
        )

    def mean_s(self, stage: str, since: Scrape | None = None) -> float:
        """Mean duration of a stage of the commit; of the runs since an earlier look, where given.

        0 where there was none.
        """
        both = [self.total(f"stage_seconds_{end}", stage=stage) for end in ("sum", "count")]
        if since is not None:
            before = [since.total(f"stage_seconds_{end}", stage=stage) for end in ("sum", "count")]
            both = [now - then for now, then in zip(both, before, strict=True)]
        return both[0] / both[1] if both[1] else 0.0

    def buckets(self, name: str) -> dict[float, float]:
        """Of a histogram: how many were at most so long, by that length."""
        return {
            float(sample.labels["le"]): sample.value
            for sample in self._samples
            if sample.name == f"interestream_{name}_bucket"
        }


@dataclass(frozen=True, slots=True)
class Sample:
    """One look.

    at_s              since the first look
    rss_mib           resident memory of the worker; store_rss_mib: of its store
    connections       open ones to anywhere; `files` are all descriptors, connections included
    threads, tasks    of the kernel, and of the event loop
    lag, held         records behind; records fetched and not done with
    events            acknowledged so far
    p50_ms, p99_ms    event to recommendation since the look before; None: no list since
    """

    at_s: float
    rss_mib: float
    store_rss_mib: float
    connections: int
    files: int
    threads: int
    tasks: int
    lag: int
    held: int
    events: int
    p50_ms: float | None
    p99_ms: float | None


class Watch:
    """Takes samples of one worker and its store."""

    def __init__(self, port: int, worker: int, store: int) -> None:
        self._port = port
        self._worker, self._store = psutil.Process(worker), psutil.Process(store)
        self._looks: list[dict[float, float]] = []  # latencies: at the first, and at the last

    def rss(self) -> int:
        """Bytes of the worker's resident memory, now."""
        return int(self._worker.memory_info().rss)

    def latencies(self) -> dict[float, float]:
        """A histogram of all lists between the first look and the last one."""
        return since(self._looks[-1], self._looks[0]) if self._looks else {}

    def look(self, at_s: float) -> Sample:
        """Raises OSError where the worker does not answer, psutil.NoSuchProcess where it ended."""
        told = Scrape(self._port)
        buckets = told.buckets(LATENCY)
        fresh = since(buckets, self._looks[-1]) if self._looks else {}
        p50, p99 = quantile(fresh, 0.5), quantile(fresh, 0.99)
        self._looks = [*self._looks[:1], buckets]
        with self._worker.oneshot():
            return Sample(
                at_s=round(at_s, 2),
                rss_mib=round(self.rss() / MIB, 2),
                store_rss_mib=round(self._store.memory_info().rss / MIB, 2),
                connections=len(self._worker.net_connections()),
                files=self._worker.num_fds(),
                threads=self._worker.num_threads(),
                tasks=int(told.total("asyncio_tasks")),
                lag=int(told.total("lag_records")),
                held=int(told.total("held_records")),
                events=int(told.total("records_total", topic="events")),
                p50_ms=_ms(p50),
                p99_ms=_ms(p99),
            )


def since(now: Mapping[float, float], before: Mapping[float, float]) -> dict[float, float]:
    """A histogram of what came after `before`."""
    return {edge: count - before.get(edge, 0.0) for edge, count in now.items()}


def quantile(buckets: Mapping[float, float], share: float) -> float | None:
    """Seconds below which this share lies, even within a bucket; None where nothing was counted.

    What is beyond the last edge counts as being at it.
    """
    edges = sorted(buckets)
    if not edges or not buckets[edges[-1]]:
        return None
    wanted = share * buckets[edges[-1]]
    low, below = 0.0, 0.0
    for edge in edges:
        if buckets[edge] >= wanted:
            if edge == float("inf"):
                return low
            return low + (edge - low) * (wanted - below) / (buckets[edge] - below)
        low, below = edge, buckets[edge]
    return low


def columns(samples: Sequence[Sample]) -> dict[str, list[float | None]]:
    """The samples by field, as JSON takes them."""
    return {name: [getattr(one, name) for one in samples] for name in Sample.__slots__}


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 1)
