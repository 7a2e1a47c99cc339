"""CloudEvents headers, dead letters and ids: the same for a repeat, different for all else."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stream.errors import Reject
from stream.wire import cloudevents, examples, ids
from stream.wire.deadletter import MAX_MESSAGE_BYTES, MAX_TRACE_BYTES, Refused, dead_letter
from stream.wire.encode import encode
from stream.wire.reasons import Reason

REFUSED = Refused("interestream.events", 3, 17, b"u", b"{", 1_738_310_400.25)
WHY = Reject(Reason.MALFORMED_JSON, "cut short")


def letter_headers(
    refused: Refused = REFUSED, why: Reject = WHY, user_id: str | None = None, trace: str = ""
) -> dict[str, bytes]:
    letter = dead_letter(
        refused, why, user_id=user_id, trace=trace, max_value_bytes=100, source="/s"
    )
    return dict(letter.headers)


# --- CloudEvents


def test_a_list_says_what_it_is() -> None:
    message = examples.RECOMMENDATION

    assert dict(cloudevents.recommendation_headers(message, source="/s")) == {
        "ce_specversion": b"1.0",
        "ce_id": message.recommendation_id.encode(),
        "ce_source": b"/s",
        "ce_type": b"interestream.recommendation.v1",
        "ce_time": message.as_of.encode(),
        "ce_subject": message.user_id.encode(),
        "content-type": b"application/json",
    }


def test_a_segment_change_says_what_it_is() -> None:
    headers = dict(cloudevents.segment_headers(examples.SEGMENT_CHANGE, source="/s"))

    assert headers["ce_type"] == b"interestream.segment-change.v1"
    assert headers["ce_id"] == examples.SEGMENT_CHANGE.change_id.encode()
    assert headers["ce_time"] == examples.SEGMENT_CHANGE.at.encode()


def test_signals_of_a_chunk_have_an_id_for_each_partition() -> None:
    headers = [
        dict(cloudevents.signal_headers(examples.SIGNALS, target=target, source="/s"))
        for target in (0, 1, 1)
    ]

    assert headers[0]["ce_id"] != headers[1]["ce_id"]
    assert headers[1] == headers[2]
    assert headers[0]["ce_time"] == b"2025-01-31T08:00:00.250Z"


def test_signals_about_no_item_are_not_to_be_sent() -> None:
    with pytest.raises(ValueError, match="empty"):
        cloudevents.signal_headers(
            msgspec.structs.replace(examples.SIGNALS, items=()), target=0, source="/s"
        )


@pytest.mark.parametrize(
    "message", [examples.RECOMMENDATION, examples.SEGMENT_CHANGE, examples.SIGNALS], ids=type
)
def test_outputs_read_back_as_what_was_sent(message: msgspec.Struct) -> None:
    assert msgspec.json.decode(encode(message), type=type(message)) == message  # type: ignore[arg-type]


def test_a_segment_change_says_from_on_the_wire() -> None:
    assert msgspec.json.decode(encode(examples.SEGMENT_CHANGE))["from"] == "s1"


# --- dead letters


@example(b"x" * 100, None)
@example(b"x" * 101, None)
@given(st.binary(max_size=200), st.none() | st.binary(max_size=10))
def test_a_dead_letter_keeps_the_bytes(value: bytes, key: bytes | None) -> None:
    """Untouched up to the limit; what is cut, a header says."""
    refused = replace(REFUSED, key=key, value=value)
    letter = dead_letter(refused, WHY, user_id=None, max_value_bytes=100, source="/s")
    headers = dict(letter.headers)

    assert letter.key == b"interestream.events/3/17"
    assert letter.value == value[:100]
    assert headers.get("dl_size") == (str(len(value)).encode() if len(value) > 100 else None)
    assert headers.get("dl_key") == key


def test_a_dead_letter_says_why_and_from_when() -> None:
    headers = letter_headers()

    assert headers["dl_reason"] == b"malformed_json"
    assert headers["dl_message"] == b"cut short"
    assert headers["ce_time"] == b"2025-01-31T08:00:00.250Z"
    assert headers["ce_id"] == b"interestream.events/3/17"
    assert headers["content-type"] == b"application/octet-stream"


def test_a_null_value_is_kept_as_a_letter_not_sent_as_its_deletion() -> None:
    refused = replace(REFUSED, value=None)
    letter = dead_letter(refused, WHY, user_id=None, max_value_bytes=100, source="/s")

    assert letter.value == b""
    assert dict(letter.headers)["dl_null"] == b"true"


def test_the_user_is_there_as_a_hash_only() -> None:
    headers = letter_headers(replace(REFUSED, key=None), user_id="anna@example.org")

    assert headers["dl_user"] == ids.user_hash("anna@example.org").encode()
    assert not any(b"anna" in value for value in headers.values())


def test_long_words_are_cut_a_message_at_its_end_a_trace_at_its_start() -> None:
    why = Reject(Reason.BUG, "a" + "m" * 5000)
    headers = letter_headers(why=why, trace="t" * 20_000 + "ValueError: the cause \ud800")

    assert headers["dl_message"] == (b"a" + b"m" * 5000)[:MAX_MESSAGE_BYTES]
    assert len(headers["dl_trace"]) == MAX_TRACE_BYTES
    assert headers["dl_trace"].endswith(b"the cause \\ud800")


# --- ids


@given(st.lists(st.tuples(st.text("ab0|\0", max_size=3), st.integers(0, 99)), unique=True))
def test_another_user_or_version_is_another_id(pairs: list[tuple[str, int]]) -> None:
    made = [
        f(user, version) for user, version in pairs for f in (ids.recommendation_id, ids.change_id)
    ]

    assert len(set(made)) == len(made)
    assert {len(id_) for id_ in made} <= {32}


def test_ids_stay_the_same_over_releases() -> None:
    """Consumers drop repeats by them, also over an upgrade."""
    assert ids.recommendation_id("u", 1) == "db3ac8a131058e6bc4063809700819ce"
    assert ids.change_id("u", 1) == "dbf8c38cf9b9c3a560b77e39a0960863"
    assert ids.event_id(b"{}") == "2afb9b83f9314e5d029766197f539792"
    assert ids.user_hash("u") == "2af11c0604195befbdb5becdff5f59c5"
