"""Laws of what may be committed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from stream.kafka.spans import Span, Spans

lengths = st.lists(st.integers(1, 50), min_size=1, max_size=12)


def consecutive(sizes: list[int]) -> list[Span]:
    spans, start = [], 0
    for size in sizes:
        spans.append(Span(start, start + size - 1))
        start += size
    return spans


@given(lengths, st.data())
def test_only_the_acknowledged_prefix_is_committed(sizes: list[int], data: st.DataObject) -> None:
    """Whatever the order of acknowledgements, no offset is committed before all below it are."""
    spans, book = consecutive(sizes), Spans()
    for span in spans:
        book.deliver(span)

    committed = 0
    for span in data.draw(st.permutations(spans)):
        span.acknowledged = True
        committed = book.committable() or committed
        done = [s.acknowledged for s in spans]
        prefix = done.index(False) if False in done else len(done)
        assert committed == (spans[prefix - 1].last + 1 if prefix else 0)

    assert committed == spans[-1].last + 1


@given(lengths, st.integers(0, 11))
def test_a_second_delivery_needs_its_own_acknowledgement(sizes: list[int], at: int) -> None:
    """After a seek back, what is delivered again counts; the first copies' late marks do not."""
    first, book = consecutive(sizes), Spans()
    for span in first:
        book.deliver(span)
    again = Span(first[at % len(first)].first, first[-1].last)
    book.deliver(again)
    for span in first:
        span.acknowledged = True

    assert (book.committable() or 0) == again.first

    again.acknowledged = True
    assert book.committable() == again.last + 1


def test_holes_between_spans_do_not_hold_the_commit_back() -> None:
    """Compaction leaves holes in the offsets; nobody acknowledges what is not there."""
    book = Spans()
    for span in (Span(0, 4, acknowledged=True), Span(90, 99, acknowledged=True)):
        book.deliver(span)

    assert book.committable() == 100
    assert book.committable() is None
