"""What is understood, and as what."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.settings import EventType, load
from stream.wire import examples
from stream.wire.decode import (
    Deletion,
    Event,
    Item,
    Limits,
    Skipped,
    decode_event,
    decode_item,
    decode_signals,
    key_mismatch,
)
from stream.wire.encode import encode, rfc3339
from tests.wire.samples import (
    EVENT,
    LIMITS,
    NOW,
    TYPES,
    event_bytes,
    fate_of_event,
    fate_of_item,
    item_bytes,
    read_event,
    read_item,
)


def event(**changes: object) -> Event:
    found = read_event(event_bytes(**changes))
    assert isinstance(found, Event)
    return found


def item(**changes: object) -> Item:
    found = read_item(item_bytes(**changes))
    assert isinstance(found, Item)
    return found


ids = st.text('aZ9 \0\n\u2028é😀"\\', min_size=1, max_size=8).filter(
    lambda text: not text.isspace() and text[0] != "\0"
)


# --- events


@given(ids, ids, st.floats(0, 5), st.floats(0, 86_400), st.integers(0, 1_000_000))
def test_what_fits_comes_through_unchanged(
    user: str, item_id: str, rating: float, dwell: float, position: int
) -> None:
    found = event(user_id=user, item_id=item_id, rating=rating, dwell_s=dwell, position=position)

    assert (found.user_id, found.item_id, found.rating, found.dwell_s, found.position) == (
        user,
        item_id,
        rating,
        dwell,
        position,
    )


@given(st.dictionaries(ids.filter(lambda name: name not in Event.__struct_fields__), ids))
def test_fields_nobody_knows_yet_change_nothing(more: dict[str, str]) -> None:
    """Producers may evolve before the service does."""
    assert event(event_id="e", **more) == event(event_id="e")


@given(st.permutations([*EVENT.items(), ("event_id", "e")]))
def test_the_order_of_fields_does_not_matter(fields: list[tuple[str, object]]) -> None:
    assert read_event(json.dumps(dict(fields)).encode()) == event(event_id="e")


@given(st.integers(-840, 840), st.integers(0, 86_399))
def test_a_moment_is_the_same_in_every_zone(minutes: int, ago: int) -> None:
    moment = datetime.fromtimestamp(NOW - ago, timezone(timedelta(minutes=minutes)))

    assert event(at=moment.isoformat()).at == event(at=NOW - ago).at == NOW - ago


def test_optional_fields_may_be_null() -> None:
    optional = set(Event.__struct_fields__) - {"user_id", "type", "at", "item_id", "event_id"}

    assert event(event_id="e", **dict.fromkeys(optional)) == event(event_id="e")


def test_without_an_id_the_bytes_are_the_id() -> None:
    assert event().event_id == event().event_id
    assert event().event_id != event(more=1).event_id
    assert event(event_id="mine").event_id == "mine"


@pytest.mark.parametrize("ahead_s", [0, 300])
def test_a_clock_a_little_ahead_is_forgiven(ahead_s: float) -> None:
    assert event(at=NOW + ahead_s).at == NOW + ahead_s


def test_the_oldest_moment_that_still_counts() -> None:
    assert event(at=NOW - LIMITS.max_age_s)
    assert fate_of_event(event_bytes(at=NOW - LIMITS.max_age_s - 1)) == "too_old"


@pytest.mark.parametrize(
    ("fields", "fate"),
    [
        ({"type": "forget", "item_id": None}, "event"),
        ({"type": "impression", "item_id": None, "offers": ["a", "b"]}, "event"),
        ({"type": "impression"}, "event"),
        ({"type": "review", "text": "Good."}, "event"),
        ({"type": "review", "rating": 0}, "event"),
        ({"type": "rating", "rating": 80, "rating_max": 100}, "event"),
    ],
)
def test_each_type_needs_what_it_says_and_no_more(fields: dict[str, object], fate: str) -> None:
    assert fate_of_event(event_bytes(**fields)) == fate


def test_types_are_the_tables_alone() -> None:
    table = {"glance": EventType(strength=0.1, needs_item=False)}
    value = event_bytes(type="glance", item_id=None)
    glance = decode_event(value, None, limits=LIMITS, event_types=table, now=NOW)
    click = decode_event(event_bytes(), None, limits=LIMITS, event_types=table, now=NOW)

    assert isinstance(glance, Event)
    assert isinstance(click, Skipped)


def test_what_the_limit_just_allows_is_taken() -> None:
    assert event(user_id="é" * 16, item_id="i" * 32, text="t" * 256)


def test_languages_compare_in_lower_case() -> None:
    assert event(lang=" pt-BR").lang == "pt-br"
    assert event(lang="").lang is None


def test_the_key_of_an_event_is_compared_not_obeyed() -> None:
    found = event(user_id="ünal")

    assert not key_mismatch(found, "ünal".encode())
    assert key_mismatch(found, b"unal")
    assert key_mismatch(found, None)


# --- items


def test_a_null_value_deletes_the_item_of_its_key() -> None:
    assert read_item(None, b"film-1") == Deletion("film-1")


@pytest.mark.parametrize(
    "never", ["9999-12-31T23:59:59Z", "9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59-14:00"]
)
def test_an_item_may_expire_at_the_end_of_time(never: str) -> None:
    """Many systems write "never" so; an offset must not carry it into a year that has no text."""
    assert rfc3339(item(expires_at=never).expires_at or 0.0) == "9999-12-31T23:59:59.000Z"


def test_defaults_of_an_item() -> None:
    assert item() == Item(item_id="i", title="A film")


def test_an_item_in_full() -> None:
    found = item(
        text="About it",
        categories=["a", "b", "a"],
        domain="films",
        lang="en",
        published_at="1977-05-25T00:00:00Z",
        expires_at=NOW,
        available=False,
        vectors={"text": [0.6, 0.8]},
        attributes={"brand": "acme", "size": 5, "price": 5.0, "new": True, "tags": ["x", "y"]},
    )

    assert found == Item(
        item_id="i",
        title="A film",
        text="About it",
        categories=("a", "b"),
        domain="films",
        lang="en",
        published_at=datetime(1977, 5, 25, tzinfo=UTC).timestamp(),
        expires_at=NOW,
        available=False,
        vectors={"text": (0.6, 0.8)},
        attributes={"brand": "acme", "size": 5, "price": 5.0, "new": True, "tags": ("x", "y")},
    )
    assert [type(value) for value in found.attributes.values()] == [str, int, float, bool, tuple]


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        None,
        {str(n): n for n in range(32)},
        {"k" * 64: 2**63 - 1},
        {"a": "é" * 508},
        {"a": "", "b": []},
    ],
)
def test_attributes_that_the_limits_just_allow(attributes: dict[str, object] | None) -> None:
    assert fate_of_item(item_bytes(attributes=attributes)) == "item"


@pytest.mark.parametrize("size", [1, 2, 3])
def test_vectors_of_any_dimension_where_none_is_set(size: int) -> None:
    value = item_bytes(vectors={"text": [1.0] * size})

    assert fate_of_item(value, dimension=None) == "item"
    assert fate_of_item(value, dimension=2) == ("item" if size == 2 else "vector_dimension")


# --- both ways


def test_the_examples_of_the_documentation_are_understood() -> None:
    now = examples.SIGNALS.items[0].at
    limits = Limits.of(load())
    example = json.dumps(examples.EVENT).encode()
    film = json.dumps(examples.ITEM).encode()

    assert isinstance(decode_event(example, None, limits=limits, event_types=TYPES, now=now), Event)
    assert isinstance(decode_item(film, b"film-50", limits=limits, dimension=384), Item)


def test_signals_come_back_as_they_went() -> None:
    assert decode_signals(encode(examples.SIGNALS), limits=LIMITS) == examples.SIGNALS


@given(st.floats(-60_000_000_000, 100_000_000_000))
def test_a_time_survives_its_text_to_the_millisecond(at: float) -> None:
    text = rfc3339(at)

    assert text.endswith("Z")
    assert len(text) == len("2025-01-31T08:00:00.250Z")
    # half a millisecond, and what a double of this size cannot tell apart
    assert abs(datetime.fromisoformat(text).timestamp() - at) < 0.00053
