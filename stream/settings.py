"""Every setting of the service, read from `INTERESTREAM_*` variables and validated together.

A duration, size or rate carries its unit in its name. `Settings()` reads the environment when it
is called, never at import. `interestream doctor` prints the effective values.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from stream.errors import Misconfigured

DAY_S = 86_400.0
Seconds = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0, le=1)]


class EventType(BaseModel):
    """What an event of one type is worth and what it sets in motion.

    strength           signed worth in [-1, 1]; of a rating or review: the scale its value spans
    half_dwell_s       dwell at which half of the strength is reached; None: dwell does not matter
    updates            whether the profile's masses change; else only rings and counts do
    publishes          whether a fresh list follows (a shown list must not cause a new list)
    needs_item         whether `item_id` must be there
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    strength: Annotated[float, Field(ge=-1, le=1)] = 0.0
    half_dwell_s: Seconds | None = None
    updates: bool = True
    publishes: bool = True
    needs_item: bool = True


def default_event_types() -> dict[str, EventType]:
    """The table by default; a deployment may replace any of it."""
    quiet = {"updates": False, "publishes": False}
    return {
        "view": EventType(strength=0.1, publishes=False),
        "click": EventType(strength=0.6, half_dwell_s=20),
        "skip": EventType(strength=-0.2),
        "hide": EventType(strength=-0.8),
        "like": EventType(strength=0.8),
        "dislike": EventType(strength=-0.8),
        "add_to_cart": EventType(strength=0.7),
        "purchase": EventType(strength=1.0),
        "rating": EventType(strength=1.0),
        "review": EventType(strength=1.0),
        "impression": EventType(**quiet, needs_item=False),
        "forget": EventType(**quiet, needs_item=False),
    }


class Settings(BaseSettings):
    """Effective settings of one process."""

    model_config = SettingsConfigDict(
        env_prefix="INTERESTREAM_", frozen=True, extra="ignore", validate_default=True
    )

    # --- names and places
    namespace: str = Field("interestream", description="prefix of topics, collections and group")
    data_dir: Path = Field(Path(".data"), description="embedded store's data")
    cache_dir: Path = Field(Path(".cache"), description="unpacked model and data set archives")
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    # --- Kafka
    kafka_url: str = Field("127.0.0.1:9092", description="bootstrap servers, comma separated")
    kafka_security: Literal["plaintext", "tls", "sasl_plaintext", "sasl_tls"] = "plaintext"
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    kafka_username: str | None = None
    kafka_password: SecretStr | None = None
    kafka_ca_file: Path | None = None
    kafka_idempotence: bool = Field(True, description="producer idempotence; Tansu refuses it")
    topic_partitions: Annotated[int, Field(ge=1, le=1024)] = 4
    topic_replication: Annotated[int, Field(ge=1)] = 1
    session_timeout_s: Annotated[float, Field(ge=3)] = 10.0
    heartbeat_interval_s: Seconds = 1.0
    fetch_max_wait_ms: Annotated[int, Field(ge=1, le=5000)] = Field(
        20, description="Tansu waits it out even when data is there; Apache Kafka: 500 will do"
    )
    kafka_timeout_s: Seconds = 10.0

    # --- chunks
    chunk_records: Annotated[int, Field(ge=1, le=10_000)] = 500
    chunk_budget_ms: Annotated[float, Field(gt=0)] = 100.0
    watchdog_s: Seconds = 60.0
    shutdown_s: Seconds = 15.0
    max_bug_records_per_hour: Annotated[int, Field(ge=0)] = 10

    # --- Qdrant
    qdrant_url: str = "http://127.0.0.1:6333"
    qdrant_grpc_port: Annotated[int, Field(ge=1, le=65535)] = 6334
    qdrant_api_key: SecretStr | None = None
    qdrant_timeout_s: Seconds = 10.0
    accept_empty: bool = Field(
        False, description="start though `users` is empty and offsets are not"
    )

    # --- input limits
    max_value_bytes: Annotated[int, Field(ge=1024, le=64 << 20)] = 1 << 20
    max_id_bytes: Annotated[int, Field(ge=16, le=4096)] = 256
    max_text_bytes: Annotated[int, Field(ge=256)] = 16_384
    max_categories: Annotated[int, Field(ge=1)] = 32
    max_future_s: Seconds = 300.0
    max_age_days: Annotated[float, Field(gt=0)] = 400.0
    ignored_user_ids: frozenset[str] = frozenset({"", "null", "anonymous"})
    event_types: dict[str, EventType] = Field(default_factory=default_event_types)

    # --- encoder
    model_dir: Path | None = Field(None, description="folder with model.onnx and tokenizer.json")
    encoder_sessions: Annotated[int, Field(ge=0)] = Field(0, description="0: one a core")
    batch_tokens: Annotated[int, Field(ge=64)] = 256
    max_tokens: Annotated[int, Field(ge=8, le=512)] = 256
    encoder_cache_bytes: Annotated[int, Field(ge=0)] = 64 << 20
    encoder_queue_texts: Annotated[int, Field(ge=1)] = 4096

    # --- profiles
    session_half_life_s: Seconds = 1800.0
    interest_half_life_s: Seconds = 14 * DAY_S
    aversion_half_life_s: Seconds = 30 * DAY_S
    category_half_life_s: Seconds = 30 * DAY_S
    hotness_half_life_s: Seconds = 3 * DAY_S
    interests_max: Annotated[int, Field(ge=1, le=16)] = 5
    interest_merge_cosine: Share = 0.55
    confidence_weight: Annotated[float, Field(gt=0)] = Field(
        1.0, description="w0 of the confidence w / (w + w0)"
    )
    category_prior: Annotated[float, Field(gt=0)] = Field(1.0, description="Dirichlet prior, total")
    rating_prior_count: Annotated[float, Field(gt=0)] = 5.0
    review_text_weight: Share = 0.2
    profile_cache_users: Annotated[int, Field(ge=0)] = 20_000

    # --- recommending
    list_size: Annotated[int, Field(ge=1, le=100)] = 10
    list_ttl_s: Seconds = DAY_S
    catalogue_max_items: Annotated[int, Field(ge=1)] = 20_000
    replica_poll_s: Seconds = 1.0
    replica_overlap_s: Seconds = 30.0
    signals_flush_s: Seconds = 10.0

    # --- segments
    segments_count: Annotated[int, Field(ge=2, le=1000)] = 8
    segments_refit_s: Seconds = 300.0
    segments_sample: Annotated[int, Field(ge=10)] = 20_000
    segment_margin: Share = 0.02
    segment_min_stay_s: Annotated[float, Field(ge=0)] = 600.0
    lease_s: Seconds = 30.0

    # --- web
    web_bind: str = "127.0.0.1"
    web_port: Annotated[int, Field(ge=0, le=65535)] = 6066

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", self.namespace):
            raise ValueError(
                f"INTERESTREAM_NAMESPACE is {self.namespace!r}: letters, digits, '_' and '-', "
                "at most 64, starting with a letter or digit"
            )
        if self.heartbeat_interval_s * 3 > self.session_timeout_s:
            raise ValueError(
                f"INTERESTREAM_HEARTBEAT_INTERVAL_S is {self.heartbeat_interval_s:g}, at most a "
                f"third of INTERESTREAM_SESSION_TIMEOUT_S ({self.session_timeout_s:g}): "
                "lower the first"
            )
        if self.max_text_bytes > self.max_value_bytes:
            raise ValueError(
                f"INTERESTREAM_MAX_TEXT_BYTES is {self.max_text_bytes}, at most "
                f"INTERESTREAM_MAX_VALUE_BYTES ({self.max_value_bytes})"
            )
        if self.chunk_budget_ms / 1000 > self.watchdog_s / 2:
            raise ValueError(
                f"INTERESTREAM_WATCHDOG_S is {self.watchdog_s:g}: at least twice the chunk budget "
                f"(INTERESTREAM_CHUNK_BUDGET_MS = {self.chunk_budget_ms:g})"
            )
        if self.kafka_security.startswith("sasl") and not (
            self.kafka_username and self.kafka_password
        ):
            raise ValueError(
                f"INTERESTREAM_KAFKA_SECURITY is {self.kafka_security}: "
                "INTERESTREAM_KAFKA_USERNAME and INTERESTREAM_KAFKA_PASSWORD must be set"
            )
        return self

    def topic(self, name: str) -> str:
        """Full topic name of "items", "events", "signals", "recommendations", "segments" or
        "dead-letters"."""
        return f"{self.namespace}.{name}"


def load(**overrides: object) -> Settings:
    """Settings from the environment; what `overrides` names comes from there instead.

    Raises Misconfigured with one line per setting that does not fit.
    """
    try:
        return Settings(**overrides)  # type: ignore[arg-type]  # checked by pydantic
    except ValidationError as error:
        lines = [_explain(detail) for detail in error.errors()]  # type: ignore[arg-type]
        raise Misconfigured("\n".join(lines)) from error


def _explain(detail: dict[str, object]) -> str:
    where = "_".join(str(part) for part in detail["loc"])  # type: ignore[attr-defined]
    message = str(detail["msg"]).removeprefix("Value error, ")
    if not where:
        return message
    return f"INTERESTREAM_{where.upper()} is {detail['input']!r}: {message}"
