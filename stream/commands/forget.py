"""`interestream forget USER…`: ask for users to be forgotten, every request confirmed."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from stream.commands.lines import Kind, read
from stream.commands.produce import send
from stream.errors import Misconfigured
from stream.settings import Settings


@dataclass(frozen=True, slots=True)
class Request:
    """An event that asks for a user to be forgotten. `at`: wall clock, seconds."""

    event_id: str
    user_id: str
    at: float
    type: str = "forget"


def ask(user_ids: Sequence[str], settings: Settings, now: float) -> list[Request]:
    """Send an event for each user, and return when the broker has confirmed them all.

    now  wall clock, seconds: what happened up to then is forgotten

    Raises Misconfigured, with nothing sent, for an id that the service would refuse, and where the
    deployment knows no event of this type. Raises Unavailable("kafka").
    """
    requests = [Request(str(uuid.uuid4()), user_id, now) for user_id in dict.fromkeys(user_ids)]
    source = (msgspec.json.encode(request) for request in requests)
    lines = list(read(source, Kind.EVENTS, settings, clock=lambda: now))
    for line in lines:
        if why := line.refused or line.skipped:
            raise Misconfigured(f"{why.message}; nobody was asked to be forgotten")
    topic = settings.topic(Kind.EVENTS)
    send(lines, topic, settings, complain=lambda _: None, as_is=True)
    return requests
