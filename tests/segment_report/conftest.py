"""As a report is made: on one thread."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from threadpoolctl import threadpool_limits


@pytest.fixture(scope="package", autouse=True)
def one_thread() -> Iterator[None]:
    """In small steps more threads wait for each other, where others use the cores, for seconds."""
    with threadpool_limits(1):
        yield
