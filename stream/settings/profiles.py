"""Profiles, and what events say about items."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from stream.settings.units import DAY_S, Seconds, Share


class Profiles(BaseModel):
    """What is kept of users and items, and how it fades."""

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
    category_prior: Annotated[float, Field(gt=0)] = Field(
        1.0, description="Dirichlet prior of the shares by category: total weight"
    )
    rating_prior_count: Annotated[float, Field(gt=0)] = Field(
        5.0, description="ratings that the prior mean counts as, in a user's mean"
    )
    review_text_weight: Share = Field(0.2, description="weight of a review's text beside its item")
    forget_confirm_s: Seconds = Field(
        600.0,
        description="after a user was forgotten: time in which what was on its way may still "
        "arrive. Then the outputs are put right, the user's dead letters are taken back, the name "
        "is removed and the receipt sent",
    )
    profile_cache_users: Annotated[int, Field(ge=1)] = Field(
        10_000, description="profiles a worker keeps in memory, some 45 KB each when full"
    )
