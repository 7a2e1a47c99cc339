"""From rankings to the figures that a file and a page hold."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from stream.commands import evaluate as command
from stream.commands.evaluate import Options, variants
from stream.errors import Misconfigured
from stream.evaluate.curves import curves
from stream.evaluate.page import page
from stream.evaluate.play import Variant
from stream.evaluate.report import show
from stream.evaluate.summary import summary
from tests.evaluate.parts import EVERY, FIRST, TUNING, dataset, played, whole

OPTIONS = Options(("planted",), first=FIRST, every=EVERY, ablate=True)


@pytest.fixture(scope="module")
def found() -> dict[str, object]:
    chosen = variants(TUNING, ablate=True)[:4]
    ranked = played(dataset().events, variants=chosen)
    return command.result(dataset(), ranked, TUNING, OPTIONS)


def test_the_json_has_every_method_with_its_figures(found: dict[str, object]) -> None:
    read = json.loads(json.dumps(found))
    names = {"hr@10", "ndcg@10", "mrr", "coverage@10", "gini", "novelty", "diversity"}
    names |= {"calibration_kl", "serendipity", "precision@10", "recall@10", "f1@10"}

    assert {"interestream", "interestream (score)", "popularity", "random", "content"} <= set(
        read["methods"]
    )
    for own in read["methods"].values():
        assert names <= own.keys()
        low, high = own["ndcg@10_interval"]
        assert low <= own["ndcg@10"] <= high
        assert own["hr@1"] <= own["hr@5"] <= own["hr@10"]
    assert read["events"] == len(whole())
    assert (read["protocol"], read["settings"]["first"]) == ("prequential", FIRST)
    assert read["settings"]["hotness_part"] == TUNING.hotness_part


def test_every_event_is_in_one_bucket_of_each_kind(found: dict[str, object]) -> None:
    by = found["by"]
    assert isinstance(by, dict)
    assert set(by) == {"user_history", "item_age", "item_uses", "user_taste"}
    for kind, buckets in by.items():
        events = [one["events"] for name, one in buckets.items() if name != "gap"]
        assert sum(events) == len(whole()), kind
    gap, tastes = by["user_taste"]["gap"], by["user_taste"]
    assert gap["popularity"] == pytest.approx(
        abs(tastes["even"]["popularity"]["ndcg@10"] - tastes["odd"]["popularity"]["ndcg@10"])
    )


def test_cold_users_and_items_stand_apart() -> None:
    ranked = whole()
    cold = replace(
        ranked,
        history=np.where(np.arange(len(ranked)) < 7, 0, ranked.history),
        item_age=np.where(np.arange(len(ranked)) < 4, np.nan, ranked.item_age),
    )

    by = summary(cold, {})["by"]

    assert by["user_history"]["cold"]["events"] == 7
    assert by["item_age"]["cold"]["events"] >= 4


def test_an_ablation_turns_one_thing_off_in_each_variant() -> None:
    chosen = variants(TUNING, ablate=True)

    assert [one.name for one in chosen[:2]] == ["interestream", "interestream (score)"]
    for one in chosen[2:]:
        name = one.name.removeprefix("without ")
        changed = {
            field
            for field in TUNING.__dataclass_fields__
            if getattr(one.tuning, field) != getattr(TUNING, field)
        }
        assert changed in ({f"{name}_part"}, {name})
        assert getattr(one.tuning, changed.pop()) == 0
    assert {"without neighbours", "without hotness", "without diversity"} <= {
        one.name for one in chosen
    }
    assert len(variants(replace(TUNING, diversity=0.0), ablate=True)) == len(chosen) - 1


def test_what_is_worth_nothing_is_not_called_sure() -> None:
    same = [*variants(TUNING, ablate=False), Variant("without nothing", TUNING)]
    ranked = played(dataset().events, variants=same)

    worth = summary(ranked, {})["ablation"]["nothing"]["ndcg@10"]

    assert (worth["difference"], worth["sure"]) == (0, False)
    assert "without nothing" not in summary(ranked, {})["methods"]


class Tags(HTMLParser):
    """Open tags, and whatever would be loaded from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.loads: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.loads += [name for name, _ in attrs if name in ("src", "href")]
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_whole_and_loads_nothing(found: dict[str, object]) -> None:
    lines = curves(whole())
    tags = Tags()

    tags.feed(page({**found, "data": "<planted> & co"}, lines))

    assert tags.open == []
    assert tags.loads == []
    assert tags.seen.count("polyline") == len(lines) == len(whole().methods)
    assert "&lt;planted&gt; &amp; co" in page({**found, "data": "<planted> & co"}, lines)


def test_the_tables_name_every_method(found: dict[str, object]) -> None:
    console = Console(width=200, record=True, file=StringIO())

    show(found, console)

    text = console.export_text()
    methods = found["methods"]
    assert isinstance(methods, dict)
    for name in (*methods, "user history", "item age", "what each part is worth", "RMSE"):
        assert name in text, name


def test_a_picture_without_its_package_is_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)

    with pytest.raises(Misconfigured, match="pip install matplotlib"):
        command.check_report(tmp_path / "report.png")


def test_a_report_of_another_kind_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"\.html or \.png"):
        command.check_report(tmp_path / "report.pdf")
