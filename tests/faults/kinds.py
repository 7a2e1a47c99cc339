"""The faults: what each does to a running stack, and what a person or a supervisor does after."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass

from stream.embedded.broker import Broker
from tests.faults.hooked import STEPS
from tests.faults.proxy import Conditions
from tests.faults.stack import Stack, until

Act = Callable[[Stack], None]
EVERYWHERE = frozenset({"embedded", "kafka"})
ON_KAFKA = frozenset({"kafka"})  # the embedded broker keeps nothing over a restart
CRASHES = 4  # a crash comes at the end of one of the next so many sub-chunks


@dataclass(frozen=True, slots=True)
class Fault:
    """One way of going wrong.

    inflict  does it, in the middle of the load
    heal     takes the cause away; what ended is started again, nothing else is done by hand
    hold_s   how long it lasts
    on       the stacks on which it makes sense
    """

    name: str
    says: str
    inflict: Act
    heal: Act
    hold_s: float = 0.0
    on: frozenset[str] = EVERYWHERE


def named(name: str) -> Fault:
    """Raises KeyError with all names for one that there is not."""
    for fault in FAULTS:
        if fault.name == name:
            return fault
    raise KeyError(f"no fault is called {name!r}: one of {', '.join(f.name for f in FAULTS)}")


def _nothing(_: Stack) -> None:
    pass


def _revive(stack: Stack) -> None:
    stack.revive()


def _line(conditions: Conditions) -> Act:
    return lambda stack: stack.proxy.become(conditions)


def _well(stack: Stack) -> None:
    stack.proxy.heal()


# --- workers


def _kill_one(stack: Stack) -> None:
    stack.workers[0].kill()


def _kill_all(stack: Stack) -> None:
    for worker in stack.workers:
        worker.kill()


def _terminate_one(stack: Stack) -> None:
    code = stack.workers[0].terminate()
    assert code == 0, f"SIGTERM ended in exit code {code}:\n{stack.workers[0].tail()}"


def _suspend_one(stack: Stack) -> None:
    stack.workers[0].suspend()


def _resume_one(stack: Stack) -> None:
    stack.workers[0].resume()


def _leave(stack: Stack) -> None:
    stack.leave()


def _crash_after(step: str) -> Act:
    def inflict(stack: Stack) -> None:
        stack.orders.crash_after(step, stack.chance.randint(1, CRASHES))
        until(lambda: not stack.orders.crash_waits, f"a crash after {step}")

    return inflict


# --- broker and store


def _kill_broker(stack: Stack) -> None:
    stack.broker.kill()


def _start_broker(stack: Stack) -> None:
    stack.broker.start()


def _signal_broker(number: signal.Signals) -> Act:
    def send(stack: Stack) -> None:
        assert not isinstance(stack.broker, Broker)
        os.kill(stack.broker.pid, number)

    return send


def _kill_store(stack: Stack) -> None:
    stack.store.kill()


def _start_store(stack: Stack) -> None:
    stack.store.start()


def _signal_store(number: signal.Signals) -> Act:
    return lambda stack: os.kill(stack.store.pid, number)


def _reset_once(stack: Stack) -> None:
    stack.proxy.reset_all()


# --- orders to workers


def _clock(seconds: float) -> Act:
    return lambda stack: stack.orders.clock(seconds)


def _encoder(what: str) -> Act:
    return lambda stack: stack.orders.encoder(what)


def _answers(status: str) -> Act:
    return lambda stack: stack.orders.qdrant(status)


def _right(stack: Stack) -> None:
    stack.orders.clear()
    stack.revive()


# --- groups and offsets


def _second_group(stack: Stack) -> None:
    stack.join(group="by-mistake")


def _replay(stack: Stack) -> None:
    """As an operator does it: stop the workers, reset the offsets, start them."""
    for worker in stack.workers:
        worker.terminate()
    stack.rewind()


FAULTS: tuple[Fault, ...] = (
    Fault("worker-kill", "one of the workers: kill -9, started again", _kill_one, _revive),
    Fault("workers-kill", "all workers: kill -9, started again", _kill_all, _revive),
    Fault("worker-term", "one of the workers: SIGTERM, started again", _terminate_one, _revive),
    Fault(
        "worker-zombie",
        "one of the workers: SIGSTOP for longer than its session, SIGCONT",
        _suspend_one,
        _resume_one,
        hold_s=12,
    ),
    Fault("worker-joins", "a third worker joins", lambda stack: stack.join(), _nothing),
    Fault("two-join", "two more workers join at once", lambda stack: stack.join(2), _nothing),
    Fault(
        "join-and-leave",
        "a third worker joins, and leaves a moment later",
        lambda stack: stack.join(),
        _leave,
        hold_s=2,
    ),
    Fault(
        "worker-leaves",
        "one of the workers leaves, and comes back 5 s later",
        _terminate_one,
        _revive,
        hold_s=5,
    ),
    *(
        Fault(
            f"crash-after-{step}",
            f"a worker dies between this step of the commit and the next: {step}",
            _crash_after(step),
            _revive,
        )
        for step in STEPS
    ),
    Fault(
        "broker-kill",
        "the broker: kill -9, started again 2 s later",
        _kill_broker,
        _start_broker,
        hold_s=2,
        on=ON_KAFKA,
    ),
    Fault(
        "broker-stop",
        "the broker: SIGSTOP for 20 s",
        _signal_broker(signal.SIGSTOP),
        _signal_broker(signal.SIGCONT),
        hold_s=20,
        on=ON_KAFKA,
    ),
    Fault(
        "qdrant-kill",
        "the store: kill -9, started again 2 s later",
        _kill_store,
        _start_store,
        hold_s=2,
    ),
    Fault(
        "qdrant-stop",
        "the store: SIGSTOP for 20 s",
        _signal_store(signal.SIGSTOP),
        _signal_store(signal.SIGCONT),
        hold_s=20,
    ),
    Fault(
        "qdrant-slow",
        "0.25 s more each way to the store",
        _line(Conditions(latency_s=0.25)),
        _well,
        hold_s=6,
    ),
    Fault(
        "qdrant-narrow",
        "200 kB/s each way to the store",
        _line(Conditions(bytes_per_s=200_000)),
        _well,
        hold_s=6,
    ),
    Fault(
        "qdrant-resets",
        "connections to the store are reset after 3000 bytes of answers, again and again",
        _line(Conditions(reset_after_bytes=3000)),
        _well,
        hold_s=6,
    ),
    Fault(
        "qdrant-reset-once", "every connection to the store is reset once", _reset_once, _nothing
    ),
    Fault(
        "qdrant-black-hole",
        "what is sent to the store is swallowed, nothing is answered",
        _line(Conditions(mute=True)),
        _well,
        hold_s=8,
    ),
    Fault(
        "qdrant-paused",
        "nothing passes between workers and store; all arrives afterwards",
        _line(Conditions(paused=True)),
        _well,
        hold_s=8,
    ),
    Fault(
        "qdrant-refused",
        "connections to the store are refused",
        _line(Conditions(refused=True)),
        _well,
        hold_s=6,
    ),
    *(
        Fault(
            f"qdrant-{status.lower().replace('_', '-')}",
            f"half of the store's answers are {status}, half of those after it did the work",
            _answers(status),
            _right,
            hold_s=6,
        )
        for status in ("UNAVAILABLE", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED")
    ),
    Fault("clock-forward", "the workers' clocks: an hour ahead", _clock(3600), _right, hold_s=5),
    # further back the load's events would lie in the future and be refused
    Fault("clock-back", "the workers' clocks: two minutes back", _clock(-120), _right, hold_s=5),
    Fault("encoder-raises", "every run of the encoder fails", _encoder("raise"), _right, hold_s=4),
    Fault("encoder-memory", "the encoder has no memory", _encoder("memory"), _right, hold_s=4),
    Fault("encoder-hangs", "the encoder does not answer", _encoder("hang"), _right, hold_s=10),
    Fault(
        "second-group",
        "workers of a second group read the same topics and write the same collections",
        _second_group,
        _leave,
        hold_s=5,
    ),
    Fault("replay", "the group's offsets go back to the beginning", _replay, _revive),
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
