"""`interestream topics create|list`."""

from __future__ import annotations

from stream.commands.shown import columns
from stream.errors import Misconfigured
from stream.kafka.admin import Admin, ensure_topics, list_topics
from stream.kafka.topics import topic_plans
from stream.settings import Settings


def create(settings: Settings) -> list[str]:
    """Create what is missing; one line a topic."""
    made = set(ensure_topics(settings))
    return columns(
        ("created" if plan.name in made else "is there", plan.name)
        for plan in topic_plans(settings)
    )


def listed(settings: Settings) -> list[str]:
    """One line for each topic of the namespace, missing ones included."""
    present = list_topics(settings)
    with Admin(settings) as admin:
        found = [admin.topic(name) for name in present]
    rows = [(t.name, f"{t.partitions} partitions", f"id {t.topic_id}") for t in found]
    wanted = (plan.name for plan in topic_plans(settings))
    missing = [
        (n, "missing", "run `interestream topics create`") for n in wanted if n not in present
    ]
    return columns(rows + missing)


def full_name(settings: Settings, name: str) -> str:
    """A topic of this namespace by its short or full name.

    Raises Misconfigured for any other name.
    """
    known = [plan.name for plan in topic_plans(settings)]
    for candidate in (name, settings.topic(name)):
        if candidate in known:
            return candidate
    short = ", ".join(topic.removeprefix(settings.topic("")) for topic in known)
    raise Misconfigured(
        f"topic {name!r} is not one of {short} under {settings.namespace!r}: "
        "take one of these, or set INTERESTREAM_NAMESPACE"
    )
