"""`interestream lookalike`: what it tells, and what it finds in a store."""

from __future__ import annotations

import asyncio
import json

import pytest

from stream.commands.lookalike import tell, when
from stream.errors import Failed, Misconfigured
from stream.reads.lookalikes import Asked
from stream.settings import load
from stream.store.codec import pack
from stream.store.collections import open_store
from stream.store.rows import fresh_etag
from tests.commands.conftest import Command, told_of
from tests.core.samples import NOW
from tests.reads.world import DIMENSION, FORGOTTEN, TUNING, World, catalogue, model, profiles
from tests.support.rows import item_row
from tests.support.stores import Place


async def test_a_table_tells_who_and_in_what() -> None:
    found = await World().reads.lookalikes("space fan 0", Asked(n=2))
    assert found is not None
    head, titles, first, *_ = tell(found)

    assert head == f"{found.total} look-alikes of user space fan 0, page 1 of {found.pages}"
    assert titles.split()[:3] == ["user", "alike", "taste"]
    assert found.users[0].user_id in first
    assert f"{found.users[0].similarity:.2f}" in first
    assert "interests: space · items: Space " in first
    assert "categories: space" in first
    assert "2023-11-14" in first


async def test_nobody_alike_is_told() -> None:
    found = await World().reads.lookalikes("blank", Asked())
    assert found is not None

    assert tell(found) == ["0 look-alikes of user blank, page 1 of 1"]


async def test_names_cannot_steer_the_terminal() -> None:
    world = World()
    world.store.users.rows["\x1b[2J"] = world.store.users.rows["space fan 0"]
    found = await world.reads.lookalikes("\x1b[2J", Asked())
    assert found is not None

    assert "\x1b" not in "\n".join(tell(found))


def test_a_time_without_an_offset_is_utc() -> None:
    assert when("2023-11-14") == when("2023-11-14T00:00:00Z") == when("2023-11-14T01:00+01:00")


def test_what_is_no_time_is_refused(command: Command) -> None:
    result = command("lookalike", "a", "--active-since", "yesterday")

    assert result.exit_code == 2
    assert "'yesterday' is no time" in result.output


@pytest.fixture
async def there(embedded_qdrant: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The planted world in a store that the commands are told of; another one is empty."""
    told_of(embedded_qdrant, monkeypatch)
    store = await open_store(load(), dimension=DIMENSION, encoder_hash="e1")
    rows = [pack(profile, fresh_etag(), TUNING, now=NOW) for profile in profiles()]
    await store.users.save(rows, {row.user_id: None for row in rows})
    items = [
        item_row(e.item_id, title=e.title, vector=e.vector, categories=e.categories)
        for e in catalogue().entries
    ]
    await store.items.save(items, {row.item_id: None for row in items})
    claim = await store.segments.claim(7)
    assert claim is not None
    await store.segments.save(model())
    assert await store.segments.switch(7, claim.etag)
    await store.close()


@pytest.mark.integration
@pytest.mark.usefixtures("there")
async def test_look_alikes_are_found_in_a_store(command: Command) -> None:
    async def run(*arguments: str) -> str:
        result = await asyncio.to_thread(command, "lookalike", *arguments)
        assert result.exit_code == 0, result.output
        return result.stdout

    expected = await World().reads.lookalikes("space fan 0", Asked(n=3, segment="s0"))
    assert expected is not None
    one = ("space fan 0", "--segment", "s0", "--n", "3")
    (found,) = json.loads(await run(*one, "--json"))
    users = [each["user_id"] for each in found["users"]]
    assert users == [each.user_id for each in expected.users]
    assert found["users"][0]["shared_items"][0]["title"].startswith("Space ")
    assert users[0] in await run(*one)

    of_segment = await run("s1", "space fan 1", "--n", "1")
    assert "look-alikes of segment s1 (cooking)" in of_segment
    assert "look-alikes of user space fan 1" in of_segment
    late = json.loads(await run("space fan 0", "--active-since", "2030-01-01", "--json"))
    assert late[0]["total"] == 0


@pytest.mark.integration
@pytest.mark.usefixtures("there")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nobody",), "user or segment 'nobody' is not in namespace"),
        ((FORGOTTEN,), "'forgotten' is not in namespace"),
        (("s1", "--as", "user"), "user 's1' is not in namespace"),
        (("space fan 0", "--as", "segment"), "segment 'space fan 0' is not in"),
    ],
)
async def test_a_name_of_nobody_is_told(
    command: Command, arguments: tuple[str, ...], said: str
) -> None:
    result = await asyncio.to_thread(command, "lookalike", *arguments)

    assert isinstance(result.exception, Failed)
    assert said in str(result.exception)


@pytest.mark.integration
@pytest.mark.usefixtures("there")
async def test_without_a_store_the_remedy_is_named(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INTERESTREAM_NAMESPACE", "nothing-here")
    result = await asyncio.to_thread(command, "lookalike", "space fan 0")

    assert isinstance(result.exception, Misconfigured)
    assert "start a worker first" in str(result.exception)
