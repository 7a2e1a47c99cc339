"""What the documentation says was measured is what the committed files hold."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.bench import docs


@pytest.fixture
def result() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((docs.RESULTS / "encoder.json").read_text("utf-8"))
    return found


def test_the_page_shows_the_committed_results() -> None:
    """`python -m tests.bench.docs` after a measurement."""
    for path, names in docs.PAGES.items():
        page = path.read_text("utf-8")
        assert page == docs.rendered(page, names)


def test_the_pictures_show_the_committed_results() -> None:
    for path in docs.PICTURES:
        assert path.read_text("utf-8") == docs.drawn(path)


def test_every_ratio_stands_beside_its_target(result: dict[str, Any]) -> None:
    assert result["ratios"].keys() == docs.RATIOS.keys()
    for one in result["ratios"].values():
        assert {"value", "target", "reached", "each"} <= one.keys()


def test_every_row_has_the_figures_of_each_round(result: dict[str, Any]) -> None:
    rows = [row for kind in result["throughput"].values() for row in kind]

    assert rows
    assert all(len(row["rounds"]) == result["rounds"] for row in rows)


def test_the_plot_is_there() -> None:
    assert (docs.RESULTS / "encoder.png").read_bytes().startswith(b"\x89PNG")


def test_a_page_without_markers_is_refused() -> None:
    with pytest.raises(ValueError, match="lacks the line <!-- encoder"):
        docs.rendered("# The encoder\n", ["encoder"])


def test_what_stands_between_the_markers_is_replaced_and_nothing_else() -> None:
    stale = "before\n" + docs.BEGIN.format("models") + "\nold\n" + docs.END.format("models")

    page = docs.rendered(stale + "\nafter\n", ["models"])

    assert page.startswith("before\n")
    assert page.endswith("\nafter\n")
    assert "old" not in page
    assert page == docs.rendered(page, ["models"])
