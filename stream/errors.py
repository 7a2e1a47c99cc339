"""Every error the service knows, and what becomes of it.

    InterestreamError
    ├── Reject         bad input: to the dead letters, confirmed, then acknowledged
    ├── Unavailable    Kafka, Qdrant or encoder away: back off in place, nothing acknowledged
    │   └── Overloaded     the encoder's queue is full: waited out like an outage
    ├── OwnershipLost  the partition went to another worker: drop the chunk, nothing acknowledged
    ├── TooManyBugs    the hour's bug budget is spent: stop, nothing acknowledged
    ├── Broken         a part of this process is past use: stop, nothing acknowledged
    ├── Misconfigured  at start only: refuse with the remedy, exit code 2
    └── Failed         a command that did not reach its end, exit code 1

Anything else is a bug: the record that fails alone goes to the dead letters with its trace,
a few an hour; beyond that the worker stops with nothing acknowledged.
"""

from __future__ import annotations


class InterestreamError(Exception):
    """Root of the tree; never raised itself."""


class Reject(InterestreamError):
    """An input that cannot be understood or must not be applied.

    reason   a code of `stream.wire.reasons.Reason`, stable: consumers of dead letters filter on it
    message  value, limit and remedy, for a person
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


class Unavailable(InterestreamError):
    """A part the service needs does not answer; trying again later may help.

    part  "kafka", "qdrant" or "encoder"
    """

    def __init__(self, part: str, message: str) -> None:
        super().__init__(f"{part}: {message}")
        self.part = part


class Overloaded(Unavailable):
    """A bounded queue is full; the caller waits, nothing is dropped."""


class OwnershipLost(InterestreamError):
    """The partition of the chunk in hand belongs to another worker now."""


class TooManyBugs(InterestreamError):
    """More records than allowed failed on bugs within an hour: a person must see it."""


class Broken(InterestreamError):
    """A part of this process no longer works, whatever it is given: only a new process helps."""


class Failed(InterestreamError):
    """A command did not reach its end; the message says how far it came."""


class Misconfigured(InterestreamError):
    """A setting, a collection or a model that does not fit; the message names the remedy."""
