"""`interestream up`: the embedded broker, store and one worker, until Ctrl-C or SIGTERM."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path

from stream.embedded.broker import Broker
from stream.embedded.stack import Stack
from stream.errors import Failed, Misconfigured
from stream.models import model_folder
from stream.settings import Settings

POLL_S = 0.2
SHORTEST_S, LONGEST_S = 1.0, 30.0  # between a worker's death and its restart
STEADY_S = 60.0  # a worker that lived this long starts the waits anew

Say = Callable[[str], object]


def up(settings: Settings, data_dir: Path, port: int, say: Say) -> None:
    """Start everything and keep it up; returns after Ctrl-C or SIGTERM, with all of it stopped.

    port  of the broker; the store takes the two after it (HTTP, gRPC). 0: free ones

    Raises Misconfigured where something does not start, and Failed where it does not stay.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    stack = _stack(settings, data_dir, port, say)
    try:
        with stack:
            stack.start_worker()
            for line in welcome(stack, data_dir):
                say(line)
            keep_up(stack, say)
    except KeyboardInterrupt:
        say("stopped")


def keep_up(stack: Stack, say: Say, *, sleep: Callable[[float], None] = time.sleep) -> None:
    """Start the worker again whenever it dies, waiting longer each time it dies young."""
    wait_s, started = SHORTEST_S, time.monotonic()
    while True:
        sleep(POLL_S)
        _check(stack)
        if stack.worker_running:
            continue
        if time.monotonic() - started > STEADY_S:
            wait_s = SHORTEST_S
        say(f"the worker ended, it is started again in {wait_s:g} s{stack.worker_tail()}")
        sleep(wait_s)
        wait_s = min(2 * wait_s, LONGEST_S)
        started = time.monotonic()
        try:
            stack.start_worker()
        except Misconfigured as error:
            say(str(error))
        else:
            say(f"the worker is ready again: http://127.0.0.1:{stack.web_port}")


def welcome(stack: Stack, data_dir: Path) -> list[str]:
    """What somebody at another terminal needs."""
    return [
        f"broker {stack.broker.url} · store {stack.store.http_url} "
        f"(gRPC port {stack.store.grpc_port}) · worker http://127.0.0.1:{stack.web_port}",
        f"logs {data_dir / 'logs'}",
        "",
        "In another terminal:",
        *(f"  export {name}={value}" for name, value in stack.env.items()),
        "  interestream produce items FILE; interestream produce events FILE",
        "  interestream tail recommendations",
        "",
        f"What the store holds survives in {data_dir}; the broker's topics and records do not.",
        "Ctrl-C ends it.",
    ]


def _stack(settings: Settings, data_dir: Path, port: int, say: Say) -> Stack:
    say("starting; the model is fetched where it is not here yet")
    model = model_folder(settings).resolve()
    stack = Stack(data_dir, extra={"INTERESTREAM_MODEL_DIR": str(model)})
    if port:
        stack.broker = Broker(port, log=data_dir / "logs" / "broker.log")
        stack.store.http_port, stack.store.grpc_port = port + 1, port + 2
    return stack


def _check(stack: Stack) -> None:
    for name, part in (("broker", stack.broker), ("store", stack.store)):
        if not part.running:
            raise Failed(f"the embedded {name} ended: see its log, and run `interestream up` again")
