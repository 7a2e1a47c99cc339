"""What events of each type are worth by default."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from stream.settings.units import Seconds


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
