"""Prometheus metrics of a worker: seconds and bytes, no user or item labels."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

from stream.results import Results
from stream.wire.reasons import REJECTIONS, Fate, Note, Reason

#: From a millisecond to ten seconds; the promise is 250 ms at p99, so it has an edge there.
LATENCY_BUCKETS = (0.005, 0.01, 0.02, 0.035, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10)
STAGE_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5)
#: An idle worker answers within milliseconds, one that is busy with events within a second.
READ_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
STATUSES = ("2xx", "3xx", "4xx", "5xx")
TOKEN_BUCKETS = (16, 64, 128, 256, 512, 1024, 2048, 4096, 8192)


class Metrics:
    """One registry a worker, so two workers in one process (a test) do not mix."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"interestream_{name}", text, labels, registry=registry)

        self._events = counter("records", "Records acknowledged, by topic", "topic")
        self._results = counter("results", "What became of records", "topic", "result")
        self._skipped = counter("skipped", "Counted and acknowledged, by reason", "reason")
        self._letters = counter("dead_letters", "Sent to the dead letters", "topic", "reason")
        self._notes = counter(
            "notes", "Applied all the same: unknown items, keys that are not the user's", "what"
        )
        self._lists = counter("lists", "Fresh lists published")
        self._changes = counter("segment_changes", "Segment changes published")
        self._updates = counter("user_updates", "Profiles saved")
        self._conflicts = counter("conflicts", "Profiles written by another writer meanwhile")
        self._latency = Histogram(
            "interestream_event_to_recommendation_seconds",
            "From the record's timestamp to the confirmed publication of the list",
            buckets=LATENCY_BUCKETS,
            registry=registry,
        )
        self._stages = Histogram(
            "interestream_stage_seconds",
            "Duration of a step of the commit, per sub-chunk",
            ["stage"],
            buckets=STAGE_BUCKETS,
            registry=registry,
        )
        self._tokens = Histogram(
            "interestream_encoder_batch_tokens",
            "Padded tokens of an encoder batch",
            buckets=TOKEN_BUCKETS,
            registry=registry,
        )
        self._encoder = Gauge(
            "interestream_encoder_info",
            "What really runs the model: always 1",
            ["provider", "dtype", "model"],
            registry=registry,
        )
        self._real_tokens = counter("encoder_real_tokens", "Tokens that were not padding")
        self._encoder_seconds = counter("encoder_run_seconds", "Time spent in the model")
        self._requests = counter(
            "http_requests", "HTTP requests answered, by class of status", "endpoint", "status"
        )
        self._request_seconds = Histogram(
            "interestream_http_request_seconds",
            "From an HTTP request's arrival to its answer",
            ["endpoint"],
            buckets=READ_BUCKETS,
            registry=registry,
        )
        self._lag = Gauge(
            "interestream_lag_records",
            "Records between the committed offset and the end, by topic",
            ["topic"],
            registry=registry,
        )
        ProcessCollector(registry=registry)
        self._show_zeros()

    def _show_zeros(self) -> None:
        """Every series from the start: an increase over nothing is not seen."""
        for topic in ("items", "events", "signals"):
            for reason in REJECTIONS:
                self._letters.labels(topic, str(reason))
        for reason in Reason:
            if reason.fate is Fate.SKIPPED:
                self._skipped.labels(str(reason))
        for note in Note:
            self._notes.labels(str(note))

    def watch(self, name: str, text: str, value: Callable[[], float]) -> None:
        """A gauge that asks `value` each time it is read."""
        Gauge(f"interestream_{name}", text, registry=self.registry).set_function(value)

    def done(self, topic: str, results: Results) -> None:
        """Count a delivery that was acknowledged."""
        self._events.labels(topic).inc(results.events)
        self._results.labels(topic, "applied").inc(results.applied)
        self._results.labels(topic, "already_applied").inc(results.already_applied)
        for reason, count in results.skipped.items():
            self._skipped.labels(str(reason)).inc(count)
        for reason, count in results.dead_letters.items():
            self._letters.labels(topic, str(reason)).inc(count)
        for what, count in results.notes.items():
            self._notes.labels(what).inc(count)
        self._lists.inc(results.lists)
        self._changes.inc(results.segment_changes)
        self._updates.inc(results.user_updates)
        self._conflicts.inc(results.conflicts)
        for seconds in results.latencies_s:
            self._latency.observe(seconds)
        for stage, seconds in results.stages_s:
            self._stages.labels(stage).observe(seconds)

    def batch(self, padded_tokens: int, real_tokens: int, seconds: float) -> None:
        """Count a run of the model."""
        self._tokens.observe(padded_tokens)
        self._real_tokens.inc(real_tokens)
        self._encoder_seconds.inc(seconds)

    def encoder(self, provider: str, dtype: str, model: str) -> None:
        """Tell what runs the model, and in which precision."""
        self._encoder.labels(provider, dtype, model).set(1)

    def serves(self, endpoint: str) -> None:
        """Have an endpoint shown from the start; it is named as in `answered`."""
        self._request_seconds.labels(endpoint)
        for status in STATUSES:
            self._requests.labels(endpoint, status)

    def answered(self, endpoint: str, status: int, seconds: float) -> None:
        """Count a request.

        endpoint  one of `serves`: a path with its parameters' names in braces, never as asked for
        status    of the answer, such as 404
        """
        self._requests.labels(endpoint, f"{status // 100}xx").inc()
        self._request_seconds.labels(endpoint).observe(seconds)

    def lag(self, topic: str, records: int) -> None:
        self._lag.labels(topic).set(records)
