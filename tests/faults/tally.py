"""What a checked round adds up to: events lost, doubled or not published, counted by users."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from stream.core.decay import weight_at
from stream.core.profile import Profile
from tests.support import audit, load
from tests.support.audit import Fate, Found
from tests.support.differences import differences
from tests.support.recompute import HALF_LIVES_S, Expected

SHOWN = 400  # characters of a finding
COUNTED = re.compile(r"(\d+) findings")


@dataclass(frozen=True, slots=True)
class Tally:
    """Numbers of findings, and what they are.

    lost         users whose profile lacks something, and poison records without their dead letter
    doubled      users whose profile has more than their events give, letters that nobody expects
    unpublished  newest lists and segment changes that are not in their topics as they are stored
    """

    lost: int = 0
    doubled: int = 0
    unpublished: int = 0
    findings: tuple[str, ...] = ()

    @property
    def clean(self) -> bool:
        return not self.findings


def tally(found: Found, fate: Fate, ends: Mapping[int, int]) -> Tally:
    """Everything that is wrong.

    ends  partition of the events topic -> the offset behind the last confirmed record
    """
    wanted = audit.expected(found, fate)
    lost, more = _profiles(found, wanted)
    missing, strange = _letters(found, fate)
    gone = _gone(found, ends)
    both = found.profiles.keys() & wanted.keys()
    same = found.only(both.__contains__)
    expects = {user: wanted[user] for user in both}
    lists = _assertion(lambda: audit.check_lists(same, expects))
    changes = _assertion(lambda: audit.check_changes(found))
    waits = [f"segment change {one} waits" for one in sorted(audit.waiting(found))]
    findings = [*gone, *lost, *missing, *more, *strange, *lists[1], *changes[1], *waits]
    return Tally(
        lost=len(gone) + len(lost) + len(missing),
        doubled=len(more) + len(strange),
        unpublished=lists[0] + changes[0] + len(waits),
        findings=tuple(finding[:SHOWN] for finding in findings),
    )


def _gone(found: Found, ends: Mapping[int, int]) -> list[str]:
    """Confirmed records that the topic itself does not have."""
    has: dict[int, int] = {}
    for record in found.events:
        has[record.partition] = max(has.get(record.partition, 0), record.offset + 1)
    return [
        f"partition {partition} of the events ends at {has.get(partition, 0)}, {end} were confirmed"
        for partition, end in ends.items()
        if has.get(partition, 0) < end
    ]


def _profiles(found: Found, wanted: Mapping[str, Expected]) -> tuple[list[str], list[str]]:
    """(what is missing, what is too much), one line a user."""
    missing = [f"{user}: no profile" for user in sorted(wanted.keys() - found.profiles.keys())]
    too_much = [f"{user}: nobody's" for user in sorted(found.profiles.keys() - wanted.keys())]
    for user in sorted(wanted.keys() & found.profiles.keys()):
        has, wants = found.profiles[user], wanted[user]
        if wrong := list(differences(has, wants)):
            side = too_much if _more(has, wants) else missing
            side.append(f"{user}: {'; '.join(wrong)}")
    return missing, too_much


def _more(has: Profile, wants: Expected) -> bool:
    """Whether the profile has more than its events give: what was applied twice."""
    if has.ratings.count != len(wants.ratings):
        return has.ratings.count > len(wants.ratings)
    half_life_s = HALF_LIVES_S["interests"]
    weights = [weight_at(one.mass, has.as_of, half_life_s=half_life_s) for one in has.interests]
    given = [p.weight * 2.0 ** (-(has.as_of - p.at) / half_life_s) for p in wants.liked]
    return bool(sum(weights) > sum(given) * (1 + 1e-6))


def _letters(found: Found, fate: Fate) -> tuple[list[str], list[str]]:
    """(records without a right letter, letters of no refused record)."""
    silent = (load.APPLIES, *load.COUNTED)
    refused = {r.place: r for r in found.events if fate(r.value) not in silent}
    letters = {(one.key or b"").decode(): one for one in found.letters}
    wrong = [
        f"{place}: no letter that says {fate(record.value)}"
        for place, record in refused.items()
        if place not in letters or not audit.is_right(letters[place], record, found, fate)
    ]
    strange = [
        f"{place}: a letter that says {letters[place].headers.get('dl_reason')!r}"
        for place in letters.keys() - refused.keys()
    ]
    return wrong, strange


def _assertion(check: Callable[[], None]) -> tuple[int, list[str]]:
    """(number of findings, the first of them) of a check that raises them as one text."""
    try:
        check()
    except AssertionError as error:
        text = str(error)
        counted = COUNTED.match(text)
        if counted is None:
            return 1, [text]
        return int(counted[1]), text.splitlines()[1:]
    return 0, []
