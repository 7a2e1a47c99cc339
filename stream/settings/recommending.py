"""Lists of recommendations, and segments."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field, field_validator

from stream.core.sentences import TEMPLATES
from stream.settings.units import DAY_S, Part, Seconds, Share


class Recommending(BaseModel):
    """What makes a score, and lists of scores."""

    list_size: Annotated[int, Field(ge=1, le=100)] = Field(10, description="offers of a list")
    list_ttl_s: Seconds = Field(DAY_S, description="validity of a list after its newest event")
    why_langs: tuple[str, ...] = Field(
        ("en",), description="languages in which each offer says why it is made; JSON list"
    )
    interest_part: Part = Field(0.10, description="weight of the best matching interest in a score")
    session_part: Part = Field(0.20, description="weight of the match with the session in a score")
    neighbours_part: Part = Field(
        1.00, description="weight of what users of the same items went on to in a score"
    )
    hotness_part: Part = Field(0.10, description="weight of an item's popularity in a score")
    aversion_part: Part = Field(
        0.20, description="weight against an item of being like what was disliked"
    )
    sequence_part: Part = Field(
        0.0, description="weight of what a trained sequence model expects next; needs its folder"
    )
    sequence_model_dir: Path | None = Field(
        None, description="folder made by `interestream-export sequence`; unset: no such model"
    )
    hotness_scale: Annotated[float, Field(gt=0)] = Field(
        30.0, description="decayed events of an item at which its hotness is 0.63"
    )
    crowd_part: Part = Field(
        0.0, description="weight of an item's popularity with the user's segment in a score"
    )
    crowd_scale: Annotated[float, Field(gt=0)] = Field(
        5.0, description="decayed events of a segment's users at which that is 0.63"
    )
    domain_pull: Share = Field(
        0.5,
        description="hotness that items of other domains than the last one used lose for users of "
        "whom nothing is known; the more is known, the less",
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
    catalogue_max_items: Annotated[int, Field(ge=1)] = Field(
        20_000,
        description="items that are all scored for every list; of more, vectors and neighbours "
        "stay in Qdrant, and each user's candidates are looked up there",
    )
    catalogue_cache_items: Annotated[int, Field(ge=1)] = Field(
        50_000,
        description="items beyond that whose vectors and neighbours are kept, 4 KB each",
    )
    signals_flush_s: Seconds = Field(
        10.0, description="between writes of what events say about items"
    )

    @field_validator("why_langs")
    @classmethod
    def _spoken(cls, langs: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [lang for lang in langs if lang not in TEMPLATES]
        if unknown:
            raise ValueError(
                f"no sentences in {', '.join(map(repr, unknown))}: there are some in "
                f"{', '.join(map(repr, TEMPLATES))}; [] for none"
            )
        return langs


class Segments(BaseModel):
    """Groups of users."""

    segments_count: Annotated[int, Field(ge=2, le=1000)] = Field(
        8, description="segments of a model; the fewest, where there is a most"
    )
    segments_count_max: Annotated[int, Field(ge=2, le=1000)] | None = Field(
        None,
        description="the most segments of a model: as many as part the users best; unset: as many "
        "as above",
    )
    segments_refit_s: Seconds = Field(300.0, description="between fits of a new model")
    segments_sample: Annotated[int, Field(ge=10)] = Field(
        20_000, description="users in the sample a model is fitted on"
    )
    segments_max_moved: Share = Field(
        0.3,
        description="share of the sample's users that a new model may move by itself; one that "
        "would move more waits for a person's decision, unless the one in force was fitted on "
        "fewer than 25 users a segment or fewer than half of those there are now. 1: none waits",
    )
    segment_min_weight: Annotated[float, Field(ge=0)] = Field(
        0.5,
        description="weight of a user's interests for a first segment: a like or a purchase is "
        "enough, a view is not",
    )
    segment_margin: Share = Field(
        0.02, description="cosine by which another segment must be nearer to move a user"
    )
    segment_min_stay_s: Annotated[float, Field(ge=0)] = Field(
        600.0, description="event time a user stays in a segment at least"
    )
    lease_s: Seconds = Field(30.0, description="a leader silent for this long is replaced")
