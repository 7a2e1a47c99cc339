"""Users' segments on a replay, as a worker and its leader keep them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from stream.core.profile import Profile, taste
from stream.core.segments import SegmentModel, assign, counts
from stream.core.tuning import Tuning
from stream.settings import Settings

#: Events learned between two fits. A leader fits by the clock; a replay has none.
REFIT_EVENTS = 10_000


@dataclass(slots=True)
class Segmented:
    """Assigns users, by a model that is fitted again and again to all who weigh enough for it.

    Like a leader it waits for twice as many of these as there are segments.
    """

    settings: Settings
    tuning: Tuning
    refit_events: int = REFIT_EVENTS
    _model: SegmentModel | None = None
    _since: int = 0

    def assigned(self, profile: Profile) -> Profile:
        """The profile in the segment where it belongs now; the change goes nowhere."""
        moved = assign(
            profile,
            self._model,
            margin=self.settings.segment_margin,
            min_stay_s=self.settings.segment_min_stay_s,
            cause=None,
            tuning=self.tuning,
            min_weight=self.settings.segment_min_weight,
        )
        return replace(moved, outbox=())

    def learned(self, profiles: Iterable[Profile]) -> None:
        """One more event was folded into one of these profiles."""
        self._since += 1
        if self._model is not None and self._since < self.refit_events:
            return
        if self._model is None and self._since % 100:  # looking at everybody costs
            return
        self._fit(profiles)

    def _fit(self, profiles: Iterable[Profile]) -> None:
        from stream.core.segment_fit import fit  # importing scikit-learn takes a second

        least = self.settings.segment_min_weight
        some = (profile for profile in profiles if counts(profile, least, self.tuning))
        own = (taste(profile, profile.as_of, self.tuning) for profile in some)
        tastes = [vector for vector in own if vector is not None]
        count, count_max = self.settings.segments_count, self.settings.segments_count_max
        if len(tastes) < 2 * count:
            return
        version = 1 if self._model is None else self._model.version + 1
        self._model = fit(
            np.stack(tastes),
            count=count,
            version=version,
            before=self._model,
            count_max=count_max,
        )
        self._since = 0
