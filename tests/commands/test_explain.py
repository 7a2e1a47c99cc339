"""What `explain` says of a user whose profile is known exactly."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import replace

import pytest

from stream.commands.story import tell
from stream.core.catalogue import Catalogue
from stream.core.fold import fold
from stream.core.profile import Membership, Profile
from stream.core.rank import rank
from stream.core.tuning import DAY_S, Tuning
from stream.errors import Misconfigured
from stream.reads.picture import items_of, picture
from stream.settings import Settings
from stream.store.codec import pack
from stream.store.collections import open_store
from stream.store.rows import fresh_etag
from tests.commands.conftest import Command
from tests.core.samples import HIDE, LIKE, NOW, axis, entry, observation
from tests.support.rows import item_row

TITLES = {"space-1": "Solaris", "space-2": "Gravity", "cook-1": "Ratatouille", "gore-1": "Saw"}


def ada(now: float = NOW) -> Profile:
    """Likes two films of one kind and one of another, dislikes a fourth, has a list."""
    shown = [("space-1", 0, LIKE), ("cook-1", 1, LIKE), ("space-2", 0, LIKE), ("gore-1", 2, HIDE)]
    events = [
        observation(
            number,
            item_id=item,
            vector=axis(direction),
            kind=kind,
            at=now - 60 * (len(shown) - number),
            label=("space", "cooking", "gore")[direction],
            categories=(("sci-fi", "food", "horror")[direction],),
        )
        for number, (item, direction, kind) in enumerate(shown)
    ]
    folded = fold(Profile("ada"), events, Tuning()).profile
    films = [entry("space-3", axis(0)), *(entry(i, axis(d)) for i, d, _ in shown)]
    catalogue = Catalogue(8, tuple(films))
    (made,) = rank([replace(folded, version=7)], [("event-3",)], catalogue, Tuning())
    return replace(
        folded, version=7, current=made, membership=Membership("s1", 5, since=now - 2 * DAY_S)
    )


def told(profile: Profile, now: float = NOW) -> str:
    names = {**TITLES, "space-3": "Interstellar"}
    return "\n".join(tell(picture(profile, names, "sci-fi fans", now, Tuning())))


def test_recent_items_come_newest_first_with_what_they_joined() -> None:
    text = told(ada())

    assert text.index("Saw") < text.index("Gravity") < text.index("Ratatouille")
    assert "2 min ago  +0.80  Gravity      -> space" in text
    assert "1 min ago  -0.80  Saw\n" in text


def test_interests_name_their_evidence() -> None:
    text = told(ada())

    assert " 67%  space title (" in text
    assert "because of Gravity; Solaris\n" in text
    assert " 33%  cooking (" in text
    assert "because of Ratatouille\n" in text


def test_the_list_says_why() -> None:
    text = told(ada())

    assert "list of version 7, 1 min old, caused by event-3" in text
    line = next(line for line in text.splitlines() if "Interstellar" in line)
    assert line.startswith("  1.  Interstellar")
    assert "interest " in line
    assert "because of Gravity; Solaris" in line


def test_segment_state_and_marks_are_told() -> None:
    text = told(ada())

    assert "segment s1 (sci-fi fans) since 2023-11-12 22:13:20, model 5" in text
    assert "sci-fi" in text
    assert "food" in text
    assert "aversion    confidence 0.44 · newest 1 min ago" in text
    assert "topic/0  offset 3" in text


def test_what_the_interest_is_divided_into_is_told_with_how_far_it_moved() -> None:
    text = told(ada())

    assert "categories  sci-fi 57%, food 33%, others 10%" in text
    assert "spread      as over 2.5 even shares · entropy 0.91 nats" in text
    assert "drift       nothing is known of a week before the newest event" in text

    again = observation(9, kind=LIKE, at=NOW + 9 * DAY_S, vector=axis(1), categories=("food",))
    later = fold(ada(), [again], Tuning()).profile
    assert "0.12 from a week before the newest event (0: the same, 1: nothing in common)" in told(
        later
    )


def test_confidence_falls_with_silence() -> None:
    fresh = picture(ada(), {}, "", NOW, Tuning())
    silent = picture(ada(), {}, "", NOW + 60 * DAY_S, Tuning())

    assert silent.confidence < fresh.confidence / 2
    assert silent.session is not None
    assert silent.session.confidence == 0
    assert told(ada(), NOW + 30_000 * DAY_S)  # interests without weight are gone from every list


def test_a_profile_with_nothing_in_it_is_told_too() -> None:
    forgotten = told(Profile("ada", version=3, forgotten_at=NOW))

    assert forgotten.startswith("ada · version 3 · no event yet · confidence 0.00")
    assert "forgotten: events of before 2023-11-14 22:13:20 are skipped" in forgotten
    assert "session     none" in forgotten


def test_titles_cannot_steer_the_terminal() -> None:
    names = dict.fromkeys(items_of(ada()), "a\x1b[2J\nb")
    text = "\n".join(tell(picture(ada(), names, "", NOW, Tuning())))

    assert "\x1b" not in text
    assert "a�[2J�b" in text


def test_every_item_that_is_named_is_asked_for() -> None:
    assert items_of(ada()) == {"space-1", "space-2", "space-3", "cook-1", "gore-1"}


@pytest.mark.integration
async def test_a_stored_profile_is_explained(here: Settings, command: Command) -> None:
    store = await open_store(here, dimension=8, encoder_hash="e1")
    row = pack(ada(time.time()), fresh_etag(), Tuning(), now=time.time())
    await store.users.save([row], {"ada": None})
    items = [item_row(i, title=t, vector=axis(0)) for i, t in TITLES.items()]
    await store.items.save(items, dict.fromkeys(TITLES))
    await store.close()

    text = await asyncio.to_thread(command, "explain", "ada")
    read = await asyncio.to_thread(command, "explain", "ada", "--json")
    unknown = await asyncio.to_thread(command, "explain", "bob")

    assert (text.exit_code, read.exit_code) == (0, 0), text.output
    assert "because of Gravity; Solaris" in text.stdout
    assert "space-3" in text.stdout  # without a title in the store
    seen = json.loads(read.stdout)
    assert [one["item"]["title"] for one in seen["recent"]][:2] == ["Saw", "Gravity"]
    assert seen["segment"]["id"] == "s1"
    assert seen["current"]["offers"][0]["item"]["item_id"] == "space-3"
    assert (unknown.exit_code, unknown.stdout) == (1, "")
    assert "user 'bob' is not in namespace" in unknown.stderr


@pytest.mark.integration
def test_without_a_store_the_remedy_is_named(here: Settings, command: Command) -> None:
    result = command("explain", "ada")

    assert isinstance(result.exception, Misconfigured)
    assert "start a worker first" in str(result.exception)
