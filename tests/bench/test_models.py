"""Places, figures and intervals of the held-out ranking."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from stream.commands.evaluate import Options, Prepared
from stream.core.catalogue import Catalogue
from stream.errors import Misconfigured
from stream.evaluate.dataset import Dataset
from stream.evaluate.engine import entries
from stream.observe import Contents
from stream.settings import load
from stream.wire.inputs import Event, Item
from tests.bench import command
from tests.bench.models import Ranks, ranks
from tests.bench.paired import change
from tests.core.samples import NOW, axis, near

ITEMS = tuple(
    Item(f"film-{n}", f"Film {n}", categories=("even" if n % 2 == 0 else "odd",)) for n in range(40)
)
VECTORS = {item.item_id: near(axis(n % 2), n, 0.3) for n, item in enumerate(ITEMS)}


def evening(users: int) -> tuple[Event, ...]:
    """Users who rate even films well, one after the other."""
    return tuple(
        _rated(f"user-{user}", 2 * (user + turn) % 40, 60 * (10 * turn + user))
        for turn in range(12)
        for user in range(users)
    )


def _rated(user: str, film: int, second: int) -> Event:
    at = NOW + second
    return Event(user, "rating", at, f"{user} {second}", f"film-{film}", rating=5.0, rating_max=5.0)


def ranked(
    events: tuple[Event, ...],
    options: Options,
    vectors: Mapping[str, NDArray[np.float32]] = VECTORS,
    **changes: Any,
) -> Ranks:
    catalogue = Catalogue(len(axis(0)), entries(ITEMS, vectors))
    prepared = Prepared(Dataset("planted", ITEMS, events), catalogue, Contents())
    return ranks(prepared, load(**changes), options)


def test_users_who_like_even_films_have_them_in_front() -> None:
    """20 of 40 films are even; content alone puts every one before every odd one."""
    found = ranked(evening(9), Options((), first=30, every=2))

    assert len(found.users) > 5
    assert found.places["content alone"].max() <= 20


def test_content_alone_knows_nothing_of_what_others_did() -> None:
    """Whatever neighbours, hotness and freshness weigh."""
    events, options = evening(9), Options((), first=30, every=2)
    usual, other = (
        ranked(events, options, neighbours_part=weight, hotness_part=weight, freshness_part=weight)
        for weight in (0.1, 3.0)
    )

    assert usual.places["content alone"].tolist() == other.places["content alone"].tolist()
    assert usual.places["all parts"].tolist() != other.places["all parts"].tolist()


def test_users_of_whom_nothing_is_known_are_not_ranked() -> None:
    found = ranked(evening(5), Options((), first=0, every=1))

    assert len(found.users) == 12 * 5 - 5
    assert len(found.places["all parts"]) == len(found.users)
    assert found.places["all parts"].max() <= len(ITEMS)


def test_films_that_score_alike_stand_in_the_order_of_their_rows() -> None:
    """As in a list that is published. One user goes through the films from the first on, so the
    next one is always the first of those left."""
    alike = dict.fromkeys(VECTORS, axis(0))
    through = tuple(_rated("user", film, film) for film in range(len(ITEMS)))

    found = ranked(through, Options((), first=1, every=2), alike)

    assert set(found.places["content alone"]) == {1}


def test_what_was_measured_is_written_and_its_part_is_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = argparse.Namespace(out=tmp_path / "new")
    code = command.run(
        "me", asked, "figures", lambda: {"a": 1}, lambda found: [f"a is {found['a']}"]
    )

    assert code == 0
    assert json.loads((tmp_path / "new" / "figures.json").read_text("utf-8")) == {"a": 1}
    assert capsys.readouterr().out == "a is 1\n"


def test_what_is_missing_is_said_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing() -> dict[str, Any]:
        raise Misconfigured("no model here: give one")

    asked = argparse.Namespace(out=tmp_path / "new")
    assert command.run("me", asked, "figures", missing, lambda _: []) == 1
    assert capsys.readouterr().err == "me: no model here: give one\n"
    assert not asked.out.exists()


def test_the_same_ranking_twice_differs_by_nothing() -> None:
    values = np.array([1.0, 0.0, 0.5, 0.2])

    found = change(values, values, ["a", "a", "b", "c"])

    assert (found.change, found.low, found.high) == (0, 0, 0)


def test_a_steady_loss_is_found_whatever_users_are_drawn() -> None:
    values = np.linspace(0.1, 1, 50)

    found = change(values, values * 0.9, [str(n // 5) for n in range(50)])

    assert (found.change, found.low, found.high) == pytest.approx((-0.1, -0.1, -0.1))


def test_an_interval_covers_what_chance_does() -> None:
    chance = np.random.default_rng(0)
    values = chance.random(500)

    found = change(values, chance.permutation(values), [str(n // 5) for n in range(500)])

    assert found.low < 0 < found.high
    assert found.high - found.low < 0.5


def test_a_reference_without_hits_is_refused() -> None:
    with pytest.raises(ValueError, match="no hit"):
        change(np.zeros(3), np.ones(3), ["a", "b", "c"])
