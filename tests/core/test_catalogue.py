"""The catalogue: a snapshot as arrays, and heat that cools."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.core import columns as module
from stream.core.catalogue import Catalogue, Entry
from stream.core.columns import COLUMNS
from stream.core.hashes import hash32
from stream.core.interests import PairCosines, pair_cosines
from stream.core.signals import Row
from tests.core.samples import DAY_S, DIMENSION, NOW, axis, entry, law, moments, random_unit
from tests.core.worlds import with_pairs

HALF_LIFE_S = 3 * DAY_S
EMPTY = Catalogue(DIMENSION)
names = st.lists(st.integers(0, 200).map(str), max_size=30, unique=True)


def stocked(*item_ids: str) -> Catalogue:
    return EMPTY.with_entries(entry(i, axis(n % DIMENSION)) for n, i in enumerate(item_ids))


@law
@given(names, names)
def test_hashes_find_the_items_that_are_known(known: list[str], asked: list[str]) -> None:
    catalogue = stocked(*known)
    rows = catalogue.rows_of_hashes([hash32(item_id) for item_id in asked])

    found = [catalogue.entries[row].item_id for row in rows]
    assert found == [item_id for item_id in asked if item_id in known]


def test_equal_hashes_find_every_item_that_has_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two items of one hash are both seen when one was: rare and harmless, unlike the reverse."""
    monkeypatch.setattr(module, "hash32", lambda text: len(text))
    catalogue = stocked("a", "bb", "c", "ddd", "ee", "f")

    assert catalogue.rows_of_hashes([1, 9, 2]).tolist() == [0, 2, 5, 1, 4]
    assert catalogue.rows_of_hashes([3]).tolist() == [3]
    assert catalogue.rows_of_hashes([0, 4]).tolist() == []


def test_hashes_of_nothing() -> None:
    assert EMPTY.rows_of_hashes([1, 2]).tolist() == []
    assert stocked("a").rows_of_hashes([]).tolist() == []
    assert stocked("a").rows_of_hashes([2**32 - 1, 0]).tolist() == []


def test_entries_are_added_and_replaced_in_place() -> None:
    before = stocked("a", "b")
    after = before.with_entries([entry("b", None, lang="de"), entry("c", axis(3))])

    assert [e.item_id for e in after.entries] == ["a", "b", "c"]
    assert after.rows == {"a": 0, "b": 1, "c": 2}
    assert after.languages.tolist() == [None, "de", None]
    assert np.array_equal(after.vectors, np.stack([axis(0), 0 * axis(0), axis(3)]))
    assert [e.lang for e in before.entries] == [None, None]
    assert len(before) == 2


def test_arrays_say_what_the_entries_say() -> None:
    catalogue = EMPTY.with_entries(
        [
            entry("open", axis(0)),
            entry("gone", axis(1), deleted=True),
            entry("out", axis(2), available=False),
            entry("timed", axis(3), published_at=5.0, expires_at=9.0),
        ]
    )

    assert catalogue.on_offer.tolist() == [True, False, False, True]
    assert catalogue.published_at.tolist() == [-np.inf, -np.inf, -np.inf, 5.0]
    assert catalogue.expires_at.tolist() == [np.inf, np.inf, np.inf, 9.0]
    assert catalogue.vectors.dtype == np.float32


def test_what_is_deleted_stays_known() -> None:
    catalogue = stocked("a").with_entries([entry("a", None, deleted=True)])
    known = catalogue.get("a")

    assert known is not None
    assert known.title == "title of a"
    assert catalogue.rows_of_hashes([hash32("a")]).tolist() == [0]
    assert catalogue.get("b") is None


def test_a_label_is_the_first_category_or_the_title() -> None:
    assert entry("a", None, categories=("x", "y")).label == "x"
    assert entry("a", None).label == "title of a"


def test_an_empty_catalogue_has_empty_arrays() -> None:
    assert EMPTY.vectors.shape == (0, DIMENSION)
    assert EMPTY.heat_at(NOW, half_life_s=HALF_LIFE_S).shape == (0,)
    assert EMPTY.on_offer.shape == EMPTY.languages.shape == (0,)


def used(count: float) -> Row:
    return Row(0.0, count, NOW)


def test_new_heat_replaces_old_and_leaves_the_rest_alone() -> None:
    before = stocked("a", "b").with_rows({"a": used(1.0), "b": used(2.0)})
    vectors, rows = before.vectors, before.rows
    assert before.heat_at(NOW, half_life_s=HALF_LIFE_S).tolist() == [1.0, 2.0]

    after = before.with_rows({"a": used(5.0), "unknown": used(9.0)})

    assert after.heat_at(NOW, half_life_s=HALF_LIFE_S).tolist() == [5.0, 2.0]
    assert before.heat_at(NOW, half_life_s=HALF_LIFE_S).tolist() == [1.0, 2.0]
    assert after.vectors is vectors  # not built again: heat changes every few seconds
    assert after.rows is rows


def test_heat_waits_for_its_item() -> None:
    """Signals of an item may come before the item itself."""
    catalogue = EMPTY.with_rows({"a": used(4.0)}).with_entries([entry("a", None)])

    assert catalogue.heat_at(NOW, half_life_s=HALF_LIFE_S).tolist() == [4.0]


def test_heat_cools() -> None:
    catalogue = stocked("a", "cold").with_rows({"a": used(4.0)})

    def counts(now: float) -> list[float]:
        found: list[float] = catalogue.heat_at(now, half_life_s=HALF_LIFE_S).tolist()
        return found

    assert counts(NOW + HALF_LIFE_S) == pytest.approx([2.0, 0.0])
    assert counts(NOW - DAY_S) == [4.0, 0.0]  # heat from after then counts as it is
    assert counts(NOW + 100 * 365 * DAY_S) == [0.0, 0.0]


# --- snapshots of snapshots

ARRAYS = [*COLUMNS, "_sums", "_by_hash"]


@st.composite
def batches(draw: st.DrawFn) -> list[Entry]:
    """Items, some of them twice, of every state."""
    numbers = draw(st.lists(st.integers(0, 30), max_size=12))
    return [
        entry(
            f"item-{n}",
            draw(st.sampled_from([axis(n % DIMENSION), None])),
            lang=draw(st.sampled_from([None, "en"])),
            published_at=draw(st.none() | moments),
            expires_at=draw(st.none() | moments),
            available=draw(st.booleans()),
            categories=tuple(draw(st.lists(st.sampled_from("abcd"), max_size=3))),
        )
        for n in numbers
    ]


def told(catalogue: Catalogue) -> None:
    """Ask for everything that is kept."""
    for name in (*ARRAYS, "rows", "categories", "pair_cosines"):
        getattr(catalogue, name)


@law
@given(st.lists(batches(), max_size=4), st.booleans())
def test_growing_gives_what_making_at_once_gives(
    parts: list[list[Entry]], asked_between: bool
) -> None:
    rows = {f"item-{n}": Row(n, 2.0 * n, NOW) for n in range(0, 30, 2)}
    grown = EMPTY.with_rows(rows)
    for part in parts:
        if asked_between:
            told(grown)
        grown = grown.with_entries(part)

    whole = Catalogue(DIMENSION, grown.entries, rows)

    assert grown.rows == whole.rows
    for name in ARRAYS:
        assert np.array_equal(getattr(grown, name), getattr(whole, name)), name
    for category in "abcd":
        held = grown.categories.any_of([category]).tolist()
        assert held == whole.categories.any_of([category]).tolist()


def test_a_catalogue_that_grew_by_much_knows_what_is_adjacent_now() -> None:
    shared = [entry(f"{n}", None, categories=("x", "y")) for n in range(3)]
    before = EMPTY.with_entries([entry("first", None, categories=("x", "z"))])
    assert before.categories.adjacent[before.categories.numbers["x"]][0] == 1  # z

    after = before.with_entries(shared).categories

    assert after.adjacent[after.numbers["x"]][0] == after.numbers["y"]


def test_a_light_catalogue_keeps_all_but_vectors_and_neighbours() -> None:
    whole = with_pairs(stocked("a", "b"), {("a", "b"): 1.0})
    light = whole.lightened()

    assert light.rows == whole.rows
    assert light.heat_at(NOW, half_life_s=1.0).tolist() == [5.0, 5.0]
    assert not len(light.neighbours_of("a").columns)
    with pytest.raises(LookupError, match="2 items"):
        _ = light.vectors


def test_what_was_warmed_is_at_hand_in_the_next_snapshot_too() -> None:
    warm = stocked("a", "b").lightened().warmed()
    after = warm.with_entries([entry("c", None)]).with_rows({"a": used(1.0)})

    assert {*COLUMNS, "rows", "_by_hash", "_sums", "categories"} - {"vectors"} <= {*after.__dict__}
    assert after.categories.adjacent.shape == (0, 0)


def test_a_light_catalogue_keeps_its_cosines() -> None:
    cosines = PairCosines(0.2, 0.1)
    light = stocked("a").lightened().with_cosines(cosines).with_entries([entry("b", None)])

    assert light.with_rows({"a": used(1.0)}).pair_cosines is cosines


def test_cosines_are_looked_at_again_when_items_come() -> None:
    some = EMPTY.with_entries(entry(f"{n}", random_unit(n)) for n in range(60))
    before = some.pair_cosines

    after = some.with_entries(entry(f"same {n}", axis(0)) for n in range(60))

    assert before is not None
    assert after.pair_cosines == pair_cosines(after.vectors) != before


def test_in_an_excerpt_it_is_as_late_as_in_the_whole() -> None:
    """Though the item that was used last is not in it."""
    rows = {"old": Row(4.0, 4.0, NOW - HALF_LIFE_S), "new": Row(1.0, 1.0, NOW)}
    whole = stocked("old", "new").with_rows(rows)

    part = whole.excerpt(np.array([0], np.intp), {}, {})

    assert part.learned_at == whole.learned_at == NOW
    assert part.counts(half_life_s=HALF_LIFE_S).tolist() == [2.0]


def test_in_an_excerpt_the_same_categories_are_adjacent() -> None:
    """Though its own items would say otherwise."""
    together = [entry(f"{n}", None, categories=("x", "y")) for n in range(9)]
    alone = entry("alone", None, categories=("x", "z"))
    whole = EMPTY.with_entries([*together, alone])

    part = whole.excerpt(np.array([9], np.intp), {}, {}).categories

    assert part.adjacent[part.numbers["x"]][0] == part.numbers["y"]
    assert part.any_of(["z"]).tolist() == [True]


def test_in_an_excerpt_a_row_that_was_looked_up_speaks_of_neighbours_alone() -> None:
    """It may be newer than the snapshot: what it says of its own item would be for some users."""
    whole = with_pairs(stocked("a", "b"), {("a", "b"): 1.0})
    newer = {"a": replace(whole.learned["a"], hotness=99.0, crowds=np.ones(1, np.float32))}

    part = whole.lightened().excerpt(np.array([0, 1], np.intp), {}, newer)

    assert part.learned["a"].hotness == whole.learned["a"].hotness
    assert part.neighbours_of("a").columns.tolist() == [1]
    assert not len(part.neighbours_of("b").columns)
