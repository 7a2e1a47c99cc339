"""Each ranking is made by the newest model of its moment, which saw only what came before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from export.sequence.log import Log, Rows, asked, validation
from export.sequence.ranking import Scores, places_of
from stream.evaluate.orders import NOWHERE
from tests.peers.planted import ITEMS, tastes
from tests.peers.training import Trained, fits, ranked


@dataclass(frozen=True)
class Counted:
    """Scores are the counts of what it was trained on."""

    log: Log

    def scores(self, histories: Sequence[Rows]) -> Scores:
        return np.tile(self.log.counts(), (len(histories), 1))


def counted(log: Log) -> Trained:
    return Trained(Counted(log), {"trained on": len(log)}, counted_again)


def counted_again(log: Log) -> Trained:
    return Trained(Counted(log), {"trained again on": len(log)}, counted_again)


def place(counts: Scores, history: Rows, row: int) -> int:
    order = sorted(set(range(ITEMS)) - set(history.tolist()), key=lambda n: (-counts[n], n))
    return order.index(row) + 1


def test_places_are_among_what_the_user_has_not_used() -> None:
    log = tastes()
    due = asked(log, range(120, 300, 7))
    counts = log.before(120).counts()

    found = places_of(Counted(log.before(120)), due, counts)

    expected = [place(counts, *one) for one in zip(due.histories, due.rows.tolist(), strict=True)]
    assert found.tolist() == expected


def test_whoever_is_new_is_offered_what_is_popular() -> None:
    log = tastes()
    due = asked(log, range(40))  # everybody's first item
    popular = np.arange(ITEMS, dtype=np.float64)

    found = places_of(Counted(log), due, popular)

    assert found.tolist() == (ITEMS - due.rows).tolist()


def test_every_ranking_has_the_newest_model_of_before() -> None:
    log = tastes()
    due = asked(log, range(50, 360, 3))
    fitted = fits(log, counted, [100, 200, 300])

    found = ranked(log, due, fitted)

    assert [fit.model.log.places.max() for fit in fitted.values()] == [99, 199, 299]  # type: ignore[attr-defined]
    for at, history, row, got in zip(due.places, due.histories, due.rows, found, strict=True):
        newest = max((moment for moment in fitted if moment <= at), default=None)
        if newest is None:
            assert got == NOWHERE
        else:
            assert got == place(log.before(newest).counts(), history, int(row))


def test_later_moments_train_again_what_the_first_left() -> None:
    fitted = fits(tastes(), counted, [100, 200, 300])

    assert [fit.chosen for fit in fitted.values()] == [
        {"trained on": 100},
        {"trained again on": 200},
        {"trained again on": 300},
    ]


def test_the_validation_window_is_the_last_tenth_of_the_training_part() -> None:
    part = tastes().before(200)

    learned, later = validation(part)

    assert learned.places.tolist() == list(range(180))
    assert later.places.tolist() == list(range(180, 200))
