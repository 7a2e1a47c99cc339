"""`interestream simulate --live` in a loop with a running worker."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from stream.cli import app
from stream.demo.audience import Audience
from stream.demo.observe import Counters
from stream.evaluate.simulate import read
from stream.evaluate.simulation.files import EVENTS, ITEMS, TRUTH
from stream.wire.messages import Recommendation
from tests.endtoend.deployment import embedded
from tests.support.kafka_workers import until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

USERS, ITEMS_THERE = 60, 80
WORLD = [
    *("--users", str(USERS), "--items", str(ITEMS_THERE), "--days", "2", "--events-per-day", "15"),
    *("--births", "0.2", "--deaths", "0.2", "--bots", "0", "--bursts", "0", "--groups", "4"),
    *("--drifting", "0"),
]
SPEED = 2 * 86_400 / 12  # all of it in twelve seconds
FRONT_PAGE = "-page"
UPPER = 5  # places of ten


@dataclass(frozen=True)
class Run:
    """What a run of the command left, and what was published meanwhile.

    counters  of the worker, when it had done all
    """

    folder: Path
    said: str
    events: list[dict[str, Any]]
    lists: dict[str, Recommendation]
    counters: Counters
    refused_items: float

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["type"] == kind]

    @property
    def answers(self) -> list[tuple[dict[str, Any], Recommendation]]:
        """Clicks on published lists."""
        clicks = self.of("click")
        return [(e, self.lists[e["recommendation_id"]]) for e in clicks if self.is_ours(e)]

    def is_ours(self, event: dict[str, Any]) -> bool:
        return event.get("recommendation_id") in self.lists


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, model_dir: Path) -> Iterator[Run]:
    folder = tmp_path_factory.mktemp("simulated")
    with embedded(folder, replica_poll_s="0.2") as deployment:
        with deployment.worker().start() as worker:
            audience = Audience(deployment.settings())
            audience.start()
            out = folder / "world"
            command = ["simulate", "--live", *WORLD, "--speed", f"{SPEED}", "--out", str(out)]
            done = CliRunner().invoke(app, command, env=deployment.env)
            assert done.exit_code == 0, (done.output, done.exception)
            events = [json.loads(line) for line in (out / EVENTS).read_bytes().splitlines()]
            until(lambda: worker.counters().events >= len(events), "all events acknowledged")
            until(lambda: f"{worker.counters().items} items" in done.stdout, "all items as well")
            published = worker.counters().lists
            until(lambda: len(audience.received) >= published, "all lists received")
            counters = worker.counters()
            refused = worker.metric("dead_letters_total")
            audience.stop()
        lists = {name: one.message for name, one in audience.received.items()}
        yield Run(out, done.stdout, events, lists, counters, refused)


def test_all_that_is_sent_is_taken(run: Run) -> None:
    """Nothing is refused, nothing left out, nothing from the future; the truth is beside it."""
    counters = run.counters

    assert counters.events == counters.applied == len(run.events)
    assert (counters.skipped, counters.dead_letters, run.refused_items) == ({}, {}, 0)
    assert counters.items >= ITEMS_THERE == len((run.folder / ITEMS).read_bytes().splitlines())
    assert f"{counters.items} items and {len(run.events)} events sent and confirmed" in run.said
    assert {user.id for user in read(run.folder / TRUTH).users} == {
        f"user-{n}" for n in range(USERS)
    }


def test_people_are_shown_the_lists_that_come_back(run: Run) -> None:
    """Each as it was published; the front page only before there is one."""
    shown = run.of("impression")
    ours = [event for event in shown if run.is_ours(event)]

    assert all(e["recommendation_id"].endswith(FRONT_PAGE) for e in shown if not run.is_ours(e))
    assert len(ours) > USERS
    for event in ours:
        published = run.lists[event["recommendation_id"]]
        assert published.user_id == event["user_id"]
        assert event["offers"] == [offer.item_id for offer in published.items]
    versions: Counter[str] = Counter()
    for event in ours:
        version = run.lists[event["recommendation_id"]].version
        assert version >= versions[event["user_id"]]
        versions[event["user_id"]] = version


def test_what_is_clicked_is_what_the_lists_hold(run: Run) -> None:
    answers = run.answers

    assert len(answers) > USERS / 2
    for event, published in answers:
        assert published.items[event["position"] - 1].item_id == event["item_id"]


def test_upper_places_are_clicked_more_whatever_is_in_them(run: Run) -> None:
    """Lists have the best on top: so clicks are measured by how much people like what is there."""
    truth = read(run.folder / TRUTH)
    liked, clicked = {True: 0.0, False: 0.0}, {True: 0, False: 0}
    for event in filter(run.is_ours, run.of("impression")):
        shares = truth.shares_at(event["user_id"], 0.0)
        for place, item in enumerate(event["offers"], 1):
            liked[place <= UPPER] += shares[truth.category_of[item]] / max(shares.values())
    for event, _ in run.answers:
        clicked[event["position"] <= UPPER] += 1

    assert clicked[True] / liked[True] > 1.4 * clicked[False] / liked[False]


def test_lists_made_from_what_people_did_are_more_to_their_taste_than_the_front_page(
    run: Run,
) -> None:
    truth = read(run.folder / TRUTH)

    def liked(ours: bool) -> float:
        """How much people like what they are shown, in the mean; 1: all of their foremost kind."""
        worth = []
        for event in run.of("impression"):
            if run.is_ours(event) is ours:
                shares = truth.shares_at(event["user_id"], 0.0)
                kinds = [shares[truth.category_of[item]] for item in event["offers"]]
                worth += [share / max(shares.values()) for share in kinds]
        return sum(worth) / len(worth)

    assert liked(True) > 1.1 * liked(False)
