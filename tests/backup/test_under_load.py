"""A snapshot amid the load, by the commands that an operator types; then the store is lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Event

import msgspec
import pytest

from stream.backup import broker
from stream.wire.messages import Recommendation, SegmentChange
from tests.backup import deployment as ours
from tests.endtoend.deployment import BOTH, Deployment, deployed
from tests.support import audit, load, records
from tests.support.audit import Found
from tests.support.kafka_workers import until
from tests.support.records import Kept, KeyValue, Sender
from tests.support.worker import ROOT

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

Ended = subprocess.CompletedProcess[str]
USERS, EVENTS, RATE = 40, 800, 20.0


@pytest.fixture(scope="module", params=BOTH)
def deployment(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    folder = tmp_path_factory.mktemp("backup")
    with deployed(request, folder, "backup") as running:
        yield running


def some(todo: Iterator[KeyValue], enough: Event) -> Iterator[KeyValue]:
    """Of what is to be sent, until that is enough."""
    for record in todo:
        yield record
        if enough.is_set():
            return


def interestream(deployment: Deployment, *arguments: str, fails: int = 0) -> Ended:
    """What the command says; it must end with this code."""
    done = subprocess.run(
        [sys.executable, "-m", "stream.cli", *arguments],
        cwd=ROOT,
        env={**os.environ, **deployment.env},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == fails, done.stdout + done.stderr
    return done


def without_repeats(found: Found, ends: Mapping[int, int]) -> Found:
    """Without lists from after the restore that had been published before it, under the same ids.

    The lists of the snapshot's profiles go out once more, as after a crash, though newer ones had
    followed, or a null; events that come again then bring what is newer than all of them.

    ends  partition -> the offset behind the last list from before the restore
    """
    lists: list[tuple[str, Recommendation | None]] = []
    before: set[str] = set()
    for record in records.read(found.settings, "recommendations"):
        one = record.value and msgspec.json.decode(record.value, type=Recommendation)
        if one and record.offset < ends[record.partition]:
            before.add(one.recommendation_id)
        elif one and one.recommendation_id in before:
            continue
        lists.append(((record.key or b"").decode(), one or None))
    return replace(found, lists=lists)


def check_changes_end_where_profiles_are(found: Found, ends: Mapping[int, int]) -> None:
    """The newest change since the restore is what holds; one that comes again says nothing new.

    Changes of before and after are no one chain: where the lost store had moved a user on, and the
    events that come again do not, nothing takes that back.

    ends  partition -> the offset behind the last change from before the restore
    """
    newest: dict[str, SegmentChange] = {}
    told: set[str] = set()
    for record in records.read(found.settings, "segments"):
        if record.value is not None and record.offset >= ends[record.partition]:
            change = msgspec.json.decode(record.value, type=SegmentChange)
            if change.change_id not in told:
                newest[change.user_id] = change
            told.add(change.change_id)
    wrong = {
        user: (newest[user].to, profile.membership)
        for user, profile in found.profiles.items()
        if user in newest
        and profile.membership is not None
        and newest[user].to != profile.membership.segment
    }
    assert not wrong


def check_repeats_are_the_same(letters: Sequence[Kept]) -> None:
    """A dead letter that goes out again replaces itself with the same.

    Only what it says of a time ahead of the clock depends on when it was looked at.
    """
    seen: dict[bytes | None, tuple[bytes | None, dict[str, bytes]]] = {}
    for letter in letters:
        if letter.value is not None:
            headers = dict(letter.headers)
            if headers["dl_reason"] == b"in_future":
                del headers["dl_message"]
            content = (letter.value, headers)
            assert seen.setdefault(letter.key, content) == content


async def test_what_the_snapshot_lacks_comes_again_and_what_it_has_is_recognised(
    deployment: Deployment, model_dir: Path, tmp_path: Path
) -> None:
    settings, into = deployment.settings(), str(tmp_path / "snapshot")
    sender = Sender(settings)
    plan = load.Load(users=USERS, events=EVENTS, now=time.time())
    todo, enough = iter([one.record for one in plan.events]), Event()
    with deployment.worker().start() as worker, ThreadPoolExecutor(1) as aside:
        sender.burst("items", load.items())
        until(sender.committed, "items committed")
        sending = aside.submit(sender.paced, "events", some(todo, enough), RATE)
        until(lambda: worker.counters().events > EVENTS // 10, "work under way")
        saved = json.loads(interestream(deployment, "snapshot", into, "--json").stdout)
        done = worker.counters().events
        assert not sending.done(), "the load was over before the snapshot"
        until(lambda: worker.counters().events > done + EVENTS // 10, "work goes on")
        refused = interestream(deployment, "restore", into, fails=2).stderr
        assert "members read with the group" in refused
        assert "--replace" in refused
        worker.kill()
        enough.set()
        sending.result()
        await ours.Deployment(settings).lose()

        members = []
        if deployment.extra.get("INTERESTREAM_KAFKA_IDEMPOTENCE") == "false":
            members = ["--evict"]  # the embedded broker lists the dead for ever
        else:
            until(lambda: not broker.members(settings), "the group is empty", within_s=90)
        sender.burst("events", todo)
        _, outputs = broker.topics_now(settings, ["recommendations", "segments"])
        ends, changes_end = (
            {number: bounds.end for number, bounds in topic.partitions.items()} for topic in outputs
        )
        told = interestream(deployment, "restore", into, *members)
        assert "come again" in told.stdout
        worker.start(segments_refit_s="3600")  # one fit, then no more changes
        until(sender.committed, "everything committed")
        until(lambda: worker.settled, "users moved to the last segments")
        assert worker.counters().already_applied > 0, "nothing lay behind the offsets"
        found = await audit.look_when_quiet(settings, model_dir)

    wanted = audit.expected(found, plan.fate)
    assert 0 < saved["collections"][0]["points"] < len(wanted)
    audit.check_profiles(found, wanted)
    audit.check_lists(without_repeats(found, ends), wanted)
    audit.check_letters(found, plan.fate)
    check_changes_end_where_profiles_are(found, changes_end)
    check_repeats_are_the_same(found.letters)
