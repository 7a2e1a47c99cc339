"""Ours against each peer, on the same rankings."""

from __future__ import annotations

import numpy as np
import pytest

from stream.evaluate.orders import NOWHERE
from tests.peers.compared import compared

USERS = [f"u{number % 20}" for number in range(200)]
FIRST, THIRD = np.full(200, 1), np.full(200, 3)
MISSED = np.full(200, NOWHERE)


def test_differences_are_ours_minus_the_peer_s() -> None:
    places = {"interestream": FIRST, "interestream (score)": MISSED, "peer": THIRD}

    found = compared(places, USERS, np.arange(200) < 50)

    better = found["paired"]["interestream"]["peer"]["ndcg@10"]
    worse = found["paired"]["interestream (score)"]["peer"]["ndcg@10"]
    assert (better["difference"], better["change"], better["sure"]) == (0.5, 1.0, True)
    assert (worse["difference"], worse["change"], worse["sure"]) == (-0.5, -1.0, True)
    assert found["methods"]["peer"]["hr@10"] == 1
    assert found["methods"]["peer"]["ndcg@10"] == pytest.approx(1 / np.log2(4))


def test_ours_are_not_compared_to_each_other() -> None:
    places = {"interestream": FIRST, "interestream (score)": MISSED, "peer": THIRD}

    found = compared(places, USERS, np.ones(200, np.bool_))

    assert all(list(one) == ["peer"] for one in found["paired"].values())


def test_known_users_and_later_ones_are_told_apart() -> None:
    known = np.arange(200) < 50
    places = {
        "interestream": np.where(known, 1, NOWHERE),
        "interestream (score)": FIRST,
        "peer": THIRD,
    }

    found = compared(places, USERS, known)["by"]

    first, later = found["users known to the first training"], found["users that came later"]
    assert (first["events"], later["events"]) == (50, 150)
    assert first["methods"]["interestream"]["hr@10"] == 1
    assert later["methods"]["interestream"]["hr@10"] == 0
