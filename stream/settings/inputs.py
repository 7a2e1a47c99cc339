"""Limits of what comes in, and the table of event types."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from stream.settings.event_types import EventType, default_event_types
from stream.settings.units import Seconds


class Inputs(BaseModel):
    """What is let in, and what events are worth."""

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
