"""The reads against their own document: whatever it allows is answered as it says, the rest is
refused as it says.

Operations are taken one by one: schemathesis' own way into pytest does not know pytest 9.2.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings

from stream.web.openapi import document
from tests.reads.world import FORGOTTEN, ODD
from tests.web.served import served

#: Hypothesis would hardly find these by itself.
KNOWN = {
    "user_id": ["space fan 0", "crime fan 4", ODD, FORGOTTEN],
    "item_id": ["space-0", "music-1", "gone"],
    "segment_id": ["s0", "s1"],
}
pytestmark = pytest.mark.integration  # it starts nothing, but takes its time
MODES = list(schemathesis.GenerationMode)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A server on a thread of its own: the fuzzer waits for answers without an event loop."""
    ready, stop = threading.Event(), asyncio.Event()
    found: list[Any] = []

    async def serve() -> None:
        async with served(at_once=64) as ask:
            found.extend([ask.url, asyncio.get_running_loop()])
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(30)
    yield found[0]
    found[1].call_soon_threadsafe(stop.set)
    thread.join(30)


def operations() -> list[Any]:
    schema: Any = schemathesis.openapi.from_dict(document())
    return [found.ok() for found in schema.get_all_operations()]


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.value)
@pytest.mark.parametrize("operation", operations(), ids=lambda operation: operation.path)
def test_the_document_tells_the_truth(url: str, operation: Any, mode: Any) -> None:
    if mode is schemathesis.GenerationMode.NEGATIVE and operation.path == "/v1/segments":
        pytest.skip("it takes no parameters that could be wrong")

    @settings(
        max_examples=25,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def holds(case: Any) -> None:
        if mode is schemathesis.GenerationMode.POSITIVE:
            _someone(case)
        case.call_and_validate(base_url=url)

    holds()


def _someone(case: Any) -> None:
    """Every other name is one that there is."""
    for name, some in KNOWN.items():
        value = (case.path_parameters or {}).get(name)
        if isinstance(value, str) and len(value) % 2:
            case.path_parameters[name] = some[len(value) // 2 % len(some)]
