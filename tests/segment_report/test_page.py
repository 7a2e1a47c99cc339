"""The page parses, loads nothing, and shows names as text; pictures stay small and legible."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from itertools import combinations, pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stream.core.segment_history import HELD, REJECTED, Flow, Named
from stream.segment_report import layout, svg
from stream.segment_report.marks import COLOURS, MARKED, marks
from stream.segment_report.page import FITS_TOLD, page
from stream.segment_report.plane import Plane
from stream.segment_report.report import Item, Report, report
from stream.segment_report.streams import streams
from tests.segment_report.world import START, fits, planted, record, sampled

VOID = {"meta", "br"}
EVIL = "<script>alert('$1')</script>&\"'\x1b[2J"


class Read(HTMLParser):
    """Tags that were opened and text; fails on one that is closed out of turn."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def whole(groups: int = 4) -> Report:
    return report(sampled(planted(groups, 200), fits()))


def test_a_page_has_every_section() -> None:
    read = Read(page(whole()))

    for words in (
        "model 7 with 4 segments is in force",
        "Map",
        "Sizes over time",
        "silhouette (by cosine",
        "Davies–Bouldin",
        "stability: adjusted Rand",
        "share of the users who move",
        "Who went where",
        "What other methods make of the same users",
        "HDBSCAN",
        "Gaussian mixture",
        "History",
        "label s0 (s0) split into label s0 (s0) and label s3 (s3)",
        "label s2 (s2) → label s1 (s1): 25",
        "Title of s0",
        "term 0",
    ):
        assert words in read.text, words
    assert read.seen.count("svg") == 1 + 1 + 4 + 2  # map, sizes, four figures, two fits that moved


def test_nothing_is_loaded_from_elsewhere() -> None:
    text = page(whole())
    read = Read(text)

    assert not {"script", "link", "img", "iframe", "object", "image", "use"} & set(read.seen)
    assert not {"src", "href", "xlink:href", "srcset", "action"} & {
        name for name, _ in read.attributes
    }
    assert not re.search(r"https?:|//|url\(|@import", text)


def test_names_are_never_markup() -> None:
    world = planted(3, 60, labels=EVIL + "{}")
    start = sampled(world)
    segments = tuple(replace(s, id=f"<b>{s.id}", terms=(EVIL,)) for s in world.model.segments)
    items = {s.id: (Item(EVIL, ""), Item("i", EVIL)) for s in segments}
    named = tuple(Named(s.id, s.label, s.size) for s in segments)
    flow = (Flow(segments[0].id, segments[1].id, 3),)
    last = record(4, {}, users=60, segments=named, flow=flow, reason="<i>")
    found = report(
        replace(
            start,
            model=replace(world.model, segments=segments),
            items=items,
            fits=(*fits(), last),
        )
    )
    text = page(found)
    read = Read(text)

    assert "script" not in read.seen
    assert "<script" not in text
    assert "\x1b" not in text
    assert "<script>alert" in read.text
    assert f"<b>{world.model.segments[0].id}" in read.text


def test_it_works_on_dark_screens_and_for_those_who_see_no_colours() -> None:
    text = page(whole())

    assert "prefers-color-scheme:dark" in text
    for group in whole().segments:
        assert text.count(group.label) >= 3  # the table, the map, the key: colour is never alone


def nothing() -> Report:
    return Report(START, None, None, 0, (), ())


def nobody() -> Report:
    start = sampled(planted(3))
    return report(replace(start, tastes=start.tastes[:0]))


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (nothing, "no segments yet"),
        (lambda: report(sampled(planted(1, 50))), "No record of a fit is kept"),
        (nobody, "0 users were looked at"),
        (lambda: report(sampled(planted(3, 60), fits()[:1])), "each fit's sample, 1 fit"),
        (lambda: replace(nothing(), held=9, fits=fits()), "Model 9 is held"),
    ],
    ids=["nothing", "one segment, no history", "no users", "one fit", "no model but history"],
)
def test_little_makes_a_page_too(made: Callable[[], Report], said: str) -> None:
    read = Read(page(made()))

    assert said in read.text
    assert "nan" not in read.text.lower().split()


def test_a_thousand_segments_and_a_hundred_fits_make_a_page_that_opens() -> None:
    world = planted(1000, 3000, noise=0.1)
    sizes = {s.id: s.size for s in world.model.segments}
    flow = tuple(Flow(f"s{n}", f"s{n + 1}", 300 - n) for n in range(200))
    many = tuple(record(n, sizes, flow=flow, moved_share=0.1) for n in range(100))
    start = sampled(world, many)
    text = page(report(replace(start, tastes=start.tastes[:15])))
    read = Read(text)

    assert len(text) < 400_000
    assert "800 smaller segments are left out here" in read.text
    assert f"{100 - FITS_TOLD} fits before that are left out here" in read.text
    assert f"{1000 - MARKED} others" in read.text


def test_fits_that_changed_nothing_are_counted_only() -> None:
    quiet = tuple(record(n, {"s0": 60, "s1": 40}) for n in range(4, 50))
    text = Read(page(report(sampled(planted(2, 60), (*fits(), *quiet))))).text

    assert "46 fits more changed no segment and moved nobody" in text
    assert "label s4 (s4) is gone" in text
    assert "2023-11-16 22:13:20 periodic: 20 of 100 users" in text


def test_a_fit_that_came_to_nothing_is_told_as_such() -> None:
    *others, last = fits()
    held, rejected = (
        Read(page(replace(whole(), fits=(*others, replace(last, outcome=outcome))))).text
        for outcome in (HELD, REJECTED)
    )

    assert "30 of 100 users, if it comes into force: it is held" in held
    assert "30 of 100 users" not in rejected
    assert "not in force, but it would be:" in rejected
    assert "not in force" not in Read(page(whole())).text


# --- marks and pictures


@pytest.mark.parametrize("groups", [1, MARKED, MARKED + 1, 100])
def test_marks_tell_segments_apart(groups: int) -> None:
    own = marks(report(sampled(planted(groups, 2 * groups + 10))).segments)

    assert len(own) == min(groups, MARKED) + (groups > MARKED)
    assert len({(one.colour, one.square) for one in own}) == len(own)
    assert [one.number for one in own[:MARKED]] == list(range(1, min(groups, MARKED) + 1))
    assert len(COLOURS) == len(set(COLOURS))


POINTS = st.tuples(st.floats(-1, 1), st.floats(-1, 1))


@given(st.lists(POINTS, min_size=1, max_size=MARKED), st.lists(POINTS, max_size=30))
@example([(n / 100, n % 3 / 200) for n in range(MARKED)], [(-1.0, -1.0), (1.0, 1.0)])
def test_no_label_of_a_map_lies_over_another(
    middles: list[tuple[float, float]], users: list[tuple[float, float]]
) -> None:
    plane = Plane(tuple((x, y, 0) for x, y in users), tuple(middles), (0.5, 0.2))
    texts = [f"{n} a name of some length" for n in range(len(middles))]
    found = layout.laid(plane, texts)

    assert sorted(label.text for label in found.labels) == sorted(texts)
    for label in found.labels:
        assert 0 <= label.x <= layout.WIDTH - layout.CHAR * len(label.text)
        assert 0 <= label.y <= layout.HEIGHT
    for one, other in combinations(found.labels, 2):
        left = one if one.x < other.x else other
        beside = abs(one.x - other.x) >= layout.CHAR * len(left.text)
        assert beside or abs(one.y - other.y) >= layout.LINE, (one, other)
    assert all(0 <= x <= layout.WIDTH and 0 <= y <= layout.HEIGHT for x, y in found.points)


def test_one_scale_for_both_directions() -> None:
    plane = Plane(((0, 0, 0), (4, 0, 0), (0, 1, 0)), (), (0.5, 0.2))
    origin, right, up = layout.laid(plane, ()).points

    assert right[0] - origin[0] == pytest.approx(4 * (origin[1] - up[1]))


def test_areas_of_one_fit_and_of_many() -> None:
    own = marks(whole().segments)[:2]
    one = svg.sizes([[0.25], [0.75]], own, "first", "last")
    many = svg.sizes([[0.25, 0.5], [0.75, 0.5]], own, "first", "last")

    assert one.count("<polygon") == many.count("<polygon") == 2
    assert ("last" in one, "last" in many) == (False, True)


def test_a_curve_has_gaps_where_nothing_is_known() -> None:
    text = svg.curve([None, 0.2, None, 0.4, 0.5], "x", ends=(0.0, 1.0))

    assert text.count("<circle") == 3
    assert text.count('stroke-width="2"') == 2
    assert "0.500" in text
    assert "<circle" not in svg.curve([None], "x", ends=None)


def test_a_flow_s_names_are_under_each_other() -> None:
    _, second, _ = fits()
    text = svg.ribbons(streams(second, 1), {"s0": "sea"}, {})
    places = [int(y) for y in re.findall(r'<text x="\d+" y="(\d+)" text-anchor="end">', text)]

    assert "sea: 15" in text
    assert "others: 5" in text
    assert all(b - a >= layout.LINE for a, b in pairwise(places))
