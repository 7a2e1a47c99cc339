"""What the guarded write promises, over either store: two writers of one row never both win."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from qdrant_client import grpc as pb

from stream.errors import Unavailable
from stream.settings import Settings
from stream.store import guarded
from stream.store.client import Points
from stream.store.collections import Store
from stream.store.convert import point_uuid
from stream.store.guarded import Draft
from stream.store.rows import fresh_etag
from stream.store.users import Users
from tests.contracts.conftest import DIMENSION
from tests.support.rows import user_row

pytestmark = pytest.mark.integration

TIMED_OUT = Unavailable("qdrant", "DEADLINE_EXCEEDED: injected")


async def stored(store: Store, users: Sequence[str]) -> dict[str, str]:
    return {user_id: row.state for user_id, row in (await store.users.load(users)).items()}


async def seeded(store: Store, users: Sequence[str]) -> dict[str, int | None]:
    """Users as somebody wrote them earlier; their etags as read."""
    rows = [user_row(user_id, state="old") for user_id in users]
    assert await store.users.save(rows, dict.fromkeys(users)) == set(users)
    return {user_id: row.etag for user_id, row in (await store.users.load(users)).items()}


async def test_new_and_known_users_are_stored_by_one_save(store: Store) -> None:
    read = await seeded(store, ["a"]) | {"b": None}
    rows = [user_row("a", state="new a"), user_row("b", state="new b")]

    assert await store.users.save(rows, read) == {"a", "b"}
    assert await stored(store, ["a", "b"]) == {"a": "new a", "b": "new b"}


async def test_only_the_first_of_two_writers_wins_a_user(store: Store) -> None:
    read = await seeded(store, ["a", "b", "c"])
    first = [user_row("a", state="1"), user_row("b", state="1")]
    second = [user_row("b", state="2"), user_row("c", state="2")]

    assert await store.users.save(first, read) == {"a", "b"}
    assert await store.users.save(second, read) == {"c"}
    assert await stored(store, ["a", "b", "c"]) == {"a": "1", "b": "1", "c": "2"}


async def test_exactly_one_of_many_racing_writers_wins_each_user(store: Store) -> None:
    """Eight writers race for twenty users that exist and twenty that do not."""
    known = [f"known-{i}" for i in range(20)]
    new = [f"new-{i}" for i in range(20)]
    read = await seeded(store, known) | dict.fromkeys(new)

    async def write(writer: int) -> set[str]:
        return await store.users.save(
            [user_row(user_id, state=f"writer {writer}") for user_id in read], read
        )

    winners = await asyncio.gather(*map(write, range(8)))
    found = await stored(store, list(read))

    for user_id in read:
        won = [f"writer {writer}" for writer, users in enumerate(winners) if user_id in users]
        assert won == [found[user_id]]


async def test_who_read_half_of_a_write_cannot_overwrite_the_other_half(store: Store) -> None:
    """A reader sees user a after and user b before another's write; with one etag for that
    whole write, the reader's save would take a's etag as permission to overwrite b."""
    before = await seeded(store, ["a", "b"])
    theirs = [user_row("a", state="theirs"), user_row("b", state="theirs")]
    half_read = {"a": theirs[0].etag, "b": before["b"]}

    assert await store.users.save(theirs, before) == {"a", "b"}
    ours = [user_row("a", state="ours"), user_row("b", state="ours")]

    assert await store.users.save(ours, half_read) == {"a"}
    assert await stored(store, ["a", "b"]) == {"a": "ours", "b": "theirs"}


async def test_the_first_insertion_wins(store: Store) -> None:
    assert await store.users.save([user_row("a", state="1")], {"a": None}) == {"a"}
    assert await store.users.save([user_row("a", state="2")], {"a": None}) == set()
    assert await stored(store, ["a"]) == {"a": "1"}


async def test_an_update_of_a_row_that_is_gone_inserts_nothing(store: Store) -> None:
    assert await store.users.save([user_row("a")], {"a": fresh_etag()}) == set()
    assert await stored(store, ["a"]) == {}


async def test_a_write_replaced_before_it_was_read_back_does_not_count_as_stored(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody reads what we wrote and replaces it before we look: theirs contains ours."""
    ours = user_row("a", state="ours")
    theirs = user_row("a", state="theirs, on top of ours")
    upsert = Points.upsert

    async def upsert_and_be_replaced(self: Points, *given: Any) -> None:
        await upsert(self, *given)
        monkeypatch.setattr(Points, "upsert", upsert)
        assert await store.users.save([theirs], {"a": ours.etag}) == {"a"}

    monkeypatch.setattr(Points, "upsert", upsert_and_be_replaced)

    assert await store.users.save([ours], {"a": None}) == set()
    assert (await store.users.load(["a"]))["a"].state == theirs.state


class Faulty(Points):
    """Points whose writes time out at the client, after or without reaching the server."""

    def __init__(self, store: Store, namespace: str, *, lands: bool, reads: bool = True) -> None:
        super().__init__(store.client, f"{namespace}_users", timeout_s=20)
        self.lands = lands
        self.reads = reads

    async def upsert(
        self,
        points: Sequence[pb.PointStruct],
        mode: pb.UpdateMode.ValueType,
        condition: pb.Filter | None = None,
    ) -> None:
        if self.lands:
            await super().upsert(points, mode, condition)
        raise TIMED_OUT

    async def get(
        self,
        ids: Sequence[str],
        *,
        fields: Sequence[str] | None = None,
        vectors: Sequence[str] = (),
    ) -> Sequence[pb.RetrievedPoint]:
        if not self.reads:
            raise TIMED_OUT
        return await super().get(ids, fields=fields, vectors=vectors)


@pytest.fixture
def namespace(store_settings: Settings) -> str:
    return store_settings.namespace


@pytest.mark.parametrize("known", [True, False])
async def test_a_write_that_timed_out_but_landed_counts_as_stored(
    store: Store, namespace: str, known: bool
) -> None:
    read = await seeded(store, ["a"]) if known else {"a": None}
    users = Users(Faulty(store, namespace, lands=True), dimension=DIMENSION)

    assert await users.save([user_row("a", state="new")], read) == {"a"}
    assert await stored(store, ["a"]) == {"a": "new"}


@pytest.mark.parametrize("known", [True, False])
async def test_a_write_that_timed_out_and_never_landed_counts_as_not_stored(
    store: Store, namespace: str, known: bool
) -> None:
    read = await seeded(store, ["a"]) if known else {"a": None}
    users = Users(Faulty(store, namespace, lands=False), dimension=DIMENSION)

    assert await users.save([user_row("a", state="new")], read) == set()
    assert await stored(store, ["a"]) == ({"a": "old"} if known else {})


async def test_a_write_that_cannot_be_read_back_is_unavailable(
    store: Store, namespace: str
) -> None:
    read = await seeded(store, ["a"])
    users = Users(Faulty(store, namespace, lands=True, reads=False), dimension=DIMENSION)

    with pytest.raises(Unavailable):
        await users.save([user_row("a", state="new")], read)


@pytest.mark.parametrize("known", [True, False])
async def test_a_write_that_lands_after_its_retry_changes_nothing(
    store: Store, namespace: str, known: bool
) -> None:
    """A time-out's request may be applied much later, when its writer has long tried again."""
    read = (await seeded(store, ["a"]))["a"] if known else None
    late = user_row("a", state="late")
    assert await store.users.save([user_row("a", state="retry")], {"a": read}) == {"a"}

    assert await store.users.save([late], {"a": read}) == set()
    assert await stored(store, ["a"]) == {"a": "retry"}


async def test_a_repeated_etag_and_a_repeated_row_are_refused(store: Store, namespace: str) -> None:
    """Either would make the reading back lie."""
    points = Points(store.client, f"{namespace}_users", timeout_s=20)
    draft = Draft(point_uuid("a"), 7, {}, {})

    with pytest.raises(ValueError, match="take a fresh one"):
        await guarded.save(points, [draft], {draft.point: 7})
    with pytest.raises(ValueError, match="twice"):
        await guarded.save(points, [draft, draft], {draft.point: None})
