"""From where on a topic is replayed."""

from __future__ import annotations

import pytest

from stream.errors import Misconfigured
from stream.rebuild.since import Since, since, starts

FIRST, ENDS = {0: 10, 1: 0}, {0: 50, 1: 40}


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("earliest", Since()),
        ("120", Since(every=120)),
        ("0:120,1:98", Since(offsets={0: 120, 1: 98})),
        ("2026-01-31T08:00:00Z", Since(at=1_769_846_400.0)),
        ("2026-01-31T09:00:00+01:00", Since(at=1_769_846_400.0)),
    ],
)
def test_what_may_be_asked(text: str, asked: Since) -> None:
    assert since(text) == asked


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("latest", "give earliest, a time with its offset"),
        ("2026-01-31T08:00:00", "has no offset: add Z or"),
        ("-5", "give earliest"),
        ("0:1,", "give earliest"),
    ],
)
def test_what_may_not(text: str, said: str) -> None:
    with pytest.raises(Misconfigured, match=said):
        since(text)


def test_the_earliest_is_what_the_topic_still_has() -> None:
    assert starts(Since(), FIRST, ENDS) == FIRST


def test_a_time_reads_all_and_leaves_out_what_is_before() -> None:
    assert starts(Since(at=5.0), FIRST, ENDS) == FIRST


@pytest.mark.parametrize("asked", [Since(every=20), Since(offsets={0: 20, 1: 20})])
def test_an_offset_holds_for_each_partition(asked: Since) -> None:
    assert starts(asked, FIRST, ENDS) == {0: 20, 1: 20}


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (Since(every=5), "--from 5: partition 0 has the records 10 to 50"),
        (Since(every=45), "--from 45: partition 1 has the records 0 to 40"),
        (Since(offsets={0: 20}), r"names the partitions 0, the topic has 0, 1.*wrong: 1"),
        (Since(offsets={0: 20, 1: 5, 7: 1}), "wrong: 7"),
    ],
)
def test_one_that_is_not_there_is_refused(asked: Since, said: str) -> None:
    with pytest.raises(Misconfigured, match=said):
        starts(asked, FIRST, ENDS)
