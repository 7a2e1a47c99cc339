"""What faults do to a stack, and how that is taken back."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

from stream.embedded.broker import Broker
from tests.faults.proxy import Conditions
from tests.faults.stack import Stack, until

Act = Callable[[Stack], None]
CRASHES = 4  # a crash comes at the end of one of the next so many sub-chunks


def nothing(_: Stack) -> None:
    pass


def revive(stack: Stack) -> None:
    stack.revive()


def line(conditions: Conditions) -> Act:
    return lambda stack: stack.proxy.become(conditions)


def well(stack: Stack) -> None:
    stack.proxy.heal()


# --- workers


def kill_one(stack: Stack) -> None:
    stack.workers[0].kill()


def kill_all(stack: Stack) -> None:
    for worker in stack.workers:
        worker.kill()


def terminate_one(stack: Stack) -> None:
    code = stack.workers[0].terminate()
    assert code == 0, f"SIGTERM ended in exit code {code}:\n{stack.workers[0].tail()}"


def suspend_one(stack: Stack) -> None:
    stack.workers[0].suspend()


def resume_one(stack: Stack) -> None:
    stack.workers[0].resume()


def leave(stack: Stack) -> None:
    stack.leave()


def crash_after(step: str) -> Act:
    def inflict(stack: Stack) -> None:
        stack.orders.crash_after(step, stack.chance.randint(1, CRASHES))
        until(lambda: not stack.orders.crash_waits, f"a crash after {step}")

    return inflict


# --- broker and store


def kill_broker(stack: Stack) -> None:
    stack.broker.kill()


def signal_broker(number: signal.Signals) -> Act:
    def send(stack: Stack) -> None:
        assert not isinstance(stack.broker, Broker)
        os.kill(stack.broker.pid, number)

    return send


def kill_store(stack: Stack) -> None:
    stack.store.kill()


def start_store(stack: Stack) -> None:
    stack.store.start()


def signal_store(number: signal.Signals) -> Act:
    return lambda stack: os.kill(stack.store.pid, number)


def reset_once(stack: Stack) -> None:
    stack.proxy.reset_all()


def far(stack: Stack) -> None:
    stack.proxy.become(Conditions(latency_s=0.6))
    stack.proxy.reset_all()


# --- the line to the broker


def broker_line(conditions: Conditions) -> Act:
    def become(stack: Stack) -> None:
        assert stack.line is not None
        stack.line.become(conditions)

    return become


def broker_well(stack: Stack) -> None:
    assert stack.line is not None
    stack.line.heal()


def reset_broker_once(stack: Stack) -> None:
    assert stack.line is not None
    stack.line.reset_all()


def forget_broker(stack: Stack) -> None:
    assert stack.line is not None
    stack.line.forget_all()


# --- orders to workers


def clock(seconds: float) -> Act:
    return lambda stack: stack.orders.clock(seconds)


def encoder(what: str) -> Act:
    return lambda stack: stack.orders.encoder(what)


def answers(status: str) -> Act:
    return lambda stack: stack.orders.qdrant(status)


def right(stack: Stack) -> None:
    stack.orders.clear()
    stack.revive()


# --- groups


def second_group(stack: Stack) -> None:
    stack.join(group="by-mistake")
