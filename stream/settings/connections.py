"""Where the parts of a deployment are, and how long they may take to answer."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, Field, SecretStr, field_validator

from stream.settings.units import Seconds


class Deployment(BaseModel):
    """What the deployment is called, and where its files are."""

    namespace: str = Field("interestream", description="prefix of topics, collections and group")
    data_dir: Path = Field(Path(".data"), description="embedded store's data")
    cache_dir: Path = Field(Path(".cache"), description="unpacked model and data set archives")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="least severe line that is logged"
    )


class Kafka(BaseModel):
    """The broker: how to reach it, topics and time-outs."""

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

    @field_validator("kafka_url")
    @classmethod
    def _servers(cls, url: str) -> str:
        for server in url.split(","):
            if not re.fullmatch(r"\s*(\[[0-9a-fA-F:]+\]|[^\s:/]+)(:\d{1,5})?\s*", server):
                raise ValueError(f"{server!r} is not host:port, without a scheme, commas between")
        return url


class Chunks(BaseModel):
    """How much is taken at once, and how long a step may take."""

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


class Qdrant(BaseModel):
    """The store: how to reach it."""

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

    @field_validator("qdrant_url")
    @classmethod
    def _http(cls, url: str) -> str:
        if not re.fullmatch(r"https?://[^\s/]+/?", url):
            raise ValueError("must be like http://host:6333 or https://host:6333")
        return url


class Web(BaseModel):
    """Health, metrics and reads."""

    web_bind: str = Field(
        "127.0.0.1", description="address that health, metrics and reads listen on"
    )
    web_port: Annotated[int, Field(ge=0, le=65535)] = Field(
        6066, description="port of health, metrics and reads; 0: any free one"
    )
    web_reads_at_once: Annotated[int, Field(ge=1, le=64)] = Field(
        4, description="reads that are answered at the same time; more are told to come again"
    )
