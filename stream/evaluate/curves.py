"""Figures over time, for a report: consecutive parts of the rankings."""

from __future__ import annotations

from stream.evaluate import metrics
from stream.evaluate.ranked import Ranked
from stream.evaluate.summary import ABLATED

POINTS = 40


def curves(ranked: Ranked) -> dict[str, list[float]]:
    """NDCG by method over parts of the rankings, in time order."""
    return {
        name: metrics.rolling(metrics.gains(one.places, ranked.list_size), POINTS)
        for name, one in ranked.methods.items()
        if not name.startswith(ABLATED)
    }
