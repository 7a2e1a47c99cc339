"""What a reader asks for narrows a list, and never brings in what must not be offered."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from stream.core.allowed import EVERYTHING, Filters, asked_for
from stream.core.catalogue import Catalogue, Entry
from stream.core.profile import Profile
from stream.core.signals import Row
from tests.core.samples import DIMENSION, NOW, axis, entry, law
from tests.core.worlds import PLAIN, liking, offered

NAMES = ("a", "b", "c")
names = st.frozensets(st.sampled_from(NAMES), max_size=2)
filters = st.builds(
    Filters,
    categories=names,
    without=names,
    domain=st.sampled_from([None, "films", "books"]),
    lang=st.sampled_from([None, "en", "de"]),
    exclude=st.frozensets(st.sampled_from(["item-0", "item-1", "item-99"]), max_size=2),
    available_only=st.booleans(),
)


@st.composite
def catalogues(draw: st.DrawFn) -> Catalogue:
    return Catalogue(DIMENSION, tuple(draw(_entries(n)) for n in range(draw(st.integers(0, 12)))))


@st.composite
def _entries(draw: st.DrawFn, number: int) -> Entry:
    return entry(
        f"item-{number}",
        axis(0),
        categories=tuple(sorted(draw(names))),
        domain=draw(st.sampled_from([None, "films", "books"])),
        lang=draw(st.sampled_from([None, "en", "de"])),
        available=draw(st.booleans()),
        deleted=draw(st.sampled_from([False, False, True])),
    )


@law
@given(catalogues(), filters)
def test_what_passes_is_what_was_asked_for(catalogue: Catalogue, asked: Filters) -> None:
    for item, passes in zip(catalogue.entries, asked_for(asked, catalogue), strict=True):
        own = set(item.categories)
        assert passes == (
            not item.deleted
            and (item.available or not asked.available_only)
            and (not asked.categories or bool(own & asked.categories))
            and not own & asked.without
            and asked.domain in (None, item.domain)
            and (asked.lang is None or item.lang in (None, asked.lang))
            and item.item_id not in asked.exclude
        )


@law
@given(catalogues(), filters)
def test_a_filtered_list_has_only_what_passes(catalogue: Catalogue, asked: Filters) -> None:
    tuning = replace(PLAIN, list_size=20, exploration_places=3)
    passes = asked_for(asked, catalogue)

    found = offered(Profile("u", as_of=NOW), catalogue, tuning, asked)

    expected = [e.item_id for e, one in zip(catalogue.entries, passes, strict=True) if one]
    assert sorted(found) == sorted(expected)


def test_the_language_that_is_asked_for_counts_whatever_the_user_reads() -> None:
    langs = {"seen": "de", "german": "de", "english": "en", "unsaid": None}
    entries = tuple(entry(name, axis(0), lang=lang) for name, lang in langs.items())
    reader = liking(Catalogue(DIMENSION, entries), "seen")

    def listed(asked: Filters) -> set[str]:
        return set(offered(reader, Catalogue(DIMENSION, entries), PLAIN, asked))

    assert listed(EVERYTHING) == {"german", "unsaid"}
    assert listed(Filters(lang="en")) == {"english", "unsaid"}
    assert listed(Filters(lang="fr")) == {"unsaid"}


def test_a_new_user_gets_the_hottest_of_the_domain_that_is_asked_for() -> None:
    domains = ["films", "books"]
    entries = tuple(entry(f"i{n}", axis(n % 3), domain=domains[n % 2]) for n in range(12))
    heat = {f"i{n}": Row(0.0, float(n), NOW) for n in range(12)}
    new = Profile("new", as_of=NOW)

    books = offered(new, Catalogue(DIMENSION, entries, heat), PLAIN, Filters(domain="books"))

    assert books == ["i11", "i9", "i7", "i5", "i3", "i1"]


def test_asking_for_nothing_changes_nothing() -> None:
    catalogue = Catalogue(DIMENSION, tuple(entry(f"i{n}", axis(0)) for n in range(5)))
    user = Profile("u", as_of=NOW)

    assert offered(user, catalogue, PLAIN, EVERYTHING) == offered(user, catalogue)
    assert asked_for(EVERYTHING, catalogue).all()
    assert catalogue.on_offer.all()  # and the catalogue's own array is left alone
