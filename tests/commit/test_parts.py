"""Caches, what is looked up for an event, and rendering."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest

from stream.cache import CachedProfile, ProfileCaches
from stream.core.fold import Pairing, fold
from stream.core.hashes import hash32
from stream.core.profile import Change, InterestShare, Membership, Profile
from stream.encoder.fake import FakeEncoder
from stream.encoder.manifest import Prefixes
from stream.observe import Contents, Texts, Understood, event_kinds, observation, read, texts_of
from stream.render import PART_PAIRS, Renderer, signal_partition
from stream.sentiment.contract import Review, Silent
from stream.wire.inputs import Event
from tests.commit.world import NOW, catalogue, settings
from tests.core.samples import observation as click
from tests.kafka.fakes import FakeRecord


def entry(user: str) -> CachedProfile:
    return CachedProfile(Profile(user), 1, frozenset())


def test_the_least_recently_used_profile_goes_first() -> None:
    cache = ProfileCaches(2).of(("events", 0))
    for user in ("a", "b"):
        cache.put(user, entry(user))
    cache.get("a")
    cache.put("c", entry("c"))

    assert cache.get("a") is not None
    assert cache.get("b") is None


def test_what_was_sent_is_remembered_until_the_next_put() -> None:
    cache = ProfileCaches(2).of(("events", 0))
    cache.put("a", entry("a"))
    cache.mark_sent("a", {"x"})
    cache.mark_sent("a", {"y"})
    cache.mark_sent("nobody", {"x"})

    found = cache.get("a")
    assert found is not None
    assert found.sent == {"x", "y"}
    cache.put("a", entry("a"))
    assert cache.get("a") == entry("a")
    assert cache.get("nobody") is None


def test_the_bound_is_for_all_partitions_together() -> None:
    """A worker with 64 partitions must not hold 64 times as many profiles."""
    caches = ProfileCaches(2)
    for partition in range(3):
        caches.of(("events", partition)).put("u", entry("u"))

    assert [caches.of(("events", p)).get("u") is None for p in range(3)] == [True, False, False]


def test_dropping_a_partition_leaves_the_others() -> None:
    caches = ProfileCaches(5)
    caches.of(("t", 0)).put("a", entry("a"))
    caches.of(("t", 1)).put("a", entry("a"))
    caches.drop({("t", 0), ("t", 7)})

    assert caches.of(("t", 0)).get("a") is None
    assert caches.of(("t", 1)).get("a") is not None


def seen(**given: object) -> Event:
    return Event(**({"user_id": "u", "type": "like", "at": NOW, "event_id": "e"} | given))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "texts"),
    [
        ({"item_id": "i0"}, Texts()),
        ({"item_id": "i0", "item_title": "T"}, Texts()),
        ({"item_id": "x", "item_title": "T"}, Texts(titles=("T",))),
        ({"item_title": "T", "text": "words"}, Texts(("words",), ("T",))),
        ({"item_id": "i0", "text": " \n"}, Texts()),
        ({"type": "review", "text": "words"}, Texts(("words",), (), (("words", None),))),
        ({"type": "rating", "text": "Wort", "lang": "de"}, Texts(("Wort",), (), (("Wort", "de"),))),
    ],
)
def test_what_is_to_be_read_of_an_event(given: dict[str, object], texts: Texts) -> None:
    """Its own text but a blank one, a title that the catalogue lacks, the sentiment of a review."""
    assert texts_of([seen(**given)], event_kinds(settings()), catalogue()) == texts


def test_each_text_is_read_once() -> None:
    """The same words in two languages are one vector, but may be meant in two ways."""
    events = [
        *(seen(type="review", text="gift", lang=lang) for lang in ("en", "de", "en")),
        *(seen(text="gift", item_title="T") for _ in range(2)),
    ]

    texts = texts_of(events, event_kinds(settings()), catalogue())

    assert texts == Texts(("gift",), ("T",), (("gift", "en"), ("gift", "de")))


async def test_words_are_queries_and_titles_are_passages() -> None:
    """A model that wants the two told apart would else look for reviews among reviews."""
    encoder = FakeEncoder(16, Prefixes(query="seeking ", passage="offering "))
    plain = FakeEncoder(16)

    found = await read(Texts(("tea",), ("tea",)), encoder, Silent())

    [sought, offered] = await plain.encode(["seeking tea", "offering tea"])
    assert (found.own["tea"] == sought).all()
    assert (found.titles["tea"] == offered).all()


async def test_a_sentiment_may_be_read_from_the_vector_of_its_text() -> None:
    class Loudness:
        async def polarity(self, reviews: Sequence[Review]) -> list[float | None]:
            return [float(review.vector[0]) for review in reviews]

    encoder = FakeEncoder(16)
    texts = Texts(("a", "b"), (), (("b", "de"), ("a", None)))

    found = await read(texts, encoder, Loudness())

    assert found.sentiments == {
        ("b", "de"): found.own["b"][0],
        ("a", None): found.own["a"][0],
    }


def test_the_item_s_own_vector_goes_before_the_title() -> None:
    kind = event_kinds(settings())["like"]
    item = catalogue().get("i1")
    assert item is not None
    assert item.vector is not None
    understood = Understood(seen(item_id="i1", item_title="T"), FakeRecord(7))
    made = observation(understood, "s", kind, item, Contents(titles={"T": -item.vector}))

    assert made.vector is item.vector
    assert (made.offset, made.source, made.label, made.categories) == (7, "s", "c1", ("c1",))


def test_the_table_of_event_types_becomes_kinds() -> None:
    kinds = event_kinds(settings())

    assert {name for name, kind in kinds.items() if kind.forgets} == {"forget"}
    assert {name for name, kind in kinds.items() if kind.rated} == {"rating", "review"}
    assert not kinds["view"].publishes


def test_signals_go_to_the_partition_of_their_item() -> None:
    clicks = [click(n, item_id=f"i{n}") for n in range(20)]
    one = fold(Profile("u"), clicks, settings().tuning())
    records = Renderer(settings(), encoder="e", signal_partitions=2).signals([one], "s", 9)

    said: dict[str, int | None] = {}
    for record in records:
        batch = json.loads(record.value or b"")
        assert (batch["source"], batch["chunk"], record.key) == ("s", 9, None)
        said |= {one["item_id"]: record.partition for one in batch["items"]}
    assert said == {f"i{n}": signal_partition(f"i{n}", 2) for n in range(20)}
    assert set(said.values()) == {0, 1}


def test_signals_of_many_pairs_are_sent_in_parts_that_fit_a_record() -> None:
    pairs = range(PART_PAIRS // 4)
    pairing = Pairing("hot", tuple(f"i{n}" for n in pairs), tuple(1.0 for _ in pairs), NOW)
    one = fold(Profile("u"), [], settings().tuning())
    many = [replace(one, pairings=(replace(pairing, item_id=f"hot{n}"),)) for n in range(5)]
    records = Renderer(settings(), encoder="e", signal_partitions=1).signals(many, "s", 9)

    batches = [json.loads(record.value or b"") for record in records]
    assert [batch["part"] for batch in batches] == list(range(len(batches)))
    assert len({dict(record.headers)["ce_id"] for record in records}) == len(batches) > 1
    said = [item["item_id"] for batch in batches for item in batch["items"]]
    assert len(said) == len(set(said)) == len(pairs) + 5
    for batch in batches:
        assert sum(len(item["pairs"]) + 1 for item in batch["items"]) <= PART_PAIRS


def test_signals_name_the_segments_of_users_that_have_one() -> None:
    users = [Profile("u"), Profile("v", membership=Membership("s1", 1, NOW))]
    folded = [fold(user, [click(0, item_id="i0")], settings().tuning()) for user in users]

    records = Renderer(settings(), encoder="e", signal_partitions=1).signals(folded, "s", 9)

    [item] = json.loads(records[0].value or b"")["items"]
    assert item["hotness"] == 2.0
    assert item["segments"] == {str(hash32("s1")): 1.0}
    [bare] = Renderer(settings(), encoder="e", signal_partitions=1).signals(folded[:1], "s", 9)
    assert b"segments" not in (bare.value or b"")


def test_a_change_says_what_it_holds_and_null_where_nobody_said() -> None:
    """One that was stored before changes said anything of their user goes out too."""
    bare = Change("c", NOW, None, "s1", "films", "event", "e", 0.5, 1)
    shares = (InterestShare("i", "sea", 1.0),)
    full = replace(
        bare, interests=shares, categories={"a": 0.6}, entropy=0.9, confidence=0.8, drift=0.25
    )
    renderer = Renderer(settings(), encoder="e", signal_partitions=4)

    said, unsaid = (
        json.loads(renderer.segment_change(Profile("u"), change).value or b"")
        for change in (full, bare)
    )
    names = ("interests", "categories", "entropy", "confidence", "drift")
    assert [said[name] for name in names] == [
        [{"id": "i", "label": "sea", "share": 1.0}],
        {"a": 0.6},
        0.9,
        0.8,
        0.25,
    ]
    assert [unsaid[name] for name in names] == [[], {}, None, None, None]


def test_a_profile_without_a_list_cannot_be_rendered() -> None:
    with pytest.raises(ValueError, match="no list"):
        Renderer(settings(), encoder="e", signal_partitions=4).recommendation(
            Profile("u"), catalogue()
        )


def test_everything_that_is_sent_says_what_it_is() -> None:
    """The null of a forgotten user too, with the same id however often it is sent."""
    renderer = Renderer(settings(), encoder="e", signal_partitions=4)
    gone = Profile("u", version=3, forgotten_at=NOW)

    sent, again = renderer.forgotten(gone), renderer.forgotten(replace(gone, version=9))

    headers = dict(sent[0].headers)
    assert [(one.key, one.value) for one in sent] == [(b"u", None)] * 2
    assert {one.topic.rsplit(".")[-1] for one in sent} == {"recommendations", "segments"}
    assert headers["ce_type"] == b"interestream.forgotten.v1"
    assert headers["ce_subject"] == b"u"
    assert sent == again
    with pytest.raises(ValueError, match="not forgotten"):
        renderer.forgotten(Profile("u"))
