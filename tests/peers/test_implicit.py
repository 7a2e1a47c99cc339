"""The library's models, asked as the library itself would be."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("implicit")

from threadpoolctl import threadpool_limits

from export.sequence.log import asked
from export.sequence.ranking import places_of
from tests.peers import implicit_als  # needs implicit
from tests.peers.planted import tastes

pytestmark = pytest.mark.export


@pytest.mark.parametrize("names", [("ALS",), ("cosine", "TF-IDF", "BM25")])
def test_even_users_are_offered_even_items(names: tuple[str, ...]) -> None:
    """Of 12 items of the user's kind some are used; the rest stands before the other kind: by
    chance it would at three of ten rankings."""
    log = tastes()
    due = asked(log, range(280, 360))
    with threadpool_limits(1, user_api="blas"):
        trained = implicit_als.train(log.before(280), names)

    found = places_of(trained.model, due, log.counts())

    left = np.array([12 - len(own) for own in due.histories])
    assert np.mean(found <= left) > 0.8
    assert trained.chosen["model"] in names


@pytest.mark.parametrize(("name", "settings"), [("BM25", {"K": 20}), ("ALS", {"factors": 8})])
def test_scores_are_those_of_recommend(name: str, settings: dict[str, int]) -> None:
    log = tastes()
    history = log.rows[log.users == 3][:5]
    with threadpool_limits(1, user_api="blas"):
        model = implicit_als.library_model(name, settings, log)
        ids, expected = model.recommend(
            0, implicit_als.matrix([history], implicit_als.ALL, log.items), recalculate_user=True
        )

        scores = implicit_als.asking(model, implicit_als.ALL).scores([history])[0]

    told = expected > 0  # what has no neighbour left fills its lists with zeros
    assert told.sum() >= 7
    np.testing.assert_allclose(scores[ids[told]], expected[told], rtol=1e-4)


def test_a_matrix_holds_the_last_items() -> None:
    histories = [np.array([4, 1, 7]), np.zeros(0, np.intp), np.array([2])]

    found = implicit_als.matrix(histories, 2, 9)

    assert [np.flatnonzero(line).tolist() for line in found.toarray()] == [[1, 7], [], [2]]
    assert implicit_als.matrix(histories, implicit_als.ALL, 9).sum() == 4
