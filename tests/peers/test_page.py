"""The tables say what was measured, and no more."""

from __future__ import annotations

import numpy as np

from stream.evaluate.orders import NOWHERE
from tests.peers.compared import compared
from tests.peers.page import HEAD, lines

USERS = [f"u{number % 20}" for number in range(200)]
FIRST = np.full(200, 1)
CHANCE = np.where(np.random.default_rng(0).random(200) < 0.5, 1, NOWHERE)
AGAIN = {"chosen": {}, "seconds": {"10": 1.2, "20": 2.9}}


def cells() -> dict[str, list[str]]:
    """By method the cells of its line."""
    places = {"interestream": FIRST, "interestream (score)": CHANCE, "peer": CHANCE[::-1]}
    places["peer (refitted)"] = FIRST
    found = compared(places, USERS, np.ones(200, np.bool_))
    about = {"trained_on": 10, "trained_on_users": 3, "trained_before": 10}
    run = {**about, **found, "training": {"peer": AGAIN}}
    text = lines({"settings": {"refit_every": 10}, "protocols": {"prequential": run}})
    table = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text[2:]]
    assert table[0] == list(HEAD)
    return {row[0]: row for row in table[2:]}


def test_every_method_has_a_line_and_ours_are_not_compared_to_themselves() -> None:
    found = cells()

    names = ["interestream", "interestream (score)", "peer", "peer (refitted)"]
    assert list(found) == names
    assert found["interestream"][4:] == ["", "", "", "", ""]


def test_what_may_be_chance_is_in_brackets() -> None:
    found = cells()["peer"]

    assert found[4].startswith("+0.")
    assert found[6].startswith("(")


def test_training_is_told_once_and_in_sum() -> None:
    assert cells()["peer"][-1] == "1 s"
    assert cells()["peer (refitted)"][-1] == "4 s, 2 times"
