"""The topics of a deployment, and the size limits that are set together."""

from __future__ import annotations

from dataclasses import dataclass, field

from stream.settings import Settings

HEADROOM_BYTES = 32 << 10  # key and headers of a record, framing of its batch
RETENTION_DAYS = 7
DEAD_LETTER_RETENTION_DAYS = 30
DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class TopicPlan:
    """A topic as it is created; `configs` are Kafka's topic settings."""

    name: str
    partitions: int
    replication: int
    configs: dict[str, str] = field(default_factory=dict)


def letter_limit(settings: Settings) -> int:
    """Bytes of a dead letter's value: an input over its limit still fits, up to twice it."""
    return 2 * settings.max_value_bytes


def record_limit(settings: Settings) -> int:
    """Bytes of the largest record that this service sends or fetches."""
    return letter_limit(settings) + HEADROOM_BYTES


def topic_plans(settings: Settings) -> list[TopicPlan]:
    """Every topic: inputs, outputs, the internal signals, and the dead letters."""
    inputs = settings.max_value_bytes + HEADROOM_BYTES
    compact, expire = _compact(), _expire(RETENTION_DAYS)
    letters = {**_expire(DEAD_LETTER_RETENTION_DAYS), "cleanup.policy": "compact,delete"}
    kinds = [
        ("items", compact, inputs),
        ("events", expire, inputs),
        ("signals", expire, inputs),
        ("recommendations", compact, inputs),
        ("segments", expire, inputs),
        ("receipts", compact, inputs),
        ("dead-letters", letters, record_limit(settings)),
    ]
    return [
        TopicPlan(
            settings.topic(name),
            settings.topic_partitions,
            settings.topic_replication,
            {**policy, "max.message.bytes": str(limit)},
        )
        for name, policy, limit in kinds
    ]


def _compact() -> dict[str, str]:
    return {"cleanup.policy": "compact"}


def _expire(days: int) -> dict[str, str]:
    return {"cleanup.policy": "delete", "retention.ms": str(days * DAY_MS)}
