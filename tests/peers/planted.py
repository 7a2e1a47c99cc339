"""Small worlds: users of two tastes, and users who walk in circles."""

from __future__ import annotations

import numpy as np

from export.sequence.log import Log

ITEMS = 24


def tastes(users: int = 40, each: int = 9, seed: int = 0) -> Log:
    """Even users use even items, odd users odd ones, in any order; users take turns."""
    rng = np.random.default_rng(seed)
    own = [rng.permutation(np.arange(user % 2, ITEMS, 2))[:each] for user in range(users)]
    return _turns(own)


def circles(users: int = 40, each: int = 12, seed: int = 0) -> Log:
    """After item n comes item n + 1, after the last one the first; users start anywhere."""
    rng = np.random.default_rng(seed)
    starts = rng.integers(0, ITEMS, users)
    return _turns([(start + np.arange(each)) % ITEMS for start in starts])


def _turns(own: list[np.ndarray[tuple[int], np.dtype[np.int64]]]) -> Log:
    rows = np.stack(own).T.ravel().astype(np.intp)  # (turns · users,)
    count = len(rows)
    users = np.tile(np.arange(len(own)), count // len(own))
    return Log(np.arange(count), users, rows, ITEMS)
