"""What a check of `interestream doctor` found."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class Status(StrEnum):
    """OPTIONAL: not there, and only some commands need it."""

    OK = "ok"
    FAILED = "failed"
    OPTIONAL = "optional"


class Finding(Struct, frozen=True):
    """One line of the doctor's report.

    found   what was seen, with values and limits
    remedy  what to do about it; "" where nothing is to be done
    """

    check: str
    status: Status
    found: str
    remedy: str = ""


def ok(check: str, found: str) -> Finding:
    return Finding(check, Status.OK, found)


def failed(check: str, found: object, remedy: str) -> Finding:
    return Finding(check, Status.FAILED, str(found), remedy)
