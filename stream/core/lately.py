"""What was added to a tally, day by day, for as long as it takes to know the tally of a week ago.

A decayed sum forgets what it was: the weights of last week are in it, and so is what came since.
Sums subtract as they add, so the tally of then is the tally of now without the days since, brought
back to its time. Days hold only what was touched in them, which is less than copies of the tally
would take, and a late event lands in its own day: the order of arrival does not matter, which a
copy made at some moment would depend on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from stream.core.decay import Tally, factor
from stream.core.tuning import DAY_S

#: How long ago "a week ago" is: at the start of this day before the present one, UTC.
WEEK_DAYS = 7
#: The present day and those before it back to that moment.
DAYS_MAX = WEEK_DAYS + 1
#: Share of what came since below which the rest is rounding: days are kept in half precision.
ROUNDING = 0.01

Weights = Mapping[str, float]


def day_of(at: float) -> int:
    """Days since the epoch, UTC."""
    return int(at // DAY_S)


@dataclass(frozen=True, slots=True)
class Lately:
    """The last days of a tally.

    days   by their numbers since the epoch what came in each, decayed to its end; those with
           something in them, none older than the newest of the tally minus WEEK_DAYS
    since  the first day of which everything is here: 0 but for a tally that had begun before
           anybody kept its days
    """

    days: Mapping[int, Weights] = field(default_factory=dict)
    since: int = 0

    def add(
        self, names: tuple[str, ...], weight: float, at: float, *, half_life_s: float, to: Tally
    ) -> Lately:
        """The same that has just been added to the tally, which is now `to`."""
        today, oldest = day_of(at), day_of(to.at) - WEEK_DAYS
        days = dict(self.days)
        kept = [name for name in names if name in to.weights]
        if kept:
            new = weight / len(names) * factor((today + 1) * DAY_S - at, half_life_s)
            days[today] = grown = dict(days.get(today, ()))
            for name in kept:
                grown[name] = grown.get(name, 0.0) + new
        if min(days, default=oldest) < oldest:
            days = {day: weights for day, weights in days.items() if day >= oldest}
        known = to.weights.keys()  # one may have had to go
        days = {day: came if came.keys() <= known else _of(to, came) for day, came in days.items()}
        return Lately(days, 0 if self.since <= oldest else self.since)

    def before(self, tally: Tally, now: float, *, half_life_s: float) -> dict[str, float]:
        """Weights of the tally as of a week before `now`, of every name that it has now.

        That is at the start of a day, WEEK_DAYS to WEEK_DAYS + 1 days ago. All 0.0 where nothing
        had come by then, where nobody knows, and where so little of a week's weight is left, with
        a half-life of about a day, that it is lost in the rounding of what came since.

        tally  that the days were added to; now in seconds, not before `tally.at`
        """
        first = day_of(now) - WEEK_DAYS
        then = first * DAY_S
        if self.since > first or factor(DAYS_MAX * DAY_S, half_life_s) < ROUNDING:
            return dict.fromkeys(tally.weights, 0.0)
        if tally.at < then:
            left = factor(then - tally.at, half_life_s)
            return {name: left * weight for name, weight in tally.weights.items()}
        came = dict.fromkeys(tally.weights, 0.0)  # all as of the end of the tally's newest day
        end = day_of(tally.at)
        for day, weights in self.days.items():
            if day >= first:
                left = factor((end - day) * DAY_S, half_life_s)
                for name in weights.keys() & came.keys():
                    came[name] += left * weights[name]
        to_end = factor((end + 1) * DAY_S - tally.at, half_life_s)
        back = factor((end + 1) * DAY_S - then, half_life_s)
        rest = {name: weight * to_end - came[name] for name, weight in tally.weights.items()}
        return {
            name: weight / back if weight > ROUNDING * came[name] else 0.0
            for name, weight in rest.items()
        }


def _of(tally: Tally, weights: Weights) -> Weights:
    return {name: weight for name, weight in weights.items() if name in tally.weights}
