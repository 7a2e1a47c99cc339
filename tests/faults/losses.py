"""Faults of what is kept: topics, offsets, the store's data, room on the broker's disk."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Iterator
from contextlib import contextmanager

from stream.errors import Misconfigured
from stream.kafka.admin import Admin
from stream.kafka.topics import topic_plans
from stream.store import names
from stream.store.client import Points, open_client
from tests.faults.past import PAST, Gone
from tests.faults.stack import Puppet, Stack, until
from tests.support import audit, records
from tests.support.kafka import Kafka

ADDED = 2  # partitions
REFUSED = 2  # exit code of a worker that tells a person what to do


# --- topics


def add_partitions(stack: Stack) -> None:
    """Two more for the events. Who is known stays away from then on: the keys of most users now
    name another partition, and which of a user's events came first would be a matter of chance."""
    topic = stack.settings.topic("events")
    stack.spent = True
    with stack.feed.paused(stack.plans[-1].newcomer), Admin(stack.settings) as admin:
        wanted = admin.topic(topic).partitions + ADDED
        admin._client.create_partitions({topic: wanted})
        until(lambda: admin.topic(topic).partitions == wanted, "the partitions added")


def make_again_below_workers(stack: Stack) -> None:
    """The events' topic is deleted and made again while the workers run."""
    with _all_acknowledged(stack):
        _make_again(stack)


def make_again_without_workers(stack: Stack) -> None:
    """The same with the workers stopped, as one should."""
    with _all_acknowledged(stack):
        _stop_workers(stack)
        _make_again(stack)


@contextmanager
def _all_acknowledged(stack: Stack) -> Iterator[None]:
    """Inside, nothing is under way: what is deleted unread is lost, and nobody's fault."""
    with stack.feed.paused():
        stack.quiet()
        yield


def _make_again(stack: Stack) -> None:
    stack.spent = True  # a profile keeps the marks of its last sources alone
    topic, past = stack.settings.topic("events"), stack.past
    begin = PAST * (1 + max((number // PAST for number in past.sources), default=0))
    past.sources |= {begin + n: name for n, name in audit.sources(stack.settings).items()}
    past.events += [
        Gone(one.topic, begin + one.partition, one.offset, one.key, one.value, one.headers, one.at)
        for one in records.read(stack.settings, "events")
    ]
    with Admin(stack.settings) as admin:
        before = admin.topic(topic).topic_id
        admin._client.delete_topics([topic])
        plans = [plan for plan in topic_plans(stack.settings) if plan.name == topic]
        # refused while the old one is being deleted, and done twice where an answer came late
        until(lambda: bool(admin.create(plans)) or topic in admin.topics(), "the topic made again")
        until(lambda: _id_of(topic, admin) not in ("", before), "the new topic described")
    stack.sender.ends["events"] = {}


def _id_of(topic: str, admin: Admin) -> str:
    """ "" while there is no such topic."""
    try:
        return admin.topic(topic).topic_id
    except Misconfigured:
        return ""


# --- offsets


def rewind(stack: Stack) -> None:
    """As an operator does it: stop the workers, reset the offsets, start them. All was applied
    before: what comes again is older than the events whose ids a profile keeps."""
    with _all_acknowledged(stack):
        _stop_workers(stack)
        stack.rewind()


def forget_group(stack: Stack) -> None:
    """As if the group were new: nothing that it has acknowledged is known any more."""
    with _all_acknowledged(stack):
        _stop_workers(stack)
    with Admin(stack.settings) as admin:
        group = stack.settings.namespace
        until(lambda: not admin.members(group), "the group empty")
        admin._client.delete_groups([group])
        until(lambda: not admin.committed(group), "the group forgotten")


# --- the store


def empty_store(stack: Stack) -> None:
    """All data of the store are gone; workers refuse to go on from where they were. Then the data
    come back, from a backup of that moment."""
    _stop_workers(stack)
    stack.store.kill()
    data = stack.store.data_dir
    aside = data.with_name(f"{data.name}-aside")
    data.rename(aside)
    stack.store.start()
    _refuses(stack, stack.workers[0])
    stack.store.kill()
    data.rename(data.with_name(f"{data.name}-empty-{len(stack.plans)}"))
    aside.rename(data)
    stack.store.start()


def lose_users(stack: Stack) -> None:
    """All profiles are gone; workers refuse to go on from where they were. Then the offsets are put
    back, so that every profile is made anew."""
    _stop_workers(stack)
    found = asyncio.run(audit.look(stack.settings, stack.model_dir))
    stack.past.ids |= {one.recommendation_id for _, one in found.lists if one is not None}
    stack.past.ids |= {one.change_id for one in found.changes}
    asyncio.run(_delete_users(stack))
    _refuses(stack, stack.workers[0])
    stack.rewind()


async def _delete_users(stack: Stack) -> None:
    settings = stack.settings
    client = open_client(settings)
    everyone = names.readers(settings.namespace, "users")
    users = Points(client, everyone, timeout_s=settings.qdrant_timeout_s)
    try:
        found = [point.id.uuid async for page in users.scroll(fields=[]) for point in page]
        await users.delete(found)
    finally:
        await client.close()


def _refuses(stack: Stack, worker: Puppet) -> None:
    worker.spawn()
    code, told = worker.wait(), worker.log()
    assert code == REFUSED, f"a worker on an empty store ended in {code}, not in a refusal:\n{told}"
    assert "--accept-empty" in told, f"the refusal does not name the way out:\n{told}"


# --- the broker's disk


def fill_broker_disk(stack: Stack) -> None:
    """No file of the broker may grow any more: the kernel refuses it as a full disk does."""
    assert isinstance(stack.broker, Kafka)
    resource.prlimit(stack.broker.pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))


def free_broker_disk(stack: Stack) -> None:
    """Space was made, and the broker, which has given up its disk, is started again."""
    stack.broker.kill()
    start_broker(stack)


def start_broker(stack: Stack) -> None:
    """It accepts connections some seconds before it can answer: it is back when it does."""
    stack.broker.start()
    until(lambda: stack.committed() != {}, "an answer of the broker")


def _stop_workers(stack: Stack) -> None:
    for worker in stack.workers:
        if worker.running:
            worker.terminate()
