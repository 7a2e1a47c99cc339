"""`interestream segments show`: what it tells of one segment."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest

from stream.commands import segments_show
from stream.commands.segments_show import Became, Shown, neighbours, tell
from stream.core.segments import Segment, SegmentModel
from stream.errors import Failed, Misconfigured
from stream.reads.answers import ItemName, Member
from stream.settings import load
from stream.store.collections import open_store
from tests.commands.conftest import Command, told_of
from tests.commands.segment_store import fill, said
from tests.core.samples import NOW, axis, near
from tests.reads.world import DIMENSION
from tests.support.stores import Place

EVIL = "\x1b[2J"


def shown() -> Shown:
    return Shown(
        "s0",
        "sea",
        in_force=True,
        version=7,
        terms=("sea", "storm"),
        size=40,
        sample=160,
        since_version=3,
        since_at=NOW,
        born=True,
        items=(ItemName(item_id="i1", title="The Sea"),),
        members=(
            Member(
                user_id="ada", since=None, last_active_at=None, nearness=0.93, interests=["sea"]
            ),
        ),
        became=(Became(3, NOW, "in force", "s0 is new"),),
    )


def test_a_segment_is_told_in_plain_words() -> None:
    text = "\n".join(tell(shown()))

    for words in (
        "segment sea (s0), model 7",
        "special about it: sea, storm",
        "size: 40 of 160 users of the sample (25.0%)",
        "since: 2023-11-14 22:13:20, model 3",
        "The Sea",
        "ada",
        "0.93",
        "s0 is new",
    ):
        assert words in text, words
    assert "or earlier" not in text


def test_what_is_not_known_is_said() -> None:
    bare = Shown("s0", "", in_force=True, version=7, size=0, sample=0)
    text = "\n".join(tell(bare))

    assert "since: no record that is kept says so" in text
    assert "nobody is in it now" in text
    assert "nothing is on offer" in text
    assert "or earlier" in "\n".join(tell(replace(shown(), born=False)))


def test_a_segment_gone_by_has_a_story_only() -> None:
    text = "\n".join(tell(replace(shown(), in_force=False)))

    assert "segment sea (s0) is not in force: model 7 is" in text
    assert "typical" not in text
    assert "s0 is new" in text


def test_names_cannot_steer_the_terminal() -> None:
    one = replace(
        shown(),
        id=EVIL,
        label=EVIL,
        terms=(EVIL,),
        items=(ItemName(item_id=EVIL, title=EVIL),),
        members=(
            Member(user_id=EVIL, since=None, last_active_at=None, nearness=1, interests=[EVIL]),
        ),
    )

    assert "\x1b" not in "\n".join(tell(one))


def test_neighbours_are_the_nearest_first() -> None:
    own = axis(0, DIMENSION)
    segments = tuple(
        Segment(f"s{n}", "", near(own, n, 0.2 * (7 - n)) if n else own, 1) for n in range(7)
    )
    found = neighbours(segments[0], SegmentModel(1, segments))

    assert len(found) == segments_show.NEXT_TO
    assert "s0" not in {one.id for one in found}
    cosines = [one.cosine for one in found]
    assert cosines == sorted(cosines, reverse=True)
    assert cosines[0] == pytest.approx(max(float(s.centroid @ own) for s in segments[1:]), abs=1e-5)
    assert neighbours(segments[0], SegmentModel(1, segments[:1])) == ()


# --- with a store


@pytest.fixture
async def there(embedded_qdrant: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The planted world in a store that the commands are told of, after two fits."""
    told_of(embedded_qdrant, monkeypatch)
    await fill()


@pytest.mark.integration
@pytest.mark.usefixtures("there")
async def test_a_segment_is_shown_from_a_store(command: Command) -> None:
    found = json.loads(await said(command, "show", "s0", "--json"))

    assert (found["label"], found["in_force"], found["version"]) == ("space", True, 7)
    assert found["since_version"] == 5
    assert found["born"] is True
    assert {one["item_id"].split("-")[0] for one in found["items"][:5]} == {"space"}
    assert all(one["title"].startswith("Space") for one in found["items"][:5])
    users = found["members"]
    assert {"space fan 0", "space fan 1"} <= {one["user_id"] for one in users}
    assert all("fan" not in u["user_id"] or "space" in u["user_id"] for u in users)
    assert [one["nearness"] for one in users] == sorted(
        (one["nearness"] for one in users), reverse=True
    )
    assert {one["id"] for one in found["next_to"]} == {"s1", "s2", "s3"}
    text = await said(command, "show", "s3")
    assert "segment music (s3), model 7" in text
    assert "music (s3) and opera (old) merged into music (s3)" in text


@pytest.mark.integration
@pytest.mark.usefixtures("there")
async def test_a_segment_gone_by_is_found_in_the_records(command: Command) -> None:
    text = await said(command, "show", "old")

    assert "segment opera (old) is not in force: model 7 is" in text
    assert "merged into music (s3)" in text
    assert json.loads(await said(command, "show", "old", "--json"))["in_force"] is False


@pytest.mark.integration
@pytest.mark.usefixtures("there")
async def test_a_segment_of_nobody_is_told(command: Command) -> None:
    result = await asyncio.to_thread(command, "segments", "show", "s99")

    assert result.exit_code == 1
    assert isinstance(result.exception, Failed)
    assert "segment 's99' is not in namespace" in str(result.exception)
    assert "`interestream segments list`" in str(result.exception)


@pytest.mark.integration
async def test_without_a_store_the_remedy_is_named(
    embedded_qdrant: Place, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    told_of(embedded_qdrant, monkeypatch)
    result = await asyncio.to_thread(command, "segments", "show", "s0")

    assert isinstance(result.exception, Misconfigured)


@pytest.mark.integration
async def test_a_store_without_segments_is_told(
    embedded_qdrant: Place, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    told_of(embedded_qdrant, monkeypatch)
    store = await open_store(load(), dimension=DIMENSION, encoder_hash="e1")
    await store.close()

    result = await asyncio.to_thread(command, "segments", "show", "s0")
    assert isinstance(result.exception, Failed)
