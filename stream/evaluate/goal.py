"""What a search is after: one figure of the emitted lists, and what it must not cost."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stream.errors import Misconfigured
from stream.evaluate import metrics
from stream.evaluate.recorded import Rankings

METRICS = {"ndcg": metrics.gains, "hr": metrics.hits, "mrr": metrics.reciprocals}
COVERAGE, DIVERGENCE = "coverage", "calibration_kl"

Figures = dict[str, float]


@dataclass(frozen=True, slots=True)
class Goal:
    """A figure to raise, as in `ndcg@10`, within bounds.

    min_coverage  least share of the catalogue that is in a list at least once
    max_kl        largest mean divergence of lists from their users' categories, nats
    """

    kind: str
    size: int
    min_coverage: float | None = None
    max_kl: float | None = None

    @property
    def name(self) -> str:
        return self.kind if self.kind == "mrr" else f"{self.kind}@{self.size}"

    @property
    def bounded(self) -> bool:
        return self.min_coverage is not None or self.max_kl is not None

    def values(self, ranked: Rankings) -> NDArray[np.float64]:
        """(r,) what each ranking is worth."""
        return METRICS[self.kind](ranked.places, self.size)

    def figures(self, ranked: Rankings) -> Figures:
        """The figure itself and those that may be bounded. Raises ValueError without rankings."""
        if not len(ranked):
            raise ValueError("nothing was ranked: there is no figure")
        exposed = metrics.exposure(ranked.lists, ranked.items)
        return {
            self.name: float(self.values(ranked).mean()),
            COVERAGE: metrics.coverage(exposed),
            # lists of whom nothing is known stray from nothing
            DIVERGENCE: metrics.mean(ranked.divergence) or 0.0,
        }

    def excess(self, figures: Figures) -> Figures:
        """By how much each bound is missed; 0 or less where it holds."""
        found: Figures = {}
        if self.min_coverage is not None:
            found[COVERAGE] = self.min_coverage - figures[COVERAGE]
        if self.max_kl is not None:
            found[DIVERGENCE] = figures[DIVERGENCE] - self.max_kl
        return found

    def holds(self, figures: Figures) -> bool:
        """Whether all bounds hold."""
        return all(more <= 0 for more in self.excess(figures).values())


def goal(
    text: str, list_size: int, min_coverage: float | None = None, max_kl: float | None = None
) -> Goal:
    """The goal in `ndcg@10`, `hr@5` or `mrr`. Raises Misconfigured."""
    kind, _, size = text.partition("@")
    whole = size or str(list_size)
    if kind not in METRICS or not whole.isdigit() or (kind == "mrr" and size):
        raise Misconfigured(f"--metric is {text!r}: one of ndcg@K, hr@K (K up to {list_size}), mrr")
    if not 1 <= int(whole) <= list_size:
        raise Misconfigured(
            f"--metric is {text!r} and lists have {list_size} offers "
            f"(INTERESTREAM_LIST_SIZE): K may be 1 to {list_size}"
        )
    return Goal(kind, int(whole), min_coverage, max_kl)
