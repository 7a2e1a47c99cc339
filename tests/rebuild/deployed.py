"""A deployment with a worker, and the commands as an operator types them."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from stream.commands import rebuild as rebuilds
from stream.commands import reembed as moves
from stream.commands.store_checks import check_store
from stream.core.profile import Profile
from stream.encoder import manifest
from stream.rebuild.certificate import Certificate
from stream.reembed.mover import facts
from stream.settings import Settings
from stream.store import names
from stream.store.client import open_client
from stream.store.codec import unpack
from stream.store.collections import Store, tables
from stream.store.moves import EncoderId, standing
from tests.encoder import fixtures
from tests.endtoend.deployment import Deployment
from tests.support.worker import ROOT, WorkerProcess

FIXTURES = Path(fixtures.__file__).parent
MODEL, OTHER_MODEL = FIXTURES / "tiny", FIXTURES / "tiny_pooled"


def worker(deployment: Deployment, name: str = "worker", model: Path = MODEL) -> WorkerProcess:
    env = {**deployment.env, "INTERESTREAM_MODEL_DIR": str(model)}
    return WorkerProcess(env, deployment.folder / f"{name}.log")


def spawned(deployment: Deployment, *arguments: str) -> subprocess.Popen[bytes]:
    """A command that runs."""
    return subprocess.Popen(
        [sys.executable, "-m", "stream.cli", *arguments],
        cwd=ROOT,
        env={**os.environ, **deployment.env, "INTERESTREAM_MODEL_DIR": str(MODEL)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.STDOUT,
    )


def settings(deployment: Deployment, model: Path = MODEL) -> Settings:
    return deployment.settings().model_copy(update={"model_dir": model})


def rebuild(deployment: Deployment, *, since: str = "earliest", wait_s: float = 3.0) -> str:
    """What the command says; it must end well."""
    said: list[str] = []
    options = rebuilds.Options(since, wait_s=wait_s)
    rebuilds.rebuild(settings(deployment), options, str, said.append)
    return "\n".join(said)


def certificate(deployment: Deployment, *, good: bool = True) -> Certificate:
    """What `verify` writes."""
    file, said = deployment.folder / "certificate.json", list[str]()
    assert rebuilds.verify(settings(deployment), 1000, file, said.append) == good, said
    return msgspec.json.decode(file.read_bytes(), type=Certificate)


def reembed(deployment: Deployment, model: Path) -> None:
    """Another model in force; workers are cut off at once."""
    said: list[str] = []
    options = moves.Options(model, switch=True, wait_s=0)
    moves.reembed(deployment.settings(), options, said.append)


def doctor(deployment: Deployment) -> str:
    """What it says of the collections."""
    found = asyncio.run(check_store(settings(deployment), manifest.read(MODEL)))
    (one,) = [finding for finding in found if finding.check == "collections"]
    return str(one)


@asynccontextmanager
async def store(deployment: Deployment, model: Path = MODEL) -> AsyncIterator[Store]:
    """The tables in force, by their own names: also while no worker may work."""
    own, identity = settings(deployment, model), manifest.read(model)
    client = open_client(own)
    try:
        meta = await facts(client, own)
        ours = EncoderId(identity.hash, identity.dimension)
        users = (await standing(meta)).users_of(ours)
        yield tables(client, own, ours, meta, names.collection, users)
    finally:
        await client.close()


async def profiles(deployment: Deployment, model: Path = MODEL) -> dict[str, Profile]:
    async with store(deployment, model) as opened:
        return {r.user_id: unpack(r) async for page in opened.users.pages(100) for r in page}
