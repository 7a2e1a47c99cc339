"""One round: a load, a fault at a random moment of it, and what is left when all is quiet."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass

from tests.faults.feed import Feed
from tests.faults.kinds import Fault
from tests.faults.share import Share
from tests.faults.stack import QUIET_S, Stack, until
from tests.faults.tally import Tally, tally
from tests.support import audit
from tests.support.records import KeyValue

MARGIN_S = 4.0  # of load around a fault
SURGE_S = 0.4  # a surge is in hand for about so long
AUDIT_S = 75.0  # a segment change that a crash left behind is sent half a minute on
USERS_PER_EVENT = 0.07


@dataclass(frozen=True, slots=True)
class Round:
    """What a round found.

    events   records sent
    back_s   from the end of the fault until every partition that has work goes on with it
    last_s   ... until everything sent before the end of the fault is acknowledged: what has come
             together meanwhile is worked off, which depends on the load and the machine
    """

    fault: str
    events: int
    tally: Tally
    back_s: float
    last_s: float


def play(stack: Stack, fault: Fault, *, events: int, seed: int) -> Round:
    """Send `events` good events and the bad ones among them; break, mend, wait, check.

    Raises AssertionError where the stack does not become quiet again.
    """
    chance = stack.chance = random.Random(seed)
    users = round(events * USERS_PER_EVENT)
    plan = Share(len(stack.plans), users=users, events=events, now=time.time(), seed=seed)
    stack.plans.append(plan)
    records = [one.record for one in plan.events]
    steady, surge = _split(records)
    feed = stack.feed = Feed(stack.sender, steady, len(steady) / (fault.hold_s + MARGIN_S), surge)
    feed.start()
    try:
        time.sleep(chance.uniform(0.2, 0.5) * MARGIN_S)
        known = stack.committed()
        for step in (fault.inflict, _surge) if fault.first else (_surge, fault.inflict):
            step(stack)
        time.sleep(fault.hold_s)
        sent = dict(stack.sender.ends["events"])
        fault.heal(stack)
        back_s, last_s = recovery(stack, _reached(stack, known), sent)
    finally:
        feed.finish()
    stack.leave()
    stack.quiet()
    return Round(fault.name, len(records), _checked(stack), back_s, last_s)


def _surge(stack: Stack) -> None:
    """The load swells; returns while that is in hand."""
    stack.feed.swell()
    time.sleep(stack.chance.uniform(0.0, SURGE_S))


def _split(records: list[KeyValue]) -> tuple[list[KeyValue], list[KeyValue]]:
    """What is sent at a rate, and what comes at once, to be in hand when it goes wrong: chunks
    of a few records would seldom hold one that nothing later makes up for."""
    first, last = len(records) // 5, len(records) * 4 // 5
    return records[:first] + records[last:], records[first:last]


def recovery(
    stack: Stack, before: Mapping[int, int], sent: Mapping[int, int]
) -> tuple[float, float]:
    """Seconds until every partition with something to do is acknowledged beyond `before`, and until
    all of `sent` is.

    Both by partition. Where everything was acknowledged before, both are as good as 0.
    """
    started, back_s = time.monotonic(), [0.0]
    todo = {place: end for place, end in sent.items() if before.get(place, 0) < end}

    def done() -> bool:
        stack.revive()
        now = stack.committed()
        if not back_s[0] and all(now.get(place, 0) > before.get(place, 0) for place in todo):
            back_s[0] = time.monotonic() - started
        return all(now.get(place, 0) >= end for place, end in todo.items())

    last_s = until(done, "acknowledged after the fault", within_s=QUIET_S, tell=stack.tails)
    return back_s[0], last_s


def _reached(stack: Stack, known: dict[int, int]) -> dict[int, int]:
    """What is acknowledged by now; `known` from before where the broker does not say."""
    try:
        return stack.committed()
    except Exception:  # noqa: BLE001  # it is the fault's business how it fails
        return known


def _checked(stack: Stack) -> Tally:
    """What is wrong for good: looked at again while it may still mend itself."""
    deadline = time.monotonic() + AUDIT_S
    while True:
        found = asyncio.run(audit.look(stack.settings, stack.model_dir))
        result = tally(stack.past.beside(found), stack.fate, stack.sender.ends["events"])
        if result.clean or time.monotonic() > deadline:
            return result
