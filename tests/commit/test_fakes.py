"""The fakes keep the promises of the real store: they pass laws of its contract suite."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest

from stream.store.collections import Store
from tests.contracts import test_candidates as candidates
from tests.contracts import test_store_guarded as guarded
from tests.contracts import test_store_nearest as nearest
from tests.contracts import test_store_rows as rows
from tests.support.fakes import FakeStore
from tests.support.rows import user_row

LAWS: list[Callable[[Store], Awaitable[None]]] = [
    guarded.test_new_and_known_users_are_stored_by_one_save,
    guarded.test_only_the_first_of_two_writers_wins_a_user,
    guarded.test_exactly_one_of_many_racing_writers_wins_each_user,
    guarded.test_who_read_half_of_a_write_cannot_overwrite_the_other_half,
    guarded.test_the_first_insertion_wins,
    guarded.test_an_update_of_a_row_that_is_gone_inserts_nothing,
    rows.test_a_save_replaces_the_whole_user,
    rows.test_loading_names_only_users_that_exist,
    rows.test_an_item_comes_back_as_written,
    rows.test_a_zombie_cannot_bring_back_a_deleted_item,
    rows.test_neighbours_come_back_as_written,
    candidates.test_shared_items_score_the_same_and_few_are_missed,
    nearest.test_the_nearest_come_first_and_what_is_not_on_offer_not_at_all,
    nearest.test_what_was_seen_is_left_out,
    nearest.test_an_item_without_a_language_is_for_everybody,
    nearest.test_vectors_come_without_the_rest,
    nearest.test_many_questions_are_answered_in_their_order,
    rows.test_a_fact_is_there_after_its_first_put_and_only_once,
    rows.test_no_entry_of_a_contended_fact_is_lost,
]


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
async def test_the_fakes_keep_the_law(law: Callable[[Store], Awaitable[None]]) -> None:
    await law(cast(Store, FakeStore()))


async def test_a_write_replaced_before_it_is_read_back_does_not_count_as_stored() -> None:
    store = FakeStore()
    ours, theirs = user_row("a"), user_row("a")

    async def replace_it(point: str) -> None:
        if point == "users.written" and store.users.rows["a"] is ours:
            assert await store.users.save([theirs], {"a": ours.etag}) == {"a"}

    store.users.hook = replace_it

    assert await store.users.save([ours], {"a": None}) == set()
    assert store.users.rows["a"] is theirs


@pytest.mark.parametrize(
    ("read", "message"), [({"a": 7}, "fresh"), ({"a": None}, "twice")], ids=["etag", "row"]
)
async def test_a_repeated_etag_and_a_repeated_row_are_refused(
    read: dict[str, Any], message: str
) -> None:
    given = [user_row("a", etag=7)] * (2 if message == "twice" else 1)

    with pytest.raises(ValueError, match=message):
        await FakeStore().users.save(given, read)
