"""The reads over HTTP: laws of every resource, then examples, then what goes wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import jsonschema
import pytest

from stream.errors import Unavailable
from stream.store.convert import point_uuid
from stream.web.endpoints import ENDPOINTS
from stream.web.openapi import document
from tests.reads.world import FORGOTTEN, ODD
from tests.web.served import Answered, Served, served

FAN = "space%20fan%200"
NAMES = {"{user_id}": FAN, "{item_id}": "space-0", "{segment_id}": "s0"}


def path_of(path: str, name: str | None = None) -> str:
    for part, usual in NAMES.items():
        path = path.replace(part, usual if name is None else name)
    return path


PATHS = [path_of(each.path) for each in ENDPOINTS]
NAMED = [each for each in ENDPOINTS if "{" in each.path]


@pytest.fixture
async def ask() -> AsyncIterator[Served]:
    async with served() as one:
        yield one


def schema_of(path: str, status: str = "200", kind: str = "application/json") -> dict[str, Any]:
    whole = document()
    answer = whole["paths"][path]["get"]["responses"][status]["content"][kind]["schema"]
    return {**answer, "components": whole["components"]}


def assert_problem(answered: Answered, status: int, *said: str) -> None:
    assert answered.status == status, answered.body
    assert answered.kind == "application/problem+json"
    schema = schema_of("/v1/segments", "default", "application/problem+json")
    jsonschema.validate(answered.body, schema)
    assert answered.body["status"] == status
    assert answered.body["type"].startswith("urn:interestream:problem:")
    for each in said:
        assert each in answered.body["detail"]


# --- every resource


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda e: e.path)
async def test_answers_are_as_the_document_says(ask: Served, endpoint: Any) -> None:
    answered = await ask(path_of(endpoint.path))

    assert (answered.status, answered.kind) == (200, "application/json")
    jsonschema.validate(answered.body, schema_of(endpoint.path))


@pytest.mark.parametrize("path", [*PATHS, "/openapi.json"])
async def test_everything_can_only_be_read(ask: Served, path: str) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
        answered = await ask(path, method)
        assert_problem(answered, 405, method, "GET")
        assert "GET" in answered.headers["Allow"]
    assert (await ask(path, "HEAD")).status == 200


@pytest.mark.parametrize("path", [*PATHS, "/openapi.json"])
async def test_who_has_the_answer_is_told_so(ask: Served, path: str) -> None:
    etag = (await ask(path)).headers["ETag"]
    again = await ask(path, If_None_Match=f'"other", {etag}')

    assert (again.status, again.body, again.headers["ETag"]) == (304, "", etag)
    assert (await ask(path, If_None_Match='"other"')).status == 200


@pytest.mark.parametrize("endpoint", NAMED, ids=lambda e: e.path)
@pytest.mark.parametrize("name", ["nobody", "%C3%A9%2F", "..", "%2e", "%25", "%20"])
async def test_who_is_not_here_is_not_found(ask: Served, endpoint: Any, name: str) -> None:
    assert_problem(await ask(path_of(endpoint.path, name)), 404)


@pytest.mark.parametrize("endpoint", NAMED, ids=lambda e: e.path)
@pytest.mark.parametrize("name", ["a%00b", "%ff", "a" * 1025, "%C3"])
async def test_names_that_cannot_be_are_refused(ask: Served, endpoint: Any, name: str) -> None:
    assert_problem(await ask(path_of(endpoint.path, name)), 400)


@pytest.mark.parametrize("path", PATHS)
async def test_parameters_that_are_not_known_are_named(ask: Served, path: str) -> None:
    assert_problem(await ask(f"{path}?nope=1"), 400, "'nope'", "there are")


@pytest.mark.parametrize("path", PATHS)
async def test_an_outage_says_when_to_come_again(ask: Served, path: str) -> None:
    async def away(point: str) -> None:
        raise Unavailable("qdrant", "injected")

    ask.world.store.users.hook = ask.world.store.items.hook = away
    answered = await ask(path)

    if path in ("/v1/segments", "/v1/items/space-0/neighbours"):  # the replica knows these
        assert answered.status == 200
    else:
        assert_problem(answered, 503, "qdrant: injected")
        assert answered.headers["Retry-After"] == "1"


@pytest.mark.parametrize("path", PATHS)
async def test_before_the_start_nothing_is_known(path: str) -> None:
    async with served(started=False) as ask:
        assert_problem(await ask(path), 503, "ask again")
        assert (await ask("/openapi.json")).status == 200


# --- parameters


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("n=0", ["n is '0'", ">= 1"]),
        ("n=101", ["n is '101'", "<= 100"]),
        ("n=ten", ["n is 'ten'", "int"]),
        ("n=1&n=2", ["n is given 2 times"]),
        ("domain=", ["domain is ''", "length >= 1"]),
        ("domain=" + "d" * 257, ["domain is 'ddd", "length <= 256"]),
        ("domain=a%00", ["domain is 'a\\x00'"]),
        ("lang=%0a", ["lang is"]),
        ("lang=en%0a", ["lang is 'en\\n'"]),
        ("lang=%ff", ["query", "UTF-8"]),
        ("exclude=" + "&exclude=".join(map(str, range(101))), ["exclude is", "length <= 100"]),
        ("exclude=ok&exclude=", ["exclude is 'ok', ''"]),
    ],
)
async def test_a_parameter_outside_its_limits_is_refused_with_the_limit(
    ask: Served, query: str, said: list[str]
) -> None:
    assert_problem(await ask(f"/v1/users/{FAN}/recommendations?{query}"), 400, *said)


@pytest.mark.parametrize("query", ["after=x", "after=..", "n=1000", "page=1"])
async def test_pages_of_a_segment_have_limits_too(ask: Served, query: str) -> None:
    assert_problem(await ask(f"/v1/segments/s0/users?{query}"), 400)


@pytest.mark.parametrize(
    "query",
    [
        *("page=0", "page=201", "segment="),
        *(f"active_since={t}" for t in ("2026", "2026-01-01T00:00:00", "2026-02-30T00:00:00Z", "")),
    ],
)
async def test_look_alikes_have_limits_too(ask: Served, query: str) -> None:
    assert_problem(await ask(f"/v1/users/{FAN}/lookalikes?{query}"), 400)


async def test_a_name_may_hold_anything_but_nul(ask: Served) -> None:
    answered = await ask(f"/v1/users/{quote(ODD, safe='')}")

    assert (answered.status, answered.body["user_id"]) == (200, ODD)


async def test_lists_are_made_as_asked_for(ask: Served) -> None:
    path = f"/v1/users/{FAN}/recommendations"
    whole = (await ask(f"{path}?n=100")).body["items"]
    some = (await ask(f"{path}?n=100&domain=film&lang=EN&exclude=music-1&exclude=none")).body

    assert len(whole) > len(some["items"]) > 0
    assert "music-1" in {one["item_id"] for one in whole}
    assert "music-1" not in {one["item_id"] for one in some["items"]}


async def test_look_alikes_are_paged_and_filtered(ask: Served) -> None:
    path = f"/v1/users/{FAN}/lookalikes"
    first = (await ask(f"{path}?n=2")).body
    second = (await ask(f"{path}?n=2&page=2")).body
    later = "2023-11-14T23%3A04%3A01%2B01%3A00"
    late = (await ask(f"{path}?segment=s0&active_since={later}")).body

    assert (first["total"], first["page"], second["page"]) == (second["total"], 1, 2)
    assert not {u["user_id"] for u in first["users"]} & {u["user_id"] for u in second["users"]}
    assert {one["segment"] for one in late["users"]} == {"s0"}
    assert all(one["last_active_at"] >= "2023-11-14T22:04:01" for one in late["users"])
    assert (await ask(f"{path}?page=200")).body["users"] == []


async def test_users_of_a_segment_are_paged(ask: Served) -> None:
    first = (await ask("/v1/segments/s0/users?n=2")).body
    rest = (await ask(f"/v1/segments/s0/users?after={first['next']}")).body

    assert (len(first["users"]), rest["next"]) == (2, None)
    known = {one["user_id"] for one in (*first["users"], *rest["users"])}
    assert len(known) == 2 + len(rest["users"]) == 6
    beyond = (await ask(f"/v1/segments/s0/users?after={point_uuid('no end')}")).body
    assert {one["user_id"] for one in beyond["users"]} <= known


async def test_the_forgotten_are_not_found(ask: Served) -> None:
    for rest in ("", "/recommendations", "/explain", "/lookalikes"):
        answered = await ask(f"/v1/users/{FORGOTTEN}{rest}")
        assert_problem(answered, 404, "'forgotten'", "check the id")


async def test_the_document_names_every_limit_that_the_code_holds_to(ask: Served) -> None:
    found = (await ask("/openapi.json")).body

    assert found["openapi"] == "3.1.0"
    assert list(found["paths"]) == [each.path for each in ENDPOINTS]
    given = {p["name"]: p for p in found["paths"][ENDPOINTS[1].path]["get"]["parameters"]}
    assert (given["n"]["schema"]["minimum"], given["n"]["schema"]["maximum"]) == (1, 100)
    assert given["exclude"]["schema"]["maxItems"] == 100
    ids = [each["get"]["operationId"] for each in found["paths"].values()]
    assert ids[0] == "user"
    assert ids[-1] == "segment-lookalikes"
    assert len(set(ids)) == len(ids)


# --- what goes wrong


async def test_what_is_not_there_is_a_problem(ask: Served) -> None:
    for path in ("/", "/v1", "/v1/users", "/v1/users/", "/v1/users/a/b", "/v2/users/a"):
        assert_problem(await ask(path), 404, "/openapi.json")


async def test_health_and_metrics_are_as_they_were(ask: Served) -> None:
    assert (await ask("/healthz")).body["ok"]
    assert (await ask("/readyz")).status == 503
    assert (await ask("/metrics")).status == 200


async def test_more_questions_than_allowed_are_told_to_come_again() -> None:
    async with served(at_once=2) as ask:
        waits, asked = asyncio.Event(), asyncio.Semaphore(0)

        async def slow(point: str) -> None:
            if point == "users.load":
                asked.release()
                await waits.wait()

        ask.world.store.users.hook = slow
        open_ones = [asyncio.create_task(ask(f"/v1/users/{FAN}")) for _ in range(2)]
        for _ in open_ones:
            await asked.acquire()
        refused = await ask(f"/v1/users/{FAN}")
        known = await ask("/healthz")
        waits.set()

        assert_problem(refused, 503, "2 questions are open, limit 2", "INTERESTREAM_WEB_READS")
        assert refused.headers["Retry-After"] == "1"
        assert known.status == 200
        assert {one.status for one in await asyncio.gather(*open_ones)} == {200}
        assert (await ask(f"/v1/users/{FAN}")).status == 200


async def test_a_bug_is_told_without_its_inside_and_frees_its_place(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with served(at_once=1) as ask:

        async def broken(point: str) -> None:
            raise ZeroDivisionError("secret")

        ask.world.store.users.hook = broken
        for _ in range(3):
            answered = await ask(f"/v1/users/{FAN}")
            assert_problem(answered, 500, "log has the trace")
            assert "secret" not in str(answered.body)
