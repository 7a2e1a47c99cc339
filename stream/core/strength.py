"""What an event is worth, in [-1, 1]: a table by type, dwell, ratings, how reviews are meant."""

from __future__ import annotations

from dataclasses import dataclass

from stream.core.tuning import EventKind, Tuning

#: Distance from the user's mean (as a share of the scale) at which a rating counts in full.
RATING_SPREAD = 0.4

#: What is left of a text's sentiment that no rating stands beside. In 2,700 sentences of product
#: reviews that people had judged too, the judgement was 0.63 of what VADER reads in them.
UNRATED_SHARE = 0.6


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
    sentiment: float | None,
    ratings: RatingMean,
    tuning: Tuning,
) -> float:
    """Signed worth of an event, in [-1, 1].

    A dwell that is not known counts as the half dwell. A rated type counts by its rating r, as
    its distance from the user's shrunk mean *before* it (a mild rater's 3 of 5 can be praise), and
    by its text's sentiment s, with w = `tuning.review_sentiment_weight`:

        rating and sentiment   (1 - w)·r + w·s
        rating alone           r
        sentiment alone        UNRATED_SHARE·s, for a text is read with less certainty
        neither, or w = 0      r, and 0 without a rating

    sentiment  in [-1, 1]; None: there is no text, or nobody can say
    """
    if kind.rated:
        rated = None if rated_share is None else _distance(rated_share, ratings, tuning)
        return kind.strength * _review(rated, sentiment, tuning.review_sentiment_weight)
    if kind.half_dwell_s is None:
        return kind.strength
    dwell = kind.half_dwell_s if dwell_s is None else max(dwell_s, 0.0)
    return kind.strength * dwell / (dwell + kind.half_dwell_s)


def _distance(rated_share: float, ratings: RatingMean, tuning: Tuning) -> float:
    mean = ratings.shrunk(
        prior_mean=tuning.rating_prior_mean, prior_count=tuning.rating_prior_count
    )
    return _clipped((rated_share - mean) / RATING_SPREAD)


def _review(rated: float | None, sentiment: float | None, weight: float) -> float:
    if sentiment is None or weight == 0:
        return 0.0 if rated is None else rated
    if rated is None:
        return UNRATED_SHARE * sentiment
    return _clipped((1 - weight) * rated + weight * sentiment)


def _clipped(value: float) -> float:
    return min(max(value, -1.0), 1.0)
