"""Simple methods against their closed forms over the whole history."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest

from stream.core.tuning import DAY_S
from stream.evaluate import baselines
from stream.evaluate.baselines import Asked, Baseline, ItemKnn, PopularDecayed, PopularLately

COUNT = 8
RNG = np.random.default_rng(2)
USES = [  # (user, item, day): every user uses an item once
    (user, int(item), day)
    for day, (user, item) in enumerate(
        (user, item) for item in RNG.permutation(COUNT) for user in range(4) if RNG.random() < 0.6
    )
]


def learned(method: Baseline) -> dict[int, list[int]]:
    histories: dict[int, list[int]] = defaultdict(list)
    for user, item, day in USES:
        method.learn(Asked(np.array(histories[user], np.intp), day * DAY_S), item)
        histories[user].append(item)
    return histories


def asked(day: float, *history: int) -> Asked:
    return Asked(np.array(history, np.intp), day * DAY_S)


def test_item_knn_is_the_cosine_of_the_columns_of_who_used_what() -> None:
    method = ItemKnn(COUNT)
    histories = learned(method)
    used = np.zeros((4, COUNT))
    for user, items in histories.items():
        used[user, items] = 1
    norms = np.maximum(np.sqrt(used.sum(axis=0)), 1)
    cosines = (used.T @ used) / norms[:, None] / norms[None, :]
    np.fill_diagonal(cosines, 0)

    found = method.scores(asked(99, 1, 4))

    assert found.tolist() == pytest.approx((cosines[1] + cosines[4]).tolist(), abs=1e-6)


def test_popularity_lately_counts_the_window_alone() -> None:
    method = PopularLately(COUNT, 7 * DAY_S)
    learned(method)
    last = USES[-1][2]
    expected = np.bincount([i for _, i, day in USES if day > last - 7], minlength=COUNT)

    assert method.scores(asked(last)).tolist() == expected.tolist()
    assert method.scores(asked(last + 100)).tolist() == [0] * COUNT


def test_decayed_popularity_halves_and_takes_late_events_as_of_now() -> None:
    method = PopularDecayed(COUNT, 2 * DAY_S)
    learned(method)
    last = USES[-1][2]
    expected = np.zeros(COUNT)
    for _, item, day in USES:
        expected[item] += 0.5 ** ((last - day) / 2)

    assert method.scores(asked(last)).tolist() == pytest.approx(expected.tolist())


def test_content_follows_the_newest_items_most() -> None:
    vectors = np.eye(COUNT, dtype=np.float32)
    method = baselines.make(vectors, DAY_S)["content"]

    scores = method.scores(asked(0, 2, 5))

    assert scores.argsort()[::-1][:2].tolist() == [5, 2]
    assert method.scores(asked(0)).tolist() == [0] * COUNT


def test_scores_are_the_caller_s_own() -> None:
    for name, method in baselines.make(np.eye(COUNT, dtype=np.float32), DAY_S).items():
        learned(method)
        before = method.scores(asked(50, 1))
        before[:] = -np.inf
        assert np.isfinite(method.scores(asked(50, 1))).all(), name


def test_item_knn_is_left_out_where_its_table_would_not_fit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(baselines, "KNN_ITEMS_MAX", COUNT - 1)

    assert "item-knn" not in baselines.make(np.eye(COUNT, dtype=np.float32), DAY_S)
