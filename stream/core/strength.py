"""What an event is worth, in [-1, 1]: a table by type, dwell, ratings against the user's mean."""

from __future__ import annotations

from dataclasses import dataclass

from stream.core.tuning import EventKind, Tuning

#: Distance from the user's mean (as a share of the scale) at which a rating counts in full.
RATING_SPREAD = 0.4


@dataclass(frozen=True, slots=True)
class RatingMean:
    """Sum and number of a user's ratings, each as a share of its scale, in [0, 1]."""

    total: float = 0.0
    count: int = 0

    def add(self, share: float) -> RatingMean:
        """With one more rating."""
        return RatingMean(self.total + share, self.count + 1)

    def shrunk(self, *, prior_mean: float, prior_count: float) -> float:
        """The mean, pulled towards `prior_mean` as if that many ratings of it had come first."""
        return (self.total + prior_mean * prior_count) / (self.count + prior_count)


def rating_share(rating: float, rating_max: float | None) -> float:
    """A rating as a share of its scale, clipped to [0, 1]; the scale is 5 where not given."""
    return min(max(rating / (rating_max or 5.0), 0.0), 1.0)


def strength(
    kind: EventKind,
    *,
    dwell_s: float | None,
    rated_share: float | None,
    ratings: RatingMean,
    tuning: Tuning,
) -> float:
    """Signed worth of an event, in [-1, 1].

    A rating counts by its distance from the user's shrunk mean *before* it, so a mild rater's 3 of
    5 can be praise. A dwell that is not known counts as the half dwell. A rated type without a
    rating says nothing about the item: 0.
    """
    if kind.rated:
        if rated_share is None:
            return 0.0
        mean = ratings.shrunk(
            prior_mean=tuning.rating_prior_mean, prior_count=tuning.rating_prior_count
        )
        distance = (rated_share - mean) / RATING_SPREAD
        return kind.strength * min(max(distance, -1.0), 1.0)
    if kind.half_dwell_s is None:
        return kind.strength
    dwell = kind.half_dwell_s if dwell_s is None else max(dwell_s, 0.0)
    return kind.strength * dwell / (dwell + kind.half_dwell_s)
