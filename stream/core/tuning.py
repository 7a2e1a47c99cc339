"""The numbers that the pure functions take; `stream.settings` explains and validates them."""

from __future__ import annotations

from dataclasses import dataclass

DAY_S = 86_400.0

RECENT_MAX = 50
SEEN_MAX = 500
EVENT_IDS_MAX = 64
SOURCES_MAX = 64
OUTBOX_MAX = 8
OFFERED_MAX = 40
CATEGORIES_MAX = 64
CAUSES_MAX = 16
FORGETS_MAX = 8


@dataclass(frozen=True, slots=True)
class Tuning:
    """Half-lives in seconds, thresholds as cosines, weights without unit."""

    session_half_life_s: float = 1800.0
    interest_half_life_s: float = 14 * DAY_S
    aversion_half_life_s: float = 30 * DAY_S
    category_half_life_s: float = 30 * DAY_S
    hotness_half_life_s: float = 14 * DAY_S
    neighbour_half_life_s: float = 180 * DAY_S
    neighbour_window: int = 20
    neighbour_place_half_life: float = 20.0
    neighbour_query_half_life: float = 3.0
    neighbour_prior_count: float = 5.0
    neighbour_scale: float = 0.05
    offered_signal_weight: float = 0.3
    signals_per_hour: int = 1000
    interests_max: int = 5
    interest_merge_cosine: float = 0.42
    interest_young_cosine: float = 0.06
    interest_merge_spread: float = 0.3
    interest_young_spread: float = 0.6
    confidence_weight: float = 1.0
    category_prior: float = 1.0
    rating_prior_count: float = 5.0
    rating_prior_mean: float = 0.7
    review_text_weight: float = 0.2
    review_sentiment_weight: float = 0.3
    list_size: int = 10
    # bounded parts of the score: their constants are named by the ranker's version
    neighbours_part: float = 1.00
    interest_part: float = 0.10
    session_part: float = 0.20
    hotness_part: float = 0.10
    aversion_part: float = 0.20
    sequence_part: float = 0.0
    crowd_part: float = 0.0
    hotness_scale: float = 30.0
    crowd_scale: float = 5.0
    domain_pull: float = 0.5
    freshness_part: float = 0.05
    freshness_half_life_s: float = 7 * DAY_S
    # from scores to lists
    diversity: float = 0.03
    calibration: float = 0.05
    category_cap: float = 1.0
    exploration_places: int = 1
    cold_events: float = 5.0


@dataclass(frozen=True, slots=True)
class EventKind:
    """What an event of one type is worth and sets in motion (a row of the settings' table).

    strength      in [-1, 1]
    half_dwell_s  dwell at which half of the strength is reached; None: dwell does not matter
    updates       whether masses change
    publishes     whether a fresh list follows
    rated         whether the strength comes from the event's rating
    forgets       whether the profile is to be forgotten
    """

    strength: float
    half_dwell_s: float | None = None
    updates: bool = True
    publishes: bool = True
    rated: bool = False
    forgets: bool = False
