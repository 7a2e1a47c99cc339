"""The faults: what each does to a running stack, and what a person or a supervisor does after."""

from __future__ import annotations

import signal
from dataclasses import dataclass

from tests.faults import acts, losses
from tests.faults.acts import Act
from tests.faults.hooked import FULL, STEPS
from tests.faults.proxy import Conditions

EVERYWHERE = frozenset({"embedded", "kafka"})
ON_KAFKA = frozenset({"kafka"})  # the embedded broker keeps nothing over a restart
REWINDS = ON_KAFKA  # nor does it put offsets back: it goes on counting members that have left


@dataclass(frozen=True, slots=True)
class Fault:
    """One way of going wrong.

    inflict  does it, in the middle of the load
    heal     takes the cause away; what ended is started again, nothing else is done by hand
    hold_s   how long it lasts
    on       the stacks on which it makes sense
    first    before the load swells: what comes of it is to be seen in the events after it
    """

    name: str
    says: str
    inflict: Act
    heal: Act
    hold_s: float = 0.0
    on: frozenset[str] = EVERYWHERE
    first: bool = False


def named(name: str) -> Fault:
    """Raises KeyError with all names for one that there is not."""
    for fault in FAULTS:
        if fault.name == name:
            return fault
    raise KeyError(f"no fault is called {name!r}: one of {', '.join(f.name for f in FAULTS)}")


#: (name, what it is, conditions of the line, how long)
BROKER_LINES = (
    ("slow", "0.25 s more each way to the broker", Conditions(latency_s=0.25), 6.0),
    ("narrow", "200 kB/s each way to the broker", Conditions(bytes_per_s=200_000), 6.0),
    (
        "resets",
        "connections to the broker are reset after 3000 bytes of answers, again and again",
        Conditions(reset_after_bytes=3000),
        6.0,
    ),
    (
        "black-hole",
        "what workers send to the broker is swallowed, nothing is answered",
        Conditions(mute=True),
        8.0,
    ),
    (
        "paused",
        "nothing passes between workers and broker; all arrives afterwards",
        Conditions(paused=True),
        8.0,
    ),
    (
        "refused",
        "the workers' connections to the broker are refused",
        Conditions(refused=True),
        6.0,
    ),
)

FAULTS: tuple[Fault, ...] = (
    Fault("worker-kill", "one of the workers: kill -9, started again", acts.kill_one, acts.revive),
    Fault("workers-kill", "all workers: kill -9, started again", acts.kill_all, acts.revive),
    Fault(
        "worker-term", "one of the workers: SIGTERM, started again", acts.terminate_one, acts.revive
    ),
    Fault(
        "worker-zombie",
        "one of the workers: SIGSTOP for longer than its session, SIGCONT",
        acts.suspend_one,
        acts.resume_one,
        hold_s=12,
    ),
    Fault("worker-joins", "a third worker joins", lambda stack: stack.join(), acts.nothing),
    Fault("two-join", "two more workers join at once", lambda stack: stack.join(2), acts.nothing),
    Fault(
        "join-and-leave",
        "a third worker joins, and leaves a moment later",
        lambda stack: stack.join(),
        acts.leave,
        hold_s=2,
    ),
    Fault(
        "worker-leaves",
        "one of the workers leaves, and comes back 5 s later",
        acts.terminate_one,
        acts.revive,
        hold_s=5,
    ),
    *(
        Fault(
            f"crash-after-{step}",
            f"a worker dies between this step of the commit and the next: {step}",
            acts.crash_after(step),
            acts.revive,
        )
        for step in STEPS
    ),
    Fault(
        "broker-kill",
        "the broker: kill -9, started again 2 s later",
        acts.kill_broker,
        losses.start_broker,
        hold_s=2,
        on=ON_KAFKA,
    ),
    Fault(
        "broker-stop",
        "the broker: SIGSTOP for 20 s",
        acts.signal_broker(signal.SIGSTOP),
        acts.signal_broker(signal.SIGCONT),
        hold_s=20,
        on=ON_KAFKA,
    ),
    Fault(
        "broker-disk-full",
        "the broker's files may not grow, and it gives up; started again when they may",
        losses.fill_broker_disk,
        losses.free_broker_disk,
        hold_s=4,
        on=ON_KAFKA,
    ),
    *(
        Fault(
            f"broker-{name}", says, acts.broker_line(conditions), acts.broker_well, hold_s, ON_KAFKA
        )
        for name, says, conditions, hold_s in BROKER_LINES
    ),
    Fault(
        "broker-reset-once",
        "every connection of the workers to the broker is reset once",
        acts.reset_broker_once,
        acts.nothing,
        on=ON_KAFKA,
    ),
    Fault(
        "broker-forgotten",
        "nothing passes any more on the workers' open connections to the broker; nobody is told",
        acts.forget_broker,
        acts.nothing,
        on=ON_KAFKA,
    ),
    Fault(
        "qdrant-kill",
        "the store: kill -9, started again 2 s later",
        acts.kill_store,
        acts.start_store,
        hold_s=2,
    ),
    Fault(
        "qdrant-stop",
        "the store: SIGSTOP for 20 s",
        acts.signal_store(signal.SIGSTOP),
        acts.signal_store(signal.SIGCONT),
        hold_s=20,
    ),
    Fault(
        "qdrant-slow",
        "0.25 s more each way to the store",
        acts.line(Conditions(latency_s=0.25)),
        acts.well,
        hold_s=6,
    ),
    Fault(
        "qdrant-far",
        "0.6 s more each way to the store, and every connection to it is made anew",
        acts.far,
        acts.well,
        hold_s=8,
    ),
    Fault(
        "qdrant-narrow",
        "200 kB/s each way to the store",
        acts.line(Conditions(bytes_per_s=200_000)),
        acts.well,
        hold_s=6,
    ),
    Fault(
        "qdrant-resets",
        "connections to the store are reset after 3000 bytes of answers, again and again",
        acts.line(Conditions(reset_after_bytes=3000)),
        acts.well,
        hold_s=6,
    ),
    Fault(
        "qdrant-reset-once",
        "every connection to the store is reset once",
        acts.reset_once,
        acts.nothing,
    ),
    Fault(
        "qdrant-forgotten",
        "nothing passes any more on the open connections to the store; nobody is told",
        lambda stack: stack.proxy.forget_all(),
        acts.nothing,
    ),
    Fault(
        "qdrant-black-hole",
        "what is sent to the store is swallowed, nothing is answered",
        acts.line(Conditions(mute=True)),
        acts.well,
        hold_s=8,
    ),
    Fault(
        "qdrant-paused",
        "nothing passes between workers and store; all arrives afterwards",
        acts.line(Conditions(paused=True)),
        acts.well,
        hold_s=8,
    ),
    Fault(
        "qdrant-refused",
        "connections to the store are refused",
        acts.line(Conditions(refused=True)),
        acts.well,
        hold_s=6,
    ),
    *(
        Fault(
            f"qdrant-{status.lower().replace('_', '-')}",
            f"half of the store's answers are {status}, half of those after it did the work",
            acts.answers(status),
            acts.right,
            hold_s=6,
        )
        for status in ("UNAVAILABLE", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED")
    ),
    Fault(
        "qdrant-disk-full",
        "the store refuses every write for want of space; it can be read",
        acts.answers(FULL),
        acts.right,
        hold_s=6,
    ),
    Fault(
        "clock-forward",
        "the workers' clocks: an hour ahead",
        acts.clock(3600),
        acts.right,
        hold_s=5,
    ),
    # further back the load's events would lie in the future and be refused
    Fault(
        "clock-back",
        "the workers' clocks: two minutes back",
        acts.clock(-120),
        acts.right,
        hold_s=5,
    ),
    Fault(
        "encoder-raises",
        "every run of the encoder fails",
        acts.encoder("raise"),
        acts.right,
        hold_s=4,
    ),
    Fault(
        "encoder-memory", "the encoder has no memory", acts.encoder("memory"), acts.right, hold_s=4
    ),
    Fault(
        "encoder-hangs", "the encoder does not answer", acts.encoder("hang"), acts.right, hold_s=10
    ),
    Fault(
        "second-group",
        "workers of a second group read the same topics and write the same collections",
        acts.second_group,
        acts.leave,
        hold_s=5,
    ),
    Fault(
        "replay",
        "the group's offsets go back to the beginning",
        losses.rewind,
        acts.revive,
        on=REWINDS,
    ),
    Fault(
        "group-forgotten",
        "the group's offsets are deleted, those of items and signals too, the store is full",
        losses.forget_group,
        acts.revive,
        on=ON_KAFKA,
    ),
    Fault(
        "store-empty",
        "the store's data are gone and come back from a backup; workers refuse to start between",
        losses.empty_store,
        acts.revive,
    ),
    Fault(
        "users-lost",
        "all profiles are gone; workers refuse to start until the offsets are put back",
        losses.lose_users,
        acts.revive,
        on=REWINDS,
    ),
    Fault(
        "partitions-added",
        "two partitions are added to the events' topic",
        losses.add_partitions,
        acts.nothing,
        hold_s=3,
        on=ON_KAFKA,
        first=True,
    ),
    Fault(
        "topic-made-again",
        "the events' topic is deleted and made again, with the workers stopped",
        losses.make_again_without_workers,
        acts.revive,
        on=ON_KAFKA,
        first=True,
    ),
    Fault(
        "topic-made-again-live",
        "the events' topic is deleted and made again below running workers",
        losses.make_again_below_workers,
        acts.nothing,
        hold_s=3,
        on=ON_KAFKA,
        first=True,
    ),
)

#: A round of each of these says the most in the least time.
SHORT = (
    "worker-kill",
    "worker-zombie",
    "two-join",
    "crash-after-save",
    "crash-after-publish",
    "qdrant-kill",
    "qdrant-resets",
    "qdrant-deadline-exceeded",
)
