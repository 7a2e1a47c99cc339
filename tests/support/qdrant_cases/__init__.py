"""The calls in which the embedded store must be the server's equal; use `CASES`.

A case gets a client and a name that nothing else uses, and returns what can be compared: plain
values, floats rounded. An error is its status code."""

from tests.support.qdrant_cases import aliases, collections, reads, writes
from tests.support.qdrant_cases.shared import CASES, Case

__all__ = ["CASES", "Case", "aliases", "collections", "reads", "writes"]
