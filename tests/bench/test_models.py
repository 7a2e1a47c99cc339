"""Places, figures and intervals of the held-out ranking."""

from __future__ import annotations

import numpy as np
import pytest

from stream.core.tuning import Tuning
from stream.demo.movielens import Film, Rating
from tests.bench import prequential
from tests.bench.paired import change, gains, hits
from tests.core.samples import NOW, axis, near

FILMS = [Film(f"film-{n}", f"Film {n}", ("even" if n % 2 == 0 else "odd",)) for n in range(40)]
VECTORS = {film.item_id: near(axis(n % 2), n, 0.3) for n, film in enumerate(FILMS)}


def evening(users: int) -> list[Rating]:
    """Users who rate even films well, one after the other."""
    return [
        Rating(f"user-{user}", f"film-{2 * (user + turn) % 40}", 5.0, NOW + 60 * (10 * turn + user))
        for turn in range(12)
        for user in range(users)
    ]


def test_hits_and_gains_are_the_textbooks() -> None:
    places = np.array([1, 3, 10, 11])

    assert hits(places).tolist() == [1, 1, 1, 0]
    assert gains(places).tolist() == pytest.approx([1, 0.5, 1 / np.log2(11), 0])


def test_users_who_like_even_films_have_them_in_front(monkeypatch: pytest.MonkeyPatch) -> None:
    """20 of 40 films are even; content alone puts every one before every odd one."""
    monkeypatch.setattr(prequential, "FIRST", 30)

    found = prequential.ranks(FILMS, VECTORS, evening(9), Tuning())

    assert len(found.users) > 5
    assert found.places["content alone"].max() <= 20


def test_what_is_ranked_is_not_known_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    """A film that its user has seen has no place; so each is ranked before it is learned."""
    monkeypatch.setattr(prequential, "FIRST", 10)
    monkeypatch.setattr(prequential, "EVERY", 1)

    found = prequential.ranks(FILMS, VECTORS, evening(5), Tuning())

    assert len(found.users) == 12 * 5 - 10
    assert found.places["all parts"].max() <= len(FILMS)


def test_films_that_score_alike_stand_in_the_order_of_their_rows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As in a list that is published. One user goes through the films from the first on, so the
    next one is always the first of those left."""
    monkeypatch.setattr(prequential, "FIRST", 1)
    alike = dict.fromkeys(VECTORS, axis(0))
    through = [Rating("user", film.item_id, 5.0, NOW + n) for n, film in enumerate(FILMS)]

    found = prequential.ranks(FILMS, alike, through, Tuning())

    assert set(found.places["content alone"]) == {1}


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
