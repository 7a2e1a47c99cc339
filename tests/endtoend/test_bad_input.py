"""Thousands of spoilt messages through the running service: each is accounted for, none hurts."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from stream.errors import Reject
from stream.settings import Settings
from stream.wire.decode import Limits, Skipped, decode_event, decode_item
from tests.endtoend import messages
from tests.endtoend.deployment import embedded
from tests.support import audit, load, records
from tests.support.kafka_workers import until
from tests.support.records import Kept, KeyValue, Sender
from tests.support.worker import WorkerProcess

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

BAD_EVENTS, BAD_ITEMS = 2000, 600
USERS, EVENTS = 30, 300
#: The largest value fits, and is refused for its size; the topic takes a little more.
MAX_VALUE_BYTES = str(messages.VERY_LONG + 5000)


@dataclass(frozen=True)
class Aftermath:
    """What is left when everything was sent and acknowledged."""

    settings: Settings
    worker: WorkerProcess
    sender: Sender
    plan: load.Load
    events: list[Kept]
    items: list[Kept]
    letters: dict[bytes | None, Kept]

    def fates(self, name: str) -> dict[str, str]:
        """Place of a record -> what should become of it, as the decoder alone says."""
        topic = {"events": self.events, "items": self.items}[name]
        return {record.place: fate(record, name, self.settings) for record in topic}


def fate(record: Kept, name: str, settings: Settings) -> str:
    """ "applied", or the reason why not."""
    limits = Limits.of(settings)
    try:
        if name == "items":
            decode_item(record.value, record.key, limits=limits, dimension=load.DIMENSION)
            return "applied"
        types = settings.event_types
        found = decode_event(
            record.value, record.key, limits=limits, event_types=types, now=time.time()
        )
    except Reject as why:
        return why.reason
    return found.reason if isinstance(found, Skipped) else "applied"


@pytest.fixture(scope="module")
def aftermath(tmp_path_factory: pytest.TempPathFactory, model_dir: Path) -> Iterator[Aftermath]:
    folder, now = tmp_path_factory.mktemp("bad-input"), time.time()
    plan = load.Load(users=USERS, events=EVENTS, now=now)
    good = [one.record for one in plan.events]
    with (
        embedded(folder, max_value_bytes=MAX_VALUE_BYTES) as deployment,
        deployment.worker().start() as worker,
    ):
        settings = deployment.settings()
        sender = Sender(settings)
        sender.burst("items", mixed(load.items(), messages.bad_items(now, BAD_ITEMS)))
        until(sender.committed, "items committed")
        sender.burst("events", mixed(good, messages.bad_events(now, BAD_EVENTS)))
        until(sender.committed, "events committed", within_s=90)
        yield Aftermath(
            settings,
            worker,
            sender,
            plan,
            records.read(settings, "events"),
            records.read(settings, "items"),
            {letter.key: letter for letter in records.read(settings, "dead-letters")},
        )


def mixed(good: Sequence[KeyValue], bad: Sequence[KeyValue]) -> list[KeyValue]:
    """Both, each in its order, well shuffled into each other."""
    turns = [True] * len(good) + [False] * len(bad)
    random.Random(0).shuffle(turns)
    sources = {True: iter(good), False: iter(bad)}
    return [next(sources[turn]) for turn in turns]


def test_every_record_is_accounted_for(aftermath: Aftermath) -> None:
    """Acknowledged = sent = applied + already applied + skipped + dead letters."""
    wanted = Counter(aftermath.fates("events").values())
    counters = aftermath.worker.counters()
    forgotten = counters.skipped.pop("forgotten", 0)

    assert counters.events == aftermath.sender.sent["events"] == len(aftermath.events)
    assert counters.applied + counters.already_applied + forgotten == wanted.pop("applied")
    assert counters.skipped | counters.dead_letters == dict(wanted)


def test_every_item_is_accounted_for(aftermath: Aftermath) -> None:
    wanted = Counter(aftermath.fates("items").values())
    worker = aftermath.worker

    assert worker.counters().items == aftermath.sender.sent["items"] == len(aftermath.items)
    assert worker.metric("results_total", topic="items", result="applied") == wanted.pop("applied")
    for reason, count in wanted.items():
        told = worker.metric("dead_letters_total", topic="items", reason=reason)
        assert (reason, told) == (reason, count)


def test_each_refused_record_is_one_dead_letter_with_its_reason(aftermath: Aftermath) -> None:
    counted = {"applied", *load.COUNTED}
    wanted = {
        place.encode(): reason
        for name in ("events", "items")
        for place, reason in aftermath.fates(name).items()
        if reason not in counted
    }

    told = {key: one.headers["dl_reason"].decode() for key, one in aftermath.letters.items()}
    assert told == wanted
    assert "bug" not in wanted.values()


def test_a_refused_value_is_kept_as_it_came(aftermath: Aftermath) -> None:
    """Up to twice the limit, 10 MB here."""
    for record in (*aftermath.events, *aftermath.items):
        letter = aftermath.letters.get(record.place.encode())
        if letter is not None:
            assert letter.value == (record.value or b"")


def test_most_reasons_there_are_were_met(aftermath: Aftermath) -> None:
    """The messages are as bad as they should be."""
    met = {*aftermath.fates("events").values(), *aftermath.fates("items").values()}

    assert len(met) >= 20, sorted(met)


async def test_good_events_among_bad_ones_all_count(aftermath: Aftermath, model_dir: Path) -> None:
    """Their users have the profiles and the published lists that the good events determine."""
    found = await audit.look_when_quiet(aftermath.settings, model_dir)
    found = found.only(lambda user: user.startswith(("user-", "visitor-", "wanderer-")))

    audit.check_profiles(found, wanted := audit.expected(found, aftermath.plan.fate))
    audit.check_lists(found, wanted)


def test_the_worker_is_well(aftermath: Aftermath) -> None:
    assert aftermath.worker.ready
    assert aftermath.worker.alive
