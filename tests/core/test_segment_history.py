"""Outcomes are read off what stands, so that nobody who stops in between leaves a lie."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.core.segment_history import (
    ACCEPTED,
    FITTED,
    HELD,
    IN_FORCE,
    LIKE_HELD,
    OPEN,
    OVERTAKEN,
    RECORDS_MAX,
    REJECTED,
    REPLACED,
    Named,
    Record,
    Standing,
    added,
    named,
    settled,
)
from stream.core.segments import Segment, SegmentModel
from tests.core.samples import axis, law


def record(version: int, outcome: str = FITTED) -> Record:
    return Record(version, float(version), "periodic", outcome=outcome)


@pytest.mark.parametrize(
    ("now", "outcome"),
    [
        (Standing(version=3, claimed=5), FITTED),
        (Standing(version=5, previous=3, claimed=5), IN_FORCE),
        (Standing(version=7, previous=5, claimed=7), IN_FORCE),
        (Standing(version=3, claimed=5, held=5), HELD),
        (Standing(version=3, claimed=6), OVERTAKEN),
        (Standing(version=5, previous=3, claimed=6, decided=5, as_what=ACCEPTED), ACCEPTED),
        (Standing(version=3, claimed=6, decided=5, as_what=REJECTED), REJECTED),
        (Standing(version=6, previous=3, claimed=6, decided=5, as_what=REPLACED), REPLACED),
    ],
)
def test_an_open_record_says_what_stands(now: Standing, outcome: str) -> None:
    assert settled([record(5)], now) == (record(5, outcome),)


@pytest.mark.parametrize("outcome", [IN_FORCE, ACCEPTED, REJECTED, REPLACED, LIKE_HELD, OVERTAKEN])
def test_what_is_decided_stays(outcome: str) -> None:
    """A model is in force no more one day, and was all the same."""
    later = Standing(version=9, previous=8, claimed=9, decided=5, as_what=REJECTED)
    assert settled([record(5, outcome)], later) == (record(5, outcome),)


steps = st.lists(
    st.tuples(st.sampled_from(["switch", "hold", "accept", "reject", "overtaken"]), st.booleans()),
    max_size=12,
)


@law
@given(steps)
def test_a_crash_before_any_writing_of_an_outcome_changes_nothing_in_the_end(
    steps: list[tuple[str, bool]],
) -> None:
    """Whoever writes a record or decides completes the records first; afterwards it may crash."""
    now, truth = Standing(), dict[int, str]()
    written: tuple[Record, ...] = ()
    for version, (step, crashes) in enumerate(steps, start=1):
        written = settled(written, now)
        if step in ("accept", "reject"):
            if not now.held:
                continue
            truth[now.held] = ACCEPTED if step == "accept" else REJECTED
            forward = {"version": now.held, "previous": now.version} if step == "accept" else {}
            now = replace(now, held=0, decided=now.held, as_what=truth[now.held], **forward)
        else:
            now = replace(now, claimed=version)
            written = added(settled(written, now), record(version))
            if step != "overtaken" and now.held:
                truth[now.held] = REPLACED
                now = replace(now, held=0, decided=now.held, as_what=REPLACED)
            if step == "switch":
                now = replace(now, version=version, previous=now.version)
            if step == "hold":
                now = replace(now, held=version)
            truth[version] = {"switch": IN_FORCE, "hold": HELD}.get(step, FITTED)
        truth = {v: OVERTAKEN if o == FITTED and v < now.claimed else o for v, o in truth.items()}
        if not crashes:
            written = settled(written, now)
    assert {one.version: one.outcome for one in settled(written, now)} == truth


@law
@given(st.lists(st.integers(1, 300), max_size=250))
def test_records_are_bounded_in_order_and_one_a_version(versions: list[int]) -> None:
    records: tuple[Record, ...] = ()
    for version in versions:
        records = added(records, record(version))
    kept = [one.version for one in records]
    assert kept == sorted(set(kept))
    assert len(kept) <= RECORDS_MAX
    assert set(kept) >= set(sorted(set(versions))[-1:])


def test_a_record_takes_the_labels_of_its_model() -> None:
    def model(*labels: str) -> SegmentModel:
        names = zip("abc", labels, strict=False)
        return SegmentModel(1, tuple(Segment(name, label, axis(0), 2) for name, label in names))

    found = named(record(1), model("war", "noir", "new"), model("war", "drama"))
    assert found.segments == (Named("a", "war", 2), Named("b", "noir", 2), Named("c", "new", 2))
    assert found.relabelled == ("b",)
    assert FITTED in OPEN
