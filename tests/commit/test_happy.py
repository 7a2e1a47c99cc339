"""The worked example: events in; profiles, lists, changes, signals, letters and counts out."""

from __future__ import annotations

import json

import pytest

from stream.core.hashes import hash64
from stream.core.sentences import sentence
from stream.wire.ids import recommendation_id
from tests.commit.world import (
    NOW,
    World,
    assert_adds_up,
    assert_all_published,
    assert_versions_grow,
    clicks,
    event,
)
from tests.support.rows import item_row, unit_rows


@pytest.fixture
def world() -> World:
    return World()


async def test_a_click_becomes_a_profile_a_list_and_a_signal(world: World) -> None:
    world.produce(event(event_id="e1"))

    await world.consume(world.commit())

    profile = world.profile()
    assert profile.marks == (("source-0", 0),)
    assert profile.event_ids == (hash64("e1"),)
    assert [recent.item_id for recent in profile.recent] == ["i0"]
    assert profile.current is not None
    assert profile.current.version == profile.version == world.store.users.rows["u"].updated_at
    assert profile.version >= NOW * 1000
    assert "i0" not in {offer.item_id for offer in profile.current.offers}
    assert world.signals() == [("i0", 1.0)]
    assert_all_published(world)


async def test_the_message_is_the_stored_list(world: World) -> None:
    world.produce(*clicks(3))

    await world.consume(world.commit())

    (message,) = world.lists()
    assert message is not None
    current = world.profile().current
    assert current is not None
    assert message["recommendation_id"] == recommendation_id("u", current.version)
    assert message["version"] == current.version
    assert message["caused_by"] == ["u-0", "u-1", "u-2"]
    assert message["segment"] == current.segment
    for rank, (said, stored) in enumerate(zip(message["items"], current.offers, strict=True), 1):
        assert said["rank"] == rank
        assert said["item_id"] == stored.item_id
        assert said["title"] == f"Title {stored.item_id[1:]}"
        assert said["score"] == stored.score
        assert tuple(said["because"]) == stored.because
        assert said["share"] == stored.share
        assert said["propensity"] == stored.propensity
        titles = {item_id: f"Title {item_id[1:]}" for item_id in stored.because}
        assert said["why"] == {"en": sentence(stored, titles, "en")}
    assert any(said["why"]["en"].startswith("Because you liked Title") for said in message["items"])


async def test_one_list_a_user_and_chunk(world: World) -> None:
    world.produce(*clicks(5), *clicks(5, user="v"))

    await world.consume(world.commit())

    assert len(world.lists("u")) == len(world.lists("v")) == 1
    assert world.results.lists == 2
    assert world.results.user_updates == 2
    assert len(world.results.latencies_s) == 2


async def test_a_view_moves_the_profile_and_leaves_the_list(world: World) -> None:
    world.produce(event(event_id="e1"), event("view", "i1", event_id="e2"))
    commit = world.commit()

    await world.consume(commit, sizes=[1])

    profile = world.profile()
    assert profile.current is not None
    assert profile.current.version < profile.version
    assert [recent.item_id for recent in profile.recent] == ["i0", "i1"]
    assert len(world.lists()) == 1


async def test_a_segment_change_goes_out_once_and_leaves_the_outbox(world: World) -> None:
    world.produce(*clicks(2))

    await world.consume(world.commit(), sizes=[1])

    (change,) = world.changes()
    assert (change["from"], change["cause"], change["event_id"]) == (None, "event", "u-0")
    assert change["to"] == world.profile().membership.segment  # type: ignore[union-attr]
    first = world.lists()[0]
    assert first is not None
    for said in ("categories", "entropy", "confidence"):
        assert change[said] == first[said]
    assert [one["id"] for one in change["interests"]] == [one["id"] for one in first["interests"]]
    assert change["drift"] is None  # not known for a week yet
    assert world.profile().outbox == ()
    assert world.store.users.rows["u"].outbox_at is None


async def test_an_event_that_asks_for_no_list_is_still_the_cause_of_a_move(world: World) -> None:
    """A view moved the user; the change said that nobody's event did ("sweep")."""
    world.produce(event("view", "i0", event_id="v1"))

    await world.consume(world.commit())

    (change,) = world.changes()
    assert (change["cause"], change["event_id"]) == ("event", "v1")


async def test_every_event_has_one_fate(world: World) -> None:
    world.produce(
        event(event_id="e1"),
        event(event_id="e1", at=NOW - 50),
        b'{"user_id": "u", "type": "cli',
        None,
        event("teleport"),
        event(user_id="anonymous"),
        event(at=NOW + 4000),
        event(at=NOW - 401 * 86_400),
        event(at=NOW * 1000),
        event("like", "unheard-of", event_id="e2"),
    )

    await world.consume(world.commit())

    results = world.results
    assert_adds_up(results, 10)
    assert (results.applied, results.already_applied) == (2, 1)
    assert results.skipped == {"unknown_type": 1, "ignored_user": 1, "too_old": 1}
    assert world.letters() == {
        "in/0/2": "malformed_json",
        "in/0/3": "missing_value",
        "in/0/6": "in_future",
        "in/0/8": "time_in_milliseconds",
    }
    assert sum(results.dead_letters.values()) == 4
    assert results.notes["unknown_item"] == 1
    assert world.profile().mark("source-0") == 9


async def test_a_dead_letter_carries_the_bytes_untouched(world: World) -> None:
    world.produce(b"\xff{", key=b"u")

    await world.consume(world.commit())

    (letter,) = world.publisher.of("dead-letters")
    assert letter.value == b"\xff{"
    assert dict(letter.headers)["dl_key"] == b"u"


async def test_counters_move_only_with_the_acknowledgement(world: World) -> None:
    world.produce(*clicks(3))
    commit, delivery = world.commit(), world.delivery()

    await commit.apply(delivery, delivery.records[:2])
    await commit.apply(delivery, delivery.records[2:])
    assert world.results.events == 0
    span = delivery.span
    before = span.acknowledged
    await commit.finish(delivery)

    assert (before, span.acknowledged) == (False, True)
    assert_adds_up(world.results, 3)
    assert world.results.lists == 2


async def test_versions_grow_when_the_clock_stands_or_goes_back(world: World) -> None:
    world.produce(*clicks(4))
    commit = world.commit()
    for offset in range(4):
        delivery = world.delivery(first=offset, count=1)
        await commit.apply(delivery, delivery.records)
        world.now = NOW - offset

    assert_versions_grow(world)


async def test_an_item_that_the_replica_does_not_know_yet_is_read_from_the_store(
    world: World,
) -> None:
    vector = unit_rows(1, 16)[0]
    row = item_row("fresh", vector=vector, categories=("new",))
    await world.store.items.save([row], {"fresh": None})
    world.produce(event("like", "fresh", event_id="e1", item_title="not looked at"))

    await world.consume(world.commit())

    (interest,) = world.profile().interests
    assert interest.medoid == "fresh"
    assert interest.label == "new"
    assert float(interest.mass.vector @ vector) == pytest.approx(interest.mass.weight, rel=1e-5)
    assert world.results.notes["unknown_item"] == 0


async def test_a_title_stands_in_for_an_item_that_nobody_knows(world: World) -> None:
    world.produce(event("like", "unheard-of", item_title="a red bicycle"))

    await world.consume(world.commit())

    assert world.encoder.inner.seen == ["a red bicycle"]
    assert [i.label for i in world.profile().interests] == ["a red bicycle"]


async def test_the_same_text_is_encoded_once_a_chunk(world: World) -> None:
    world.produce(*(event("review", item, rating=5, text="so good") for item in ("i0", "i1")))

    await world.consume(world.commit())

    assert world.encoder.inner.seen == ["so good"]


async def test_users_that_are_cached_are_not_read_again(world: World) -> None:
    world.produce(*clicks(4))

    await world.consume(world.commit(), sizes=[1])

    assert world.path.passed.count("users.load") == 1


async def test_an_event_under_a_foreign_key_counts_and_is_noted(world: World) -> None:
    world.produce(event())
    world.log[0][0] = type(world.log[0][0])(0, world.log[0][0].value, b"other", 0)

    await world.consume(world.commit())

    assert world.results.notes["key_mismatch"] == 1
    assert json.loads(world.publisher.of("recommendations")[0].value or b"")["user_id"] == "u"


async def test_a_review_counts_by_its_rating_and_its_words(world: World) -> None:
    """The same words without a rating count too, in a language that is read."""
    angry = {"text": "What a boring, awful mess.", "kind": "review"}
    world.produce(
        event(item_id="i0", rating=5, event_id="a", **angry),
        event(item_id="i1", event_id="b", **angry),
        event(item_id="i2", event_id="c", lang="de", **angry),
        event(item_id="i3", event_id="d", rating=5, kind="review"),
    )

    await world.consume(world.commit())

    side = world.sentiment.of(str(angry["text"]))
    assert side is not None
    assert side < -0.5
    worth = {r.item_id: r.strength for r in world.profile().recent}
    assert worth["i0"] == pytest.approx(0.7 * 0.75 + 0.3 * side, abs=1e-3)
    assert worth["i1"] == pytest.approx(0.6 * side, abs=1e-3)
    assert worth["i2"] == 0
    assert worth["i3"] == pytest.approx((1 - 4.5 / 6) / 0.4, abs=1e-3)  # the second rating of 5
    assert world.profile().ratings.count == 2
