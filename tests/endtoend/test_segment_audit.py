"""The audit of segment changes finds a planted violation of every law, and nothing where all is
well."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest

from stream.core.profile import Change, Membership, Profile
from stream.core.segments import Segment, SegmentModel
from stream.wire.messages import SegmentChange
from tests.support import segment_audit
from tests.support.records import Kept
from tests.support.segment_audit import Found

MODEL = SegmentModel(7, tuple(Segment(i, i, np.ones(2, np.float32), 1) for i in ("b", "c")))


def record(name: str, before: str | None, after: str, offset: int, **given: Any) -> Kept:
    change = SegmentChange(
        **{
            "change_id": name,
            "user_id": "u",
            "at": f"2026-01-01T00:00:0{offset}Z",
            "from_": before,
            "to": after,
            "label": after,
            "cause": "sweep",
            "event_id": None,
            "margin": 0.1,
            "model_version": 5 + offset,
            **given,
        }
    )
    return Kept("segments", 0, offset, b"u", msgspec.json.encode(change), {"ce_id": name.encode()})


FIRST, SECOND = record("1", None, "a", 0), record("2", "a", "b", 1)
USER = Profile("u", membership=Membership("b", 6, 1.0))
WELL = Found([FIRST, SECOND], {"u": USER, "v": Profile("v")}, MODEL, {"1", "2"}, {"u": 5})


def stored(name: str) -> Profile:
    return replace(USER, outbox=(Change(name, 1.0, "a", "b", "b", "sweep", None, 0.1, 6),))


def told(*records: Kept) -> Found:
    return replace(WELL, records=records)


def of(profile: Profile) -> Found:
    return replace(WELL, profiles={"u": profile})


@pytest.mark.parametrize(
    "found",
    [
        WELL,
        told(FIRST, SECOND, replace(FIRST, offset=2, at=9.0)),
        of(stored("2")),
        told(FIRST, SECOND, Kept("segments", 0, 3, b"u", None)),
        Found([], {"v": Profile("v")}, None),
    ],
)
def test_where_all_is_well_nothing_is_found(found: Found) -> None:
    """Also where a change came again, or waits although it was told."""
    segment_audit.check(found)


@pytest.mark.parametrize(
    ("spoilt", "says"),
    [
        # one id, one content
        (told(FIRST, SECOND, replace(SECOND, value=(SECOND.value or b"") + b" ")), "another value"),
        (told(FIRST, SECOND, replace(SECOND, headers={"ce_id": b"9"})), "another headers"),
        (told(FIRST, SECOND, replace(SECOND, partition=1)), "another partition"),
        (told(FIRST, SECOND, replace(SECOND, key=b"v")), "another key"),
        # one change, one id
        (told(FIRST, SECOND, record("3", "a", "b", 1)), "is told as 2 and as 3"),
        # one chain to where the profile is
        (told(FIRST), r"u: \[\(None, 'a'\)\] lead to b"),
        (told(SECOND), "lead to b"),
        (told(SECOND, FIRST), "lead to b"),
        (told(FIRST, SECOND, record("3", "b", "c", 1)), "lead to b"),
        (of(replace(USER, membership=Membership("c", 6, 1.0))), "lead to c"),
        (of(replace(USER, membership=None)), "lead to None"),
        (replace(WELL, profiles={}), "u: has no profile"),
        # all that was stored is told
        (of(stored("4")), r"u: \{'4'\} were not sent"),
        (replace(WELL, stored={"4"}), "4 was stored, and never told"),
        # no way back to an older model
        (told(FIRST, record("2", "a", "b", 1, model_version=4)), r"models \[5, 4, 6\]"),
        (of(replace(USER, membership=Membership("b", 5, 1.0))), r"models \[5, 6, 5\]"),
        (replace(WELL, since={"u": 7}), "of model 6, was of 7 before"),
        # nobody in a segment that there is not
        (replace(WELL, model=SegmentModel(7, MODEL.segments[1:])), "u: in b, which is not one of"),
        (replace(WELL, model=None), "u: in b"),
    ],
)
def test_a_planted_violation_is_found(spoilt: Found, says: str) -> None:
    with pytest.raises(AssertionError, match=says):
        segment_audit.check(spoilt)


@pytest.mark.parametrize(
    "law",
    [
        segment_audit.altered,
        segment_audit.twice,
        segment_audit.broken,
        segment_audit.untold,
        segment_audit.older,
        segment_audit.nowhere,
    ],
)
def test_every_law_is_asked(law: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segment_audit, law.__name__, lambda *_: ["asked"])
    assert list(segment_audit.findings(WELL)) == ["asked"]
