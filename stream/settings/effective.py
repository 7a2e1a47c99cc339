"""All settings together, read from the environment and validated together."""

from __future__ import annotations

import re
from typing import Self

from pydantic import ValidationError, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

from stream.core.tuning import Tuning
from stream.errors import Misconfigured
from stream.settings.connections import Chunks, Deployment, Kafka, Qdrant, Web
from stream.settings.encoding import Encoding, Reviews
from stream.settings.inputs import Inputs
from stream.settings.profiles import Profiles
from stream.settings.recommending import Recommending, Segments


class Settings(
    # pydantic takes the fields of the last base first
    Web,
    Segments,
    Recommending,
    Profiles,
    Reviews,
    Encoding,
    Inputs,
    Qdrant,
    Chunks,
    Kafka,
    Deployment,
    BaseSettings,
):
    """Effective settings of one process."""

    model_config = SettingsConfigDict(
        env_prefix="INTERESTREAM_", frozen=True, extra="ignore", validate_default=True
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
        stalled_s = self.session_timeout_s + self.kafka_timeout_s
        if self.forget_confirm_s < stalled_s:
            raise ValueError(
                f"INTERESTREAM_FORGET_CONFIRM_S is {self.forget_confirm_s:g}, at least "
                f"INTERESTREAM_SESSION_TIMEOUT_S + INTERESTREAM_KAFKA_TIMEOUT_S ({stalled_s:g}), "
                "or what a stalled worker sends comes after it: raise the first"
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
        if self.sequence_part and self.sequence_model_dir is None:
            raise ValueError(
                f"INTERESTREAM_SEQUENCE_PART is {self.sequence_part:g} and no model is there to "
                "weigh: set INTERESTREAM_SEQUENCE_MODEL_DIR to a folder made by "
                "`interestream-export sequence`, or the first to 0"
            )
        if self.segments_count_max is not None and self.segments_count_max < self.segments_count:
            raise ValueError(
                f"INTERESTREAM_SEGMENTS_COUNT_MAX is {self.segments_count_max}, at least "
                f"INTERESTREAM_SEGMENTS_COUNT ({self.segments_count}): raise the first, or unset "
                "it for exactly as many"
            )
        if self.kafka_security.startswith("sasl") and not (
            self.kafka_username and self.kafka_password
        ):
            raise ValueError(
                f"INTERESTREAM_KAFKA_SECURITY is {self.kafka_security}: "
                "INTERESTREAM_KAFKA_USERNAME and INTERESTREAM_KAFKA_PASSWORD must be set"
            )
        return self

    def tuning(self) -> Tuning:
        """The pure functions' numbers, from the settings of the same names."""
        shared = Tuning.__dataclass_fields__.keys() & type(self).model_fields.keys()
        return Tuning(**{name: getattr(self, name) for name in shared})

    def topic(self, name: str) -> str:
        """Full topic name of "items", "events", "signals", "recommendations", "segments",
        "receipts" or "dead-letters"."""
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
