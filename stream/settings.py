"""Every setting of the service, read from `INTERESTREAM_*` variables and validated together.

A duration, size or rate carries its unit in its name. `Settings()` reads the environment when it
is called, never at import. `interestream doctor` prints the effective values.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

from stream.core.tuning import Tuning
from stream.errors import Misconfigured

DAY_S = 86_400.0
Seconds = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Part = Annotated[float, Field(ge=0, le=10)]  # of a score: a weight, 0 switches off


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
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="least severe line that is logged"
    )

    # --- Kafka
    kafka_url: str = Field("127.0.0.1:9092", description="bootstrap servers, comma separated")
    kafka_security: Literal["plaintext", "tls", "sasl_plaintext", "sasl_tls"] = Field(
        "plaintext", description="how to connect: plain or TLS, with or without a SASL login"
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "SCRAM-SHA-512",
        description="login method; counts only with a sasl_ value of KAFKA_SECURITY",
    )
    kafka_username: str | None = Field(None, description="SASL login")
    kafka_password: SecretStr | None = Field(None, description="SASL login; never shown")
    kafka_ca_file: Path | None = Field(
        None,
        description="PEM file of the broker's certificate authority; unset: the system's",
    )
    kafka_idempotence: bool = Field(True, description="producer idempotence; Tansu refuses it")
    topic_partitions: Annotated[int, Field(ge=1, le=1024)] = Field(
        4,
        description="partitions of the topics it creates: the most workers that can share the work",
    )
    topic_replication: Annotated[int, Field(ge=1)] = Field(
        1, description="copies of each partition of the topics it creates"
    )
    session_timeout_s: Annotated[float, Field(ge=3)] = Field(
        10.0, description="a worker silent for this long loses its partitions"
    )
    heartbeat_interval_s: Seconds = Field(
        1.0, description="between signs of life; at most a third of the session timeout"
    )
    fetch_max_wait_ms: Annotated[int, Field(ge=1, le=5000)] = Field(
        20, description="Tansu waits it out even when data is there; Apache Kafka: 500 will do"
    )
    kafka_timeout_s: Seconds = Field(
        10.0, description="wait for the broker's answer or confirmation"
    )

    # --- chunks
    chunk_records: Annotated[int, Field(ge=1, le=10_000)] = Field(
        500, description="most records of one partition that are taken at once"
    )
    chunk_budget_ms: Annotated[float, Field(gt=0)] = Field(
        100.0, description="time after which a chunk is cut into a further part"
    )
    watchdog_s: Seconds = Field(
        60.0,
        description="a step that hangs this long makes liveness fail; at least 2 chunk budgets",
    )
    shutdown_s: Seconds = Field(15.0, description="time to finish what is in hand after SIGTERM")
    max_bug_records_per_hour: Annotated[int, Field(ge=0)] = Field(
        10, description="records dead-lettered for the service's own bugs before it stops"
    )

    # --- Qdrant
    qdrant_url: str = Field(
        "http://127.0.0.1:6333",
        description="REST address of Qdrant; its gRPC port is a setting of its own",
    )
    qdrant_grpc_port: Annotated[int, Field(ge=1, le=65535)] = Field(
        6334, description="gRPC port at the same host"
    )
    qdrant_api_key: SecretStr | None = Field(
        None, description="sent with every request; never shown"
    )
    qdrant_timeout_s: Seconds = Field(10.0, description="wait for Qdrant's answer")
    accept_empty: bool = Field(
        False, description="start though `users` is empty and offsets are not"
    )

    # --- input limits
    max_value_bytes: Annotated[int, Field(ge=1024, le=64 << 20)] = Field(
        1 << 20, description="of a record's value; a larger one is a dead letter"
    )
    max_id_bytes: Annotated[int, Field(ge=16, le=4096)] = Field(
        256, description="of an id, category or vector name, UTF-8"
    )
    max_text_bytes: Annotated[int, Field(ge=256)] = Field(
        16_384, description="of a title or text, UTF-8"
    )
    max_categories: Annotated[int, Field(ge=1)] = Field(32, description="of an item")
    max_future_s: Seconds = Field(300.0, description="how far `at` may be ahead of the clock")
    max_age_days: Annotated[float, Field(gt=0)] = Field(
        400.0, description="events older than this are counted and skipped"
    )
    ignored_user_ids: frozenset[str] = Field(
        frozenset({"", "null", "anonymous"}),
        description="users who stand for nobody in particular; JSON list",
    )
    event_types: dict[str, EventType] = Field(
        default_factory=default_event_types,
        description="what events of each type are worth and set in motion; JSON object",
    )

    # --- encoder
    model_dir: Path | None = Field(
        None, description="folder with model.onnx, tokenizer.json and manifest.json"
    )
    encoder_provider: Literal["cpu", "cuda", "openvino"] = Field(
        "cpu", description="what runs the model; cuda needs the extra gpu, openvino its own"
    )
    encoder_fallback: bool = Field(
        False, description="run on the CPU where the provider cannot be had, instead of refusing"
    )
    encoder_sessions: Annotated[int, Field(ge=0)] = Field(
        0, description="sessions of one thread on the CPU; 0: one a core, or what a quota gives"
    )
    encoder_cores: str = Field(
        "", description="cores that sessions are bound to, such as 0-3,6; empty: not bound"
    )
    batch_tokens: Annotated[int, Field(ge=64)] = Field(
        256,
        description="padded tokens of one run of the model; on a GPU less than 16384 counts as "
        "16384",
    )
    max_tokens: Annotated[int, Field(ge=8, le=512)] = Field(
        256,
        description="texts are cut here, or where the model ends; what is stored stays as it is",
    )
    max_wait_ms: Annotated[float, Field(ge=0, le=1000)] = Field(
        0.0, description="that a batch which is not full waits for more while others run"
    )
    encoder_cache_bytes: Annotated[int, Field(ge=0)] = Field(
        64 << 20, description="vectors kept by text; 0: none"
    )
    encoder_queue_texts: Annotated[int, Field(ge=1)] = Field(
        4096,
        description="texts that may wait in each of the encoder's two lanes; at least "
        "chunk_records",
    )

    # --- reviews
    sentiment: Literal["vader", "head", "off"] = Field(
        "vader", description="who reads how a review is meant: VADER (English), a trained head"
    )
    sentiment_dir: Path | None = Field(
        None, description="folder of the trained head; unset: `sentiment` in the model's folder"
    )
    review_lang: str = Field("en", description="language of reviews that do not say theirs")
    review_sentiment_weight: Share = Field(
        0.3, description="share of the text's sentiment in a review's strength beside its rating"
    )

    # --- profiles
    session_half_life_s: Seconds = Field(1800.0, description="of the session's weights")
    interest_half_life_s: Seconds = Field(14 * DAY_S, description="of the interests' weights")
    aversion_half_life_s: Seconds = Field(
        30 * DAY_S, description="of the weight of what was disliked"
    )
    category_half_life_s: Seconds = Field(30 * DAY_S, description="of the weights by category")
    hotness_half_life_s: Seconds = Field(14 * DAY_S, description="of an item's popularity")
    neighbour_half_life_s: Seconds = Field(
        180 * DAY_S, description="of how often items were used together"
    )
    neighbour_window: Annotated[int, Field(ge=1, le=50)] = Field(
        20, description="a user's last items that an event is paired with, and that are asked"
    )
    neighbour_place_half_life: Annotated[float, Field(gt=0)] = Field(
        20.0, description="items back at which a pair counts half"
    )
    neighbour_query_half_life: Annotated[float, Field(gt=0)] = Field(
        3.0, description="items back at which an item of the user's is asked half"
    )
    neighbour_prior_count: Annotated[float, Field(gt=0)] = Field(
        5.0, description="events that every item is taken to have had in vain, against chance"
    )
    neighbour_scale: Annotated[float, Field(gt=0)] = Field(
        0.05, description="normalised co-occurrence that makes an item half as near as can be"
    )
    offered_signal_weight: Share = Field(
        0.3, description="weight, for everybody else's lists, of an event on one's own offer"
    )
    signals_per_hour: Annotated[int, Field(ge=1)] = Field(
        1000, description="of a user that count for everybody else; more are left out"
    )
    interests_max: Annotated[int, Field(ge=1, le=16)] = Field(5, description="interests of a user")
    interest_merge_cosine: Share = Field(
        0.42,
        description="an item with at least this mean cosine to an interest's items joins it, else "
        "it starts one; counts only while the catalogue has less than 50 items",
    )
    interest_young_cosine: Share = Field(
        0.06,
        description="what an interest of weight 1 asks for beyond that, falling with the root of "
        "its weight; counts only while the catalogue has less than 50 items",
    )
    interest_merge_spread: Annotated[float, Field(ge=-3, le=3)] = Field(
        0.3,
        description="the mean cosine that joining asks for, from 50 items on: standard deviations "
        "above the mean cosine of two of the catalogue's items",
    )
    interest_young_spread: Annotated[float, Field(ge=0, le=3)] = Field(
        0.6,
        description="the same of what an interest of weight 1 asks for beyond that: standard "
        "deviations",
    )
    confidence_weight: Annotated[float, Field(gt=0)] = Field(
        1.0, description="w0 of the confidence w / (w + w0)"
    )
    category_prior: Annotated[float, Field(gt=0)] = Field(1.0, description="Dirichlet prior, total")
    rating_prior_count: Annotated[float, Field(gt=0)] = Field(
        5.0, description="ratings that the prior mean counts as, in a user's mean"
    )
    review_text_weight: Share = Field(0.2, description="weight of a review's text beside its item")
    profile_cache_users: Annotated[int, Field(ge=1)] = Field(
        10_000, description="profiles a worker keeps in memory, some 45 KB each when full"
    )

    # --- recommending
    list_size: Annotated[int, Field(ge=1, le=100)] = Field(10, description="offers of a list")
    list_ttl_s: Seconds = Field(DAY_S, description="validity of a list after its newest event")
    interest_part: Part = Field(0.10, description="weight of the best matching interest in a score")
    session_part: Part = Field(0.20, description="weight of the match with the session in a score")
    neighbours_part: Part = Field(
        1.00, description="weight of what users of the same items went on to in a score"
    )
    hotness_part: Part = Field(0.10, description="weight of an item's popularity in a score")
    aversion_part: Part = Field(
        0.20, description="weight against an item of being like what was disliked"
    )
    hotness_scale: Annotated[float, Field(gt=0)] = Field(
        30.0, description="decayed events of an item at which its hotness is 0.63"
    )
    freshness_part: Part = Field(0.05, description="weight of having just been published")
    freshness_half_life_s: Seconds = Field(
        7 * DAY_S, description="age at which freshness is one half; younger items are also cold"
    )
    diversity: Part = Field(
        0.03, description="score that an offer loses for being like one above it; 0: none"
    )
    calibration: Part = Field(
        0.05, description="score that a list loses for straying from the user's categories; 0: none"
    )
    category_cap: Annotated[float, Field(gt=0, le=1)] = Field(
        1.0, description="largest share of a list that one category takes while others are left"
    )
    exploration_places: Annotated[int, Field(ge=0, le=100)] = Field(
        1, description="last places of a list, drawn by lot from cold items and new categories"
    )
    cold_events: Annotated[float, Field(ge=0)] = Field(
        5.0, description="decayed events below which an item is cold"
    )
    replica_poll_s: Seconds = Field(1.0, description="between looks for changed items")
    replica_overlap_s: Seconds = Field(
        30.0, description="looked back at each look, for writers' clocks that differ"
    )
    signals_flush_s: Seconds = Field(
        10.0, description="between writes of what events say about items"
    )

    # --- segments
    segments_count: Annotated[int, Field(ge=2, le=1000)] = Field(
        8, description="segments of a model"
    )
    segments_refit_s: Seconds = Field(300.0, description="between fits of a new model")
    segments_sample: Annotated[int, Field(ge=10)] = Field(
        20_000, description="users in the sample a model is fitted on"
    )
    segment_margin: Share = Field(
        0.02, description="cosine by which another segment must be nearer to move a user"
    )
    segment_min_stay_s: Annotated[float, Field(ge=0)] = Field(
        600.0, description="event time a user stays in a segment at least"
    )
    lease_s: Seconds = Field(30.0, description="a leader silent for this long is replaced")

    # --- web
    web_bind: str = Field("127.0.0.1", description="address that health and metrics listen on")
    web_port: Annotated[int, Field(ge=0, le=65535)] = Field(
        6066, description="port of health and metrics; 0: any free one"
    )

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
        if self.encoder_queue_texts < self.chunk_records:
            raise ValueError(
                f"INTERESTREAM_ENCODER_QUEUE_TEXTS is {self.encoder_queue_texts}, at least "
                f"INTERESTREAM_CHUNK_RECORDS ({self.chunk_records}), or a full chunk does not fit: "
                "raise the first"
            )
        if self.kafka_security.startswith("sasl") and not (
            self.kafka_username and self.kafka_password
        ):
            raise ValueError(
                f"INTERESTREAM_KAFKA_SECURITY is {self.kafka_security}: "
                "INTERESTREAM_KAFKA_USERNAME and INTERESTREAM_KAFKA_PASSWORD must be set"
            )
        return self

    @field_validator("kafka_url")
    @classmethod
    def _servers(cls, url: str) -> str:
        for server in url.split(","):
            if not re.fullmatch(r"\s*(\[[0-9a-fA-F:]+\]|[^\s:/]+)(:\d{1,5})?\s*", server):
                raise ValueError(f"{server!r} is not host:port, without a scheme, commas between")
        return url

    @field_validator("qdrant_url")
    @classmethod
    def _http(cls, url: str) -> str:
        if not re.fullmatch(r"https?://[^\s/]+/?", url):
            raise ValueError("must be like http://host:6333 or https://host:6333")
        return url

    def tuning(self) -> Tuning:
        """The pure functions' numbers, from the settings of the same names."""
        shared = Tuning.__dataclass_fields__.keys() & type(self).model_fields.keys()
        return Tuning(**{name: getattr(self, name) for name in shared})

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
        lines = [_explain(detail) for detail in error.errors()]
        raise Misconfigured("\n".join(lines)) from error


def _explain(detail: ErrorDetails) -> str:
    """One line for a person: the variable, what is in it, and what is wrong with that."""
    message = detail["msg"].removeprefix("Value error, ")
    if not detail["loc"]:
        return message
    name, *inside = map(str, detail["loc"])
    where = "".join(f", {part}" for part in inside) + ("," if inside else "")
    return f"INTERESTREAM_{name.upper()}{where} is {detail['input']!r}: {message}"
