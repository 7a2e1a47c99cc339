"""Each thing that can go wrong is counted, and as what it is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

from stream.core.profile import Change, Profile, Recent
from stream.core.strength import RatingMean
from stream.settings import load as load_settings
from tests.faults.tally import Tally, tally
from tests.support.audit import Found
from tests.support.load import APPLIES
from tests.support.recompute import Known, hashed
from tests.support.records import Kept

POISON = b"not json"
ENDS = {0: 3}
CHANGE = Change("c1", 101.0, None, "s1", "label", "event", "e1", 0.1, 1)


def fate(value: bytes | None) -> str:
    return "malformed_json" if value == POISON else APPLIES


def view(number: int) -> bytes:
    """A view, which asks for no list; its rating is counted all the same."""
    message = {"user_id": "u", "item_id": f"i{number}", "type": "view", "rating": 5}
    return json.dumps({**message, "at": 100.0 + number, "event_id": f"e{number}"}).encode()


LOG = [
    Kept("events", 0, offset, b"u", value)
    for offset, value in enumerate((view(0), view(1), POISON))
]
LETTER = Kept("letters", 0, 0, b"events/0/2", POISON, headers={"dl_reason": b"malformed_json"})


def profile(events: int = 2) -> Profile:
    """What so many of the views give."""
    items = [f"i{number}" for number in range(events)]
    return Profile(
        "u",
        as_of=99.0 + events,
        ratings=RatingMean(1.0 * events, events),
        recent=tuple(Recent(item, 100.0 + n, 0.1, "") for n, item in enumerate(items)),
        seen=tuple(hashed(item, 4) for item in items),
        event_ids=tuple(hashed(f"e{number}", 8) for number in range(events)),
        marks=(("source-0", events - 1),),
    )


def counted(
    profiles: Mapping[str, Profile],
    letters: list[Kept],
    ends: Mapping[int, int] = ENDS,
) -> Tally:
    known = Known({}, {}, {})
    sources = {0: "source-0"}
    found = Found(load_settings(), LOG, [], [], letters, profiles, known, sources)
    return tally(found, fate, ends)


def numbers(result: Tally) -> tuple[int, int, int]:
    assert result.clean == (not result.findings)
    return result.lost, result.doubled, result.unpublished


def test_nothing_is_found_where_nothing_is_wrong() -> None:
    assert counted({"u": profile()}, [LETTER]) == Tally()


def test_an_event_that_a_profile_lacks_is_lost() -> None:
    assert numbers(counted({"u": profile(1)}, [LETTER])) == (1, 0, 0)


def test_a_user_without_a_profile_is_lost() -> None:
    assert numbers(counted({}, [LETTER])) == (1, 0, 0)


def test_an_event_that_counts_twice_is_doubled() -> None:
    twice = replace(profile(), ratings=RatingMean(3.0, 3))

    assert numbers(counted({"u": twice}, [LETTER])) == (0, 1, 0)


def test_a_profile_that_no_event_made_is_one_too_many() -> None:
    other = replace(profile(), user_id="other")

    assert numbers(counted({"u": profile(), "other": other}, [LETTER])) == (0, 1, 0)


def test_a_poison_record_needs_its_letter_and_its_reason() -> None:
    wrong = replace(LETTER, headers={"dl_reason": b"wrong_type"})

    assert numbers(counted({"u": profile()}, [])) == (1, 0, 0)
    assert numbers(counted({"u": profile()}, [wrong])) == (1, 0, 0)


def test_a_letter_may_be_taken_back_only_where_its_user_was_forgotten() -> None:
    back, right = replace(LETTER, value=None, headers={}), profile()
    gone = Profile("u", forgotten_at=101.0)

    assert numbers(counted({"u": right}, [back])) == (1, 0, 0)
    assert "no letter" in " ".join(counted({"u": right}, [back]).findings)
    assert "no letter" not in " ".join(counted({"u": gone}, [back]).findings)


def test_a_letter_that_nothing_asks_for_is_one_too_many() -> None:
    strange = replace(LETTER, key=b"events/0/1")

    assert numbers(counted({"u": profile()}, [LETTER, strange])) == (0, 1, 0)


def test_a_confirmed_record_that_the_topic_lacks_is_lost() -> None:
    assert numbers(counted({"u": profile()}, [LETTER], {0: 4})) == (1, 0, 0)


def test_a_change_that_stays_in_the_outbox_is_unpublished() -> None:
    lost, doubled, unpublished = numbers(
        counted({"u": replace(profile(), outbox=(CHANGE,))}, [LETTER])
    )

    assert (lost, doubled, unpublished > 0) == (0, 0, True)
