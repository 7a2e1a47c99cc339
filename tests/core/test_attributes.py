"""Items by what producers say of them: a filter never lets through what does not match."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.core.allowed import Filters, asked_for
from stream.core.attributes import Attribute, Attributes, Scalar
from stream.core.catalogue import Catalogue
from stream.core.profile import Profile
from tests.core.samples import DIMENSION, NOW, axis, entry, law
from tests.core.worlds import PLAIN, offered

NAMES = ("brand", "size", "new")
scalars = st.sampled_from(["a", "b", "1", "True", 0, 1, 2, 1.0, 2.5, True, False])
said = st.dictionaries(
    st.sampled_from(NAMES), scalars | st.lists(st.sampled_from("ab1")).map(tuple), max_size=3
)
wheres = st.dictionaries(st.sampled_from([*NAMES, "unheard"]), st.lists(scalars, max_size=3))


def catalogue_of(*attributes: dict[str, Attribute]) -> Catalogue:
    items = [entry(f"i{n}", axis(0), attributes=own) for n, own in enumerate(attributes)]
    return Catalogue(DIMENSION, tuple(items))


def fits(own: Attribute | None, values: list[Scalar]) -> bool:
    """What the words of `Filters.where` say, value by value."""
    if own is None:
        return False
    return any(
        one == value and isinstance(one, bool) is isinstance(value, bool)
        for one in (own if isinstance(own, tuple) else (own,))
        for value in values
    )


@law
@given(st.lists(said, max_size=8), wheres)
def test_what_passes_is_what_matches_each_condition(
    items: list[dict[str, Attribute]], where: dict[str, list[Scalar]]
) -> None:
    passes = asked_for(Filters(where=where), catalogue_of(*items))

    assert passes.tolist() == [
        all(fits(own.get(name), values) for name, values in where.items()) for own in items
    ]


@law
@given(st.lists(said, max_size=8), wheres)
def test_a_filtered_list_has_only_what_matches(
    items: list[dict[str, Attribute]], where: dict[str, list[Scalar]]
) -> None:
    tuning = replace(PLAIN, list_size=20, exploration_places=3)

    found = offered(Profile("u", as_of=NOW), catalogue_of(*items), tuning, Filters(where=where))

    assert set(found) == {
        f"i{n}"
        for n, own in enumerate(items)
        if all(fits(own.get(name), values) for name, values in where.items())
    }


@pytest.mark.parametrize(
    ("own", "value", "passes"),
    [
        ("acme", "acme", True),
        ("acme", "Acme", False),
        (5, 5.0, True),
        (5.0, 5, True),
        (5, "5", False),
        (True, True, True),
        (True, 1, False),
        (1, True, False),
        (("red", "blue"), "blue", True),
        (("red", "blue"), "green", False),
        ((), "green", False),
        (2**53 + 1, 2**53, False),
    ],
)
def test_values_are_equal_by_value_and_kind(own: Attribute, value: Scalar, passes: bool) -> None:
    assert Attributes([{"x": own}, {}]).any_of("x", [value]).tolist() == [passes, False]


def test_a_condition_without_values_lets_nothing_through() -> None:
    assert not asked_for(Filters(where={"x": ()}), catalogue_of({"x": 1}, {})).any()


def test_what_is_asked_for_is_that_of_the_newest_snapshot() -> None:
    first = catalogue_of({"x": 1}, {"x": 2})
    asked = Filters(where={"x": (1,)})
    assert asked_for(asked, first).tolist() == [True, False]

    later = first.with_entries([entry("i1", axis(0), attributes={"x": 1})])

    assert asked_for(asked, later).tolist() == [True, True]
