"""Messages as careless producers send them: good ones, changed in one or a few places."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.support.records import KeyValue

DIMENSION = 384
VERY_LONG = 10_000_000

_texts = st.one_of(
    st.sampled_from(["", " ", "x" * 1000, "é" * 200, "\ud800", "0", "null", "x" * 20_000]),
    st.text(max_size=8),
)
_anything = st.one_of(
    st.sampled_from(
        [
            *(None, True, False, 0, -1, 7, 2**63, 10**30, 1e308, -0.0, 1e-320, 0.5),
            *(float("nan"), float("inf"), float("-inf")),
            *([], {}, [None], ["a", 1], ["a"] * 40, [[["a"]]], {"a": {"b": [1]}}, {"text": [0.1]}),
        ]
    ),
    _texts,
    st.floats(),
)
_keys = st.one_of(st.none(), st.binary(max_size=8), st.sampled_from([b"stray-1", b"odd-1"]))


def _times(now: float) -> st.SearchStrategy[Any]:
    """Far from every limit, so that a few seconds between two looks at the clock do not matter."""
    return st.sampled_from(
        [
            *(now - 60, now - 86_400, round(now) - 5, "2026-01-01T08:00:00+02:00"),
            *((now - 60) * 1000, now + 86_400, now - 500 * 86_400, 0, -1, -1e12),
            *("2026-01-01T08:00:00", "2026-01-01", "yesterday", "", "9999-12-31T23:59:59Z"),
        ]
    )


def _events(now: float) -> st.SearchStrategy[dict[str, Any]]:
    good = st.fixed_dictionaries(
        {
            "user_id": st.sampled_from([f"stray-{n}" for n in range(20)]),
            "item_id": st.sampled_from([f"film-{n}" for n in range(20)]),
            "type": st.sampled_from(["like", "click", "view", "hide", "rating", "review", "skip"]),
            "at": st.just(round(now - 60, 3)),
        },
        optional={
            "event_id": st.sampled_from([f"id-{n}" for n in range(300)]),
            "rating": st.sampled_from([1, 3, 5, 4.5]),
            "dwell_s": st.sampled_from([0, 3, 60.5]),
            "text": st.sampled_from(["A fine film.", "Dull."]),
        },
    )
    fields = st.sampled_from(
        [
            *("user_id", "item_id", "type", "event_id", "dwell_s", "rating", "rating_max", "text"),
            *("lang", "item_title", "recommendation_id", "position", "offers", "context", "more"),
        ]
    )
    kinds = st.sampled_from(["teleport", "impression", "forget", "rating", "review"])
    changes = st.one_of(
        st.dictionaries(fields, _anything, max_size=2),
        st.fixed_dictionaries({"at": _times(now)}),
        st.fixed_dictionaries({"at": _anything}),
        st.fixed_dictionaries({"type": kinds}),
    )
    return st.builds(
        _changed, good, changes, st.sets(st.sampled_from(["at", "item_id", "type"]), max_size=1)
    )


def _items(now: float) -> st.SearchStrategy[dict[str, Any]]:
    good = st.fixed_dictionaries(
        {
            "item_id": st.sampled_from([f"odd-{n}" for n in range(40)]),
            "title": st.sampled_from([f"An odd film {n}" for n in range(10)]),
        }
    )
    vectors = st.sampled_from(
        [[], [1.0], [0.1] * DIMENSION, [0.0] * DIMENSION, [1e300] * DIMENSION, [0.1] * 385]
    )
    fields = st.sampled_from(
        ["item_id", "title", "text", "categories", "domain", "lang", "available", "vectors"]
    )
    changes = st.one_of(
        st.dictionaries(fields, _anything, max_size=2),
        st.fixed_dictionaries({"vectors": st.fixed_dictionaries({"text": vectors})}),
        st.fixed_dictionaries({"expires_at": _times(now)}),
        st.fixed_dictionaries({"categories": st.lists(_texts, max_size=40)}),
    )
    return st.builds(_changed, good, changes, st.sets(st.just("title"), max_size=1))


def _changed(message: dict[str, Any], changes: dict[str, Any], missing: set[str]) -> dict[str, Any]:
    return {name: value for name, value in (message | changes).items() if name not in missing}


@st.composite
def _spoilt(draw: st.DrawFn, messages: st.SearchStrategy[dict[str, Any]]) -> bytes | None:
    """A message's bytes, and sometimes what a bad line or a bad encoder makes of them."""
    value = json.dumps(draw(messages)).encode()
    how = draw(st.sampled_from(["", "", "", "", "", "", "cut", "noise", "other", "deep"]))
    if how == "cut":
        return value[: draw(st.integers(0, len(value)))]
    if how == "noise":
        place = draw(st.integers(0, len(value)))
        return value[:place] + draw(st.binary(min_size=1, max_size=3)) + value[place:]
    if how == "other":
        return draw(st.sampled_from([None, b"", b"null", b"[]", b"{}", b"0", b'"text"', b"\xff"]))
    if how == "deep":
        depth = draw(st.sampled_from([50, 900, 5000]))
        return value[:-1] + b',"context":' + b'{"a":' * depth + b"1" + b"}" * (depth + 1)
    return value


@st.composite
def _event_records(draw: st.DrawFn, now: float) -> KeyValue:
    return _sendable(draw(_keys), draw(_spoilt(_events(now))))


@st.composite
def _item_records(draw: st.DrawFn, now: float) -> KeyValue:
    """Mostly under their own ids as keys, or nothing would get past that check."""
    message = draw(_items(now))
    own = message.get("item_id")
    proper = own.encode(errors="surrogatepass") if isinstance(own, str) else b"odd-1"
    key = draw(st.one_of(st.just(proper), st.just(proper), st.just(proper), _keys))
    return _sendable(key, draw(_spoilt(st.just(message))))


def _sendable(key: bytes | None, value: bytes | None) -> KeyValue:
    """The client refuses a record that has neither."""
    return (b"" if value is None and key is None else key), value


def generated(kind: st.SearchStrategy[KeyValue], count: int) -> list[KeyValue]:
    """`count` examples, the same ones in every run."""
    found: list[KeyValue] = []

    @settings(
        max_examples=count,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(kind)
    def collect(record: KeyValue) -> None:
        found.append(record)

    collect()
    return found


def bad_events(now: float, count: int) -> list[KeyValue]:
    """(key, value) records for the events topic; a few of them of 10 MB."""
    return [*generated(_event_records(now), count), *_huge_events(now)]


def bad_items(now: float, count: int) -> list[KeyValue]:
    """(key, value) records for the items topic."""
    huge = {"item_id": "odd-1", "title": "An odd film", "text": "x" * VERY_LONG}
    return [*generated(_item_records(now), count), (b"odd-1", json.dumps(huge).encode())]


def _huge_events(now: float) -> list[KeyValue]:
    event = {"user_id": "stray-1", "item_id": "film-1", "type": "like", "at": now - 60}
    fits = json.dumps({**event, "context": {"page": "x" * VERY_LONG}}).encode()
    over = json.dumps({**event, "context": {"page": "x" * (VERY_LONG + 10_000)}}).encode()
    return [(b"stray-1", value) for value in (fits, over, fits[:-1], b"\xff" * VERY_LONG)]
