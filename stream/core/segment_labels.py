"""What segments are called: by the categories and title words that the items next to a segment
have more often than items in general.

A name lives long. A segment keeps its label as long as one of the terms in it is still telling,
and is renamed when none is. No two segments have the same label.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain

from stream.core.catalogue import Entry
from stream.core.labels import SUPPORT_MIN, words_of
from stream.core.segments import Segment, SegmentModel

#: Items next to a segment that are looked at.
LABEL_ITEMS = 30
#: Terms of a label, and those that a segment is known by.
LABEL_TERMS = 2
TERMS = 8
#: Items, spread over the catalogue, that say how often a term is anywhere.
LOOKED_AT = 5000
BETWEEN = " & "


def labelled(
    model: SegmentModel, near: Mapping[str, Sequence[Entry]], everything: Sequence[Entry]
) -> SegmentModel:
    """With the terms of this day, and labels that stay while they fit.

    near        some items by the id of the segment that they are nearest to
    everything  the catalogue's items

    A segment next to which there are no items keeps what it has.
    """
    some = everything[:: max(len(everything) // LOOKED_AT, 1)]
    everywhere = Counter(chain.from_iterable(map(_terms_of, some)))
    shares = {term: n / len(some) for term, n in everywhere.items()}
    known = [_known(segment, near.get(segment.id, ()), shares) for segment in model.segments]
    taken: set[frozenset[str]] = set()
    kept: dict[str, Segment] = {}
    for segment in known:
        if _fits(segment) and _key(segment.label) not in taken:
            taken.add(_key(segment.label))
            kept[segment.id] = segment
    segments = [kept.get(each.id) or _renamed(each, taken) for each in known]
    return replace(model, segments=tuple(segments))


def _known(segment: Segment, near: Sequence[Entry], shares: Mapping[str, float]) -> Segment:
    return replace(segment, terms=_telling(near, shares)) if near else segment


def _telling(near: Sequence[Entry], shares: Mapping[str, float]) -> tuple[str, ...]:
    """Terms by how telling they are: the share here times how much more that is than anywhere.

    One item more is added to what is anywhere, or a word of three titles, which hardly ever
    occurs, would beat a category that a third of the items here have.
    """
    here = Counter(chain.from_iterable(map(_terms_of, near)))
    categories = {category for entry in near for category in entry.categories}
    found = {
        term: n / len(near) for term, n in here.items() if term in categories or n >= SUPPORT_MIN
    }
    special = {t: share for t, share in found.items() if share > shares.get(t, 0.0)} or found
    worth = {t: s * s / (shares.get(t, 0.0) + 1 / len(near)) for t, s in special.items()}
    return tuple(sorted(worth, key=lambda term: (-worth[term], term))[:TERMS])


def _terms_of(entry: Entry) -> Iterator[str]:
    """Categories and words, each once: a word that is a category's name too is the category."""
    categories = dict.fromkeys(entry.categories)
    yield from categories
    folded = {category.casefold() for category in categories}
    yield from (word for word in words_of(entry) if word not in folded)


def _fits(segment: Segment) -> bool:
    """Whether there is a label, and a term of it is telling still, or nothing is known."""
    if not segment.label:
        return False
    return not segment.terms or not {*_named(segment)}.isdisjoint(segment.terms)


def _named(segment: Segment) -> tuple[str, ...]:
    return segment.named or tuple(segment.label.split(BETWEEN))


def _key(label: str) -> frozenset[str]:
    """What two labels have in common that say the same in another order."""
    return frozenset(label.split(BETWEEN))


def _renamed(segment: Segment, taken: set[frozenset[str]]) -> Segment:
    """With a label that nobody has: of the first terms, of one more where those are taken."""
    terms = segment.terms or (_named(segment) if segment.label else ())
    if not terms:
        return replace(segment, label="", named=())
    label, named = next(
        (label, named)
        for named in _candidates(terms, segment.id)
        if _key(label := BETWEEN.join(named)) not in taken
    )
    taken.add(_key(label))
    return replace(segment, label=label, named=named)


def _candidates(terms: tuple[str, ...], segment_id: str) -> Iterator[tuple[str, ...]]:
    first = terms[:LABEL_TERMS]
    yield first
    for further in (*terms[LABEL_TERMS:], segment_id):
        yield (*first, further)
