"""What segments are called: what is special, for long, and each by a name of its own."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from stream.core.catalogue import Entry
from stream.core.segment_labels import LOOKED_AT, labelled
from stream.core.segments import Segment, SegmentModel
from tests.core.samples import axis, law


def item(number: int, *categories: str, title: str = "") -> Entry:
    return Entry(f"i{number}", title, None, categories)


def model(*segments: Segment) -> SegmentModel:
    return SegmentModel(1, segments)


def segment(name: str, label: str = "", named: tuple[str, ...] = ()) -> Segment:
    return Segment(name, label, axis(0), 1, named=named)


GENRES = ("horror", "sci-fi", "war")
FILMS = [item(n, "drama", GENRES[n % 3]) for n in range(150)]


def films(genre: str) -> list[Entry]:
    return [film for film in FILMS if genre in film.categories][:30]


def test_a_segment_is_called_after_what_is_special_about_it() -> None:
    """Drama is everywhere; near the first one there is horror as well."""
    named = labelled(model(segment("a"), segment("b", "old")), {"a": films("horror")}, FILMS)

    assert [s.label for s in named.segments] == ["horror", "old"]
    assert named.segments[0].terms == ("horror",)


def test_words_of_titles_count_beside_categories() -> None:
    shop = [item(n, "garden", title="Copper watering can") for n in range(10)]
    shop += [item(100 + n, "garden", title=f"Thing {n}") for n in range(90)]

    [found] = labelled(model(segment("a")), {"a": shop[:10]}, shop).segments
    assert found.label == "copper & watering"


def test_a_word_that_few_titles_share_says_less_than_a_category() -> None:
    near = [item(n, "horror", title="Nosferatu" if n < 3 else "") for n in range(30)]
    others = [item(100 + n, "drama") for n in range(60)]

    [found] = labelled(model(segment("a")), {"a": near}, [*near, *others]).segments
    assert found.terms == ("horror", "nosferatu")


def test_where_nothing_is_special_the_most_frequent_names_it() -> None:
    same = [item(n, "drama") for n in range(40)]

    assert labelled(model(segment("a")), {"a": same[:30]}, same).segments[0].label == "drama"


def test_a_label_stays_while_one_of_its_terms_is_telling() -> None:
    old = segment("a", "war & westerns", ("war", "westerns"))
    [kept] = labelled(model(old), {"a": films("war")}, FILMS).segments
    assert (kept.label, kept.named) == ("war & westerns", ("war", "westerns"))
    assert kept.terms == ("war",)

    [renamed] = labelled(model(old), {"a": films("horror")}, FILMS).segments
    assert (renamed.label, renamed.named) == ("horror", ("horror",))


def test_without_items_labels_stay_as_they_are() -> None:
    bare = model(segment("a"), segment("b", "kept"))

    assert [s.label for s in labelled(bare, {}, []).segments] == ["", "kept"]


def test_a_label_from_before_terms_were_kept_is_understood() -> None:
    [kept] = labelled(model(segment("a", "horror & drama")), {"a": films("horror")}, FILMS).segments
    assert kept.label == "horror & drama"


def test_segments_next_to_the_same_items_are_told_apart() -> None:
    near = [item(n, "horror", "war", "noir", "camp") for n in range(30)]
    four = model(*(segment(name) for name in "abcd"))

    labels = [s.label for s in labelled(four, dict.fromkeys("abcd", near), FILMS).segments]
    assert len(set(labels)) == 4
    assert all(label.startswith("camp & noir") for label in labels)


names = st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=4, unique=True)
near_items = st.lists(names, max_size=6).map(
    lambda rows: [item(n, *row) for n, row in enumerate(rows)]
)


@law
@given(st.lists(st.tuples(st.sampled_from(["", "a", "a & b", "b & a"]), near_items), max_size=6))
def test_no_two_segments_have_the_same_label(rows: Sequence[tuple[str, list[Entry]]]) -> None:
    given_ = model(*(segment(f"s{n}", label) for n, (label, _) in enumerate(rows)))
    near = {f"s{n}": items for n, (_, items) in enumerate(rows)}

    found = labelled(given_, near, [entry for items in near.values() for entry in items])
    labels = [frozenset(s.label.split(" & ")) for s in found.segments if s.label]
    assert len(set(labels)) == len(labels)
    assert [s.id for s in found.segments] == [s.id for s in given_.segments]


def test_a_large_catalogue_is_sampled() -> None:
    many = [item(n, "drama") for n in range(LOOKED_AT * 3)]

    assert labelled(model(segment("a")), {"a": many[:30]}, many).segments[0].label == "drama"
