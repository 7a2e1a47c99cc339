"""Guessing a user's next rating before it is known: what the profile and the scores say of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

PRIOR_COUNT = 5.0
RIDGE = 1.0
GUESSERS = ("mean", "user mean", "user and item mean", "interestream")


class Guesser:
    """Learns as ratings come; all ratings are shares of their scale."""

    def __init__(self, items: int) -> None:
        self._total, self._count = 0.0, 0
        self._bias = np.zeros(items)
        self._counts = np.zeros(items)
        self._gram: Values | None = None
        self._moment: Values | None = None

    def simple(self, row: int, user_mean: float) -> tuple[float, float, float]:
        """By the mean of all, by the user's shrunk mean, and by that and how the item is rated.

        user_mean  as the worker keeps it, shrunk
        """
        mean = self._total / self._count if self._count else user_mean
        bias = self._bias[row] / (self._counts[row] + PRIOR_COUNT)
        return mean, user_mean, min(max(user_mean + bias, 0.0), 1.0)

    def learn(self, row: int, user_mean: float, given: float) -> None:
        """A rating, after it was guessed."""
        self._total += given
        self._count += 1
        self._bias[row] += given - user_mean
        self._counts[row] += 1

    def fitted(self, features: Values) -> Values:
        """(m,) by ridge regression on the features of all that was learned; before that: the last.

        features  (m, f), the last one the simple guess
        """
        if self._gram is None or self._moment is None:
            return features[:, -1]
        wanted = np.linalg.solve(self._gram, self._moment)
        return np.clip(features[:, -1] + features @ wanted, 0.0, 1.0)

    def fit(self, features: Values, given: Values) -> None:
        """Ratings, after they were guessed: what the simple guess left over is learned."""
        if self._gram is None or self._moment is None:
            self._gram = RIDGE * np.eye(features.shape[1])
            self._moment = np.zeros(features.shape[1])
        self._gram += features.T @ features
        self._moment += features.T @ (given - features[:, -1])
