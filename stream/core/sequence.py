"""The part "sequence": what usually follows what a user did last, as a trained model has it.

The model is somebody else's (`stream.sequence` opens one); here is what it must promise, and what
it is asked. It reads what `Profile.recent` holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from stream.core.catalogue import Catalogue
from stream.core.parts import Part, Rows, Scores
from stream.core.profile import Profile, different
from stream.core.tuning import Tuning

NAME = "sequence"


class Expects(Protocol):
    """A model that knows what follows what.

    version  of its content: two models of one version expect the same
    """

    @property
    def version(self) -> str: ...

    def expected(
        self, histories: Sequence[Sequence[str]], catalogue: Catalogue, rows: Rows | None = None
    ) -> Scores:
        """(h, n) float32 in [0, 1), or (h, k) of the items in `rows` (k,) alone.

        histories  different items of one user each, oldest first

        0 for items that the model has not learned, and for histories of which it knows nothing.
        What an item gets depends on the history and the item alone.
        """


def sequence_part(model: Expects) -> Part:
    """The model as a part of the score."""

    def compute(profiles: Sequence[Profile], catalogue: Catalogue, _: Tuning) -> Scores:
        return model.expected([oldest_first(profile) for profile in profiles], catalogue)

    def without(profile: Profile, items: Sequence[str], rows: Rows, catalogue: Catalogue) -> Scores:
        whole = oldest_first(profile)
        fewer = ([one for one in whole if one != gone] for gone in items)
        return model.expected([whole, *fewer], catalogue, rows)

    return Part(NAME, lambda tuning: tuning.sequence_part, compute, without, model.version)


def oldest_first(profile: Profile) -> list[str]:
    """The different items of the ring; of a repeated one its last place counts."""
    return different(profile.recent)[::-1]
