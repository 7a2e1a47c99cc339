"""Requests are counted and timed, under names that no reader can add to."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from stream.errors import Unavailable
from stream.web.endpoints import ENDPOINTS
from tests.web.served import Served, served

FAN = "space%20fan%200"
TOTAL = "interestream_http_requests_total"
SECONDS = "interestream_http_request_seconds"
OTHERS = {"/openapi.json", "/healthz", "/readyz", "/metrics", "none"}


@pytest.fixture
async def ask() -> AsyncIterator[Served]:
    async with served() as one:
        yield one


async def series(ask: Served, name: str) -> Counter[tuple[str, ...]]:
    """The values of one sample by its labels' values."""
    families = list(text_string_to_metric_families((await ask("/metrics")).body))
    return Counter(
        {
            tuple(sample.labels.values()): int(sample.value)
            for family in families
            for sample in family.samples
            if sample.name == name
        }
    )


async def test_every_endpoint_is_shown_before_it_is_asked(ask: Served) -> None:
    """An increase over nothing is not seen."""
    found = await series(ask, TOTAL)

    assert {endpoint for endpoint, _ in found} == {each.path for each in ENDPOINTS} | OTHERS
    assert {status for _, status in found} == {"2xx", "3xx", "4xx", "5xx"}
    assert not +found
    assert {endpoint for (endpoint,) in await series(ask, f"{SECONDS}_count")} == {
        endpoint for endpoint, _ in found
    }


async def test_answers_are_counted_under_the_path_s_template_and_the_status_class(
    ask: Served,
) -> None:
    user, segments = "/v1/users/{user_id}", "/v1/segments"
    for path in (f"/v1/users/{FAN}", "/v1/users/crime%20fan%204", "/v1/users/nobody"):
        await ask(path)
    etag = (await ask(segments)).headers["ETag"]
    await ask(segments, If_None_Match=etag)
    await ask(f"{segments}?nope=1")

    found = await series(ask, TOTAL)
    assert [found[user, status] for status in ("2xx", "3xx", "4xx", "5xx")] == [2, 0, 1, 0]
    assert [found[segments, status] for status in ("2xx", "3xx", "4xx", "5xx")] == [1, 1, 1, 0]
    counts = await series(ask, f"{SECONDS}_count")
    assert (counts[(user,)], counts[(segments,)]) == (3, 3)


async def test_outages_and_bugs_are_told_from_what_was_asked_wrongly(ask: Served) -> None:
    answers = iter([Unavailable("qdrant", "injected"), ZeroDivisionError("injected")])

    async def fails(point: str) -> None:
        raise next(answers)

    ask.world.store.users.hook = fails
    for _ in range(2):
        await ask(f"/v1/users/{FAN}")

    assert (await series(ask, TOTAL))["/v1/users/{user_id}", "5xx"] == 2


@pytest.mark.parametrize("path", ["/", "/v1", "/v2/users/a", "/v1/users/a/b", "/a%2Fb%00"])
async def test_a_path_that_is_not_known_makes_no_new_label(ask: Served, path: str) -> None:
    before = await series(ask, TOTAL)
    for number in range(3):
        await ask(path.replace("a", f"a{number}"))
    await ask("/v1/segments", "DELETE")
    after = await series(ask, TOTAL)

    assert after.keys() == before.keys()
    assert after["none", "4xx"] == 4
