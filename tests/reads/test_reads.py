"""What reads answer: laws, then examples, then what goes wrong."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.core.allowed import EVERYTHING, Filters
from stream.core.segments import SegmentModel
from stream.errors import Unavailable
from stream.reads.answers import Members
from stream.reads.names import TITLE_CHARS
from stream.store.rows import fresh_etag
from tests.core.samples import law
from tests.reads.world import (
    BLANK,
    FORGOTTEN,
    GROUPS,
    ITEMS_EACH,
    NAMELESS,
    ODD,
    USERS_EACH,
    World,
    catalogue,
    profiles,
)
from tests.support.rows import item_row

FAN = "space fan 0"


# --- laws


@law
@given(st.integers(1, 12), st.sampled_from(["s0", "s1", "s2", "s3"]))
async def test_pages_part_the_users_of_a_segment(n: int, segment: str) -> None:
    world, found, after = World(), [], None
    while True:
        page = await world.reads.users_of(segment, n=n, after=after)
        assert page is not None
        found += [one.user_id for one in page.users]
        if page.next is None:
            break
        assert len(page.users) == n
        after = page.next

    inside = {p.user_id for p in profiles() if p.membership and p.membership.segment == segment}
    assert len(found) == len(set(found))
    assert set(found) == inside


@law
@given(
    st.sampled_from([p.user_id for p in profiles() if p.as_of]),
    st.integers(1, 30),
    st.sampled_from([None, "film", "book", "opera"]),
    st.sampled_from([None, "en", "de", "fr"]),
    st.sets(st.sampled_from([entry.item_id for entry in catalogue().entries]), max_size=5),
)
async def test_lists_hold_to_what_was_asked_for(
    user: str, n: int, domain: str | None, lang: str | None, exclude: set[str]
) -> None:
    filters = Filters(domain=domain, lang=lang, exclude=frozenset(exclude))
    found = await World().reads.recommendations(user, n=n, filters=filters)

    assert found is not None
    entries = [catalogue().entries[catalogue().rows[one.item_id]] for one in found.items]
    assert len(found.items) <= n
    assert not {one.item_id for one in found.items} & exclude
    assert domain is None or {entry.domain for entry in entries} <= {domain}
    assert lang is None or {entry.lang for entry in entries} <= {lang}
    assert [one.rank for one in found.items] == list(range(1, len(entries) + 1))
    assert not any(entry.deleted for entry in entries)


@law
@given(st.sampled_from([p.user_id for p in profiles() if p.as_of]), st.integers(1, 30))
async def test_the_same_question_has_the_same_answer(user: str, n: int) -> None:
    world = World()
    ask = world.reads.recommendations

    assert await ask(user, n=n, filters=EVERYTHING) == await ask(user, n=n, filters=EVERYTHING)


@pytest.mark.parametrize("user", [FORGOTTEN, NAMELESS, "nobody"])
async def test_who_is_not_here_has_no_answer(user: str) -> None:
    reads = World().reads

    assert await reads.user(user) is None
    assert await reads.explain(user, lang=None) is None
    assert await reads.recommendations(user, n=3, filters=EVERYTHING) is None


@pytest.mark.parametrize("user", [p.user_id for p in profiles() if p.forgotten_at is None])
async def test_answers_are_as_their_document_says(user: str) -> None:
    """Every limit of the schema holds: they decode as what they are."""
    reads = World().reads
    for answer in (
        await reads.user(user),
        await reads.explain(user, lang="zh"),
        await reads.recommendations(user, n=5, filters=EVERYTHING),
    ):
        assert answer is not None
        assert msgspec.json.decode(msgspec.json.encode(answer), type=type(answer)) == answer


# --- examples


async def test_a_user_is_told_in_plain_words() -> None:
    found = await World().reads.user(FAN)

    assert found is not None
    assert found.summary == (
        "Likes space (100%); in segment space. Last active 2023-11-14T22:04:00.000Z."
    )
    assert found.last_active_at == "2023-11-14T22:04:00.000Z"
    (interest,) = found.interests
    assert (interest.label, interest.share) == ("space", 1.0)
    assert interest.evidence[0].title == "Space 5"
    assert found.ratings is not None
    assert found.ratings.count == 1
    assert found.segment is not None
    assert (found.segment.id, found.segment.label) == ("s0", "space")
    assert found.segment.since == "2023-11-14T22:12:20.000Z"
    assert "its middle is 0.9" in found.segment.why
    assert "; next is " in found.segment.why


async def test_who_did_nothing_yet_is_told_too() -> None:
    found = await World().reads.user(BLANK)

    assert found is not None
    assert found.summary == "Nothing is known yet: no event was applied."
    assert (found.last_active_at, found.interests, found.segment) == (None, [], None)


async def test_a_segment_that_the_model_has_no_more_is_told() -> None:
    world = World()
    world.model = SegmentModel(8, world.model.segments[1:] if world.model else ())
    found = await world.reads.user(FAN)

    assert found is not None
    assert found.segment is not None
    assert found.segment.label == ""
    assert found.segment.why.startswith("the model in force does not have this segment")


async def test_lists_are_ranked_as_of_now() -> None:
    world = World()
    first = await world.reads.recommendations(FAN, n=5, filters=EVERYTHING)
    world.now += 30 * 86_400
    later = await world.reads.recommendations(FAN, n=5, filters=EVERYTHING)

    assert first is not None
    assert later is not None
    assert first.as_of == "2023-11-14T23:13:20.000Z"
    assert later.as_of == "2023-12-14T23:13:20.000Z"
    assert first.items[0].score > later.items[0].score
    assert first.caused_by == []


async def test_asking_for_a_language_overrides_what_the_user_reads() -> None:
    world = World()
    liked = replace(next(p for p in profiles() if p.user_id == FAN))
    assert {catalogue().get(r.item_id).lang for r in liked.recent} == {"en", "de"}  # type: ignore[union-attr]  # known

    known = [replace(e, lang="fr") if e.item_id == "music-1" else e for e in catalogue().entries]
    world.catalogue = replace(catalogue(), entries=tuple(known))
    usual = await world.reads.recommendations(FAN, n=50, filters=EVERYTHING)
    french = await world.reads.recommendations(FAN, n=50, filters=Filters(lang="fr"))

    assert usual is not None
    assert french is not None
    assert "music-1" not in {one.item_id for one in usual.items}
    assert [one.item_id for one in french.items] == ["music-1"]


async def test_a_list_says_why() -> None:
    found = await World().reads.explain(FAN, lang="en")

    assert found is not None
    assert found.published is not None
    assert found.published.caused_by == ["event-1"]
    first = next(one for one in found.published.items if one.because)
    assert first.because[0].title.split()[0] in {name.title() for name in GROUPS}
    assert first.why.startswith("Because you liked ")
    assert sum(found.published.items[0].share.values()) == pytest.approx(1)


async def test_sentences_come_in_the_language_that_is_asked_for() -> None:
    found = await World().reads.explain(FAN, lang="zh-CN")

    assert found is not None
    assert found.published is not None
    assert any("喜欢" in one.why for one in found.published.items)


async def test_neighbours_are_normalised_and_on_offer() -> None:
    found = await World().reads.neighbours("space-0", n=10)

    assert found is not None
    assert found.item.title == "Space 0"
    # 3 and 1 over the root of (4 + 5) * (4 + 5): counts are taken 5 higher
    assert [one.item_id for one in found.items] == ["space-1", "cooking-1"]
    assert [one.nearness for one in found.items] == pytest.approx([1 / 3, 1 / 9], abs=1e-5)
    assert len((await World().reads.neighbours("space-0", n=1)).items) == 1  # type: ignore[union-attr]  # known
    assert (await World().reads.neighbours("space-2", n=10)).items == []  # type: ignore[union-attr]  # known


@pytest.mark.parametrize("item", ["nothing", "gone"])
async def test_an_item_that_is_not_here_has_no_neighbours(item: str) -> None:
    assert await World().reads.neighbours(item, n=10) is None


async def test_segments_are_told_with_the_items_nearest_to_them() -> None:
    found = await World().reads.segments()

    assert found.version == 7
    assert [one.label for one in found.segments] == list(GROUPS)
    assert {one.size for one in found.segments} == {USERS_EACH}
    for name, one in zip(GROUPS, found.segments, strict=True):
        assert all(item.item_id.startswith(name) for item in one.items)
        assert len(one.items) == min(5, ITEMS_EACH)


async def test_before_the_first_model_there_are_no_segments() -> None:
    world = World()
    world.model = None

    assert (await world.reads.segments()).segments == []
    assert await world.reads.users_of("s0", n=5, after=None) is None


async def test_users_of_a_segment_are_told_with_their_interests() -> None:
    found: Members | None = await World().reads.users_of("s0", n=100, after=None)

    assert found is not None
    by_name = {one.user_id: one for one in found.users}
    assert ODD in by_name
    assert by_name["space fan 4"].interests == ["space", "cooking"]
    assert by_name[FAN].nearness > by_name["space fan 4"].nearness > 0.5
    assert by_name[FAN].since == "2023-11-14T22:12:20.000Z"


async def test_long_titles_are_cut() -> None:
    world = World()
    world.store.items.rows["odd"] = item_row("odd", title="é" * 5000)
    titles = await world.reads._items.titles(["odd", "space-1", "unknown"])

    assert {i: len(title) for i, title in titles.items()} == {"odd": TITLE_CHARS, "space-1": 7}


# --- what goes wrong


async def test_a_profile_of_a_newer_version_is_not_read() -> None:
    world = World()
    row = world.store.users.rows[FAN]
    newer = row.state.replace('"v":1', '"v":99', 1)
    world.store.users.rows[FAN] = replace(row, state=newer, etag=fresh_etag())

    with pytest.raises(Unavailable, match="upgrade the worker"):
        await world.reads.user(FAN)


async def test_a_list_of_the_whole_catalogue_is_no_longer_than_the_catalogue() -> None:
    found = await World().reads.recommendations(BLANK, n=100, filters=EVERYTHING)

    assert found is not None
    assert 0 < len(found.items) <= len(catalogue())
    assert np.isfinite([one.score for one in found.items]).all()
