"""Models learn the past alone, and are asked with the user's true history."""

from __future__ import annotations

import numpy as np
import pytest

from export.sequence.log import Log, asked, log_of
from stream.evaluate import protocol
from stream.observe import event_kinds
from stream.settings import load
from tests.evaluate.parts import EVERY, FIRST, catalogue, dataset, whole
from tests.peers.planted import tastes


def planted() -> Log:
    return log_of(dataset().events, event_kinds(load()), catalogue().rows)


def test_what_is_asked_is_what_evaluate_ranks() -> None:
    """The same events, items and lengths of history as in a run of `evaluate`."""
    ours = whole()

    found = asked(planted(), ours.events.tolist())

    assert found.places.tolist() == ours.events.tolist()
    assert [len(own) for own in found.histories] == ours.history.tolist()
    plan = protocol.prequential(dataset().events, first=FIRST, every=EVERY)
    assert found.places.tolist() == np.flatnonzero(plan.ranked).tolist()
    items = [f"i{row}" for row in found.rows]
    assert items == [dataset().events[place].item_id for place in found.places]


def test_a_history_is_the_user_s_items_in_order() -> None:
    log = tastes(users=3, each=4)

    found = asked(log, range(len(log)))

    for place, history in zip(found.places, found.histories, strict=True):
        mine = (log.users == log.users[place]) & (log.places < place)
        assert history.tolist() == log.rows[mine].tolist()


def test_a_repeated_use_counts_once() -> None:
    events = dataset().events[:30]

    found = log_of((*events, *events), event_kinds(load()), catalogue().rows)

    assert found.places.tolist() == list(range(30))


def test_only_first_uses_are_ranked() -> None:
    events = dataset().events[:30]
    log = log_of((*events, *events), event_kinds(load()), catalogue().rows)

    with pytest.raises(ValueError, match=r"events \[31\] are no first uses"):
        asked(log, [3, 31])


def test_before_a_place_nothing_of_that_place_or_later_is_known() -> None:
    found = planted().before(100)

    assert found.places.max() == 99
    assert found.counts().sum() == len(found) == 100


def test_sequences_are_each_user_s_items_in_order() -> None:
    log = tastes(users=5, each=6)

    found = log.sequences()

    assert [own.tolist() for own in found] == [
        log.rows[log.users == user].tolist() for user in range(5)
    ]


def test_nobody_has_no_sequence() -> None:
    assert tastes().before(0).sequences() == []
