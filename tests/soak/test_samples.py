"""What is read from a histogram between two looks."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator

import pytest
from prometheus_client import generate_latest

from stream.results import Results
from stream.web.metrics import LATENCY_BUCKETS, Metrics
from tests.soak.run import held, too_much
from tests.soak.samples import LATENCY, Sample, Scrape, columns, quantile, since

INF = float("inf")


def test_a_quantile_lies_evenly_within_its_bucket() -> None:
    buckets = {0.1: 50.0, 0.2: 90.0, INF: 100.0}

    assert quantile(buckets, 0.25) == pytest.approx(0.05)
    assert quantile(buckets, 0.5) == pytest.approx(0.1)
    assert quantile(buckets, 0.7) == pytest.approx(0.15)


def test_what_is_beyond_the_last_edge_is_at_it() -> None:
    assert quantile({0.1: 50.0, 0.2: 90.0, INF: 100.0}, 0.99) == 0.2


@pytest.mark.parametrize("buckets", [{}, {0.1: 0.0, INF: 0.0}])
def test_of_nothing_there_is_no_quantile(buckets: dict[float, float]) -> None:
    assert quantile(buckets, 0.5) is None


def test_only_what_came_since_the_last_look_counts() -> None:
    assert since({0.1: 5.0, INF: 9.0}, {0.1: 3.0, INF: 3.0}) == {0.1: 2.0, INF: 6.0}
    assert since({0.1: 5.0}, {}) == {0.1: 5.0}


def test_columns_have_the_fields_of_a_sample_in_order_of_time() -> None:
    one = Sample(0.0, 10.0, 20.0, 1, 2, 3, 4, 5, 6, 7, None, 8.0)
    two = Sample(5.0, 11.0, 20.0, 1, 2, 3, 4, 5, 6, 7, 9.0, 8.0)

    found = columns([one, two])

    assert found["at_s"] == [0.0, 5.0]
    assert found["p50_ms"] == [None, 9.0]
    assert len(found) == len(Sample.__slots__)


@pytest.fixture
def metrics() -> Iterator[tuple[Metrics, int]]:
    """A worker's metrics, and where they are to be had."""
    made = Metrics()

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = generate_latest(made.registry)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = http.server.HTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.005})
    thread.start()
    yield made, server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_look_reads_what_a_worker_tells(metrics: tuple[Metrics, int]) -> None:
    made, port = metrics
    made.done("events", Results(events=5, latencies_s=[0.03, 7.0], stages_s=[("save", 0.2)]))
    made.lag("events", 17)
    made.watch("held_records", "Held", lambda: 4)
    first = Scrape(port)
    made.done("events", Results(events=2, stages_s=[("save", 0.4), ("save", 0.6)]))
    second = Scrape(port)

    assert first.total("records_total", topic="events") == 5
    assert (first.total("lag_records"), first.total("held_records")) == (17, 4)
    assert first.buckets(LATENCY)[0.035] == 1
    assert set(first.buckets(LATENCY)) == {*LATENCY_BUCKETS, INF}
    assert second.mean_s("save", first) == pytest.approx(0.5)
    assert second.mean_s("save") == pytest.approx(0.4)
    assert second.mean_s("encode", first) == 0.0


@pytest.mark.parametrize(("lag", "keeps_up"), [(0, True), (6000, True), (6001, False)])
def test_a_worker_that_falls_a_minute_behind_does_not_hold_the_rate(
    lag: int, keeps_up: bool
) -> None:
    sample = Sample(300.0, 0.0, 0.0, 0, 0, 0, 0, lag, 0, 0, None, None)

    assert held(sample, 100.0) is keeps_up
    assert f"{lag:,} records wait after 300 s" in too_much(sample, 100.0)
