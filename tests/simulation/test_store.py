"""The simulated store keeps the real one's promises: it passes laws of its contract suite."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from types import SimpleNamespace
from typing import Any, cast

import pytest

from stream.store.client import Points
from stream.store.collections import Store
from stream.store.users import Users
from tests.contracts import test_store_guarded as guarded
from tests.contracts import test_store_rows as rows
from tests.simulation.requests import Request
from tests.simulation.store import SimulatedPoints

LAWS: list[Callable[[Store], Awaitable[None]]] = [
    guarded.test_new_and_known_users_are_stored_by_one_save,
    guarded.test_only_the_first_of_two_writers_wins_a_user,
    guarded.test_who_read_half_of_a_write_cannot_overwrite_the_other_half,
    guarded.test_the_first_insertion_wins,
    guarded.test_an_update_of_a_row_that_is_gone_inserts_nothing,
    rows.test_a_save_replaces_the_whole_user,
    rows.test_loading_names_only_users_that_exist,
]


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_the_simulated_store_keeps_the_law(law: Callable[[Store], Awaitable[None]]) -> None:
    users = Users(cast(Points, SimulatedPoints()), dimension=8)
    store = cast(Store, SimpleNamespace(users=users))

    undisturbed(cast(Coroutine[Any, Any, None], law(store)))


def undisturbed(coroutine: Coroutine[Any, Any, None]) -> None:
    """To the end, with everything happening at once that it asks for."""
    answer = None
    while True:
        try:
            request: Request = coroutine.send(answer)
        except StopIteration:
            return
        request.happen()
        answer = request.answer()
