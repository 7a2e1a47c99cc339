"""Settings: read from the environment, validated together, refused with value, limit and remedy."""

from __future__ import annotations

import pytest

from stream.core.tuning import Tuning
from stream.errors import Misconfigured
from stream.settings import load


def test_the_environment_is_read_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTERESTREAM_CHUNK_RECORDS", "17")

    assert load().chunk_records == 17


def test_what_is_passed_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTERESTREAM_NAMESPACE", "from-the-environment")

    assert load(namespace="given").topic("events") == "given.events"


def test_the_event_table_can_be_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTERESTREAM_EVENT_TYPES", '{"listen": {"strength": 0.3}}')

    assert list(load().event_types) == ["listen"]
    assert load().event_types["listen"].publishes


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"chunk_records": 0}, ["INTERESTREAM_CHUNK_RECORDS", "0"]),
        ({"namespace": "no spaces"}, ["INTERESTREAM_NAMESPACE", "no spaces"]),
        (
            {"heartbeat_interval_s": 5, "session_timeout_s": 6},
            ["INTERESTREAM_HEARTBEAT_INTERVAL_S", "5", "6"],
        ),
        (
            {"max_text_bytes": 9000, "max_value_bytes": 2048},
            ["INTERESTREAM_MAX_TEXT_BYTES", "9000", "2048"],
        ),
        (
            {"encoder_queue_texts": 499, "chunk_records": 500},
            ["INTERESTREAM_ENCODER_QUEUE_TEXTS", "499", "(500)", "raise the first"],
        ),
        (
            {"segments_count": 8, "segments_count_max": 7},
            ["INTERESTREAM_SEGMENTS_COUNT_MAX", "7", "(8)", "raise the first"],
        ),
        ({"segments_max_moved": 1.5}, ["INTERESTREAM_SEGMENTS_MAX_MOVED", "1.5", "1"]),
        ({"segment_min_weight": -1}, ["INTERESTREAM_SEGMENT_MIN_WEIGHT", "-1", "0"]),
        ({"kafka_security": "sasl_tls"}, ["INTERESTREAM_KAFKA_PASSWORD"]),
        ({"watchdog_s": 0.1}, ["INTERESTREAM_WATCHDOG_S", "0.1", "100"]),
        ({"event_types": {"x": {"strength": 2}}}, ["INTERESTREAM_EVENT_TYPES, x, strength, is 2:"]),
        ({"kafka_url": "kafka://a:9092"}, ["INTERESTREAM_KAFKA_URL", "kafka://a:9092", "scheme"]),
        ({"kafka_url": "a:9092,,b"}, ["INTERESTREAM_KAFKA_URL", "''", "host:port"]),
        ({"qdrant_url": "a:6333"}, ["INTERESTREAM_QDRANT_URL", "a:6333", "http://"]),
    ],
)
def test_a_refusal_names_setting_value_and_limit(
    given: dict[str, object], named: list[str]
) -> None:
    with pytest.raises(Misconfigured) as refusal:
        load(**given)

    assert all(word in str(refusal.value) for word in named)


@pytest.mark.parametrize("url", ["a:9092", "a:9092, b", "[::1]:9092", "10.0.0.1:1"])
def test_brokers_are_hosts_with_ports(url: str) -> None:
    assert load(kafka_url=url).kafka_url == url


def test_secrets_are_not_shown() -> None:
    settings = load(kafka_password="hush", qdrant_api_key="hush")

    assert "hush" not in repr(settings)


def test_every_number_of_the_core_that_has_a_setting_follows_it() -> None:
    """And the defaults are the same on both sides, so a test of the core speaks of the worker."""
    assert load(session_half_life_s=77).tuning().session_half_life_s == 77
    assert load().tuning() == Tuning()


def test_a_language_without_sentences_is_refused_and_those_that_have_them_are_named() -> None:
    assert load(why_langs=("zh",)).why_langs == ("zh",)
    assert load(why_langs=()).why_langs == ()

    with pytest.raises(Misconfigured, match=r"WHY_LANGS.*'fr'.*'en', 'zh'"):
        load(why_langs=("en", "fr"))
