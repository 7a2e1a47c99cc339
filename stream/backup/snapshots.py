"""A Qdrant server's own snapshots, over its REST API; the embedded store has none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

import aiohttp

from stream.backup import folder
from stream.backup.manifest import File
from stream.errors import Failed, Unavailable
from stream.settings import Settings

PART = "qdrant"
ANSWER_S = 3600.0  # making or recovering a snapshot of a large collection is one request
QUICK_S = 10.0

Advance = Callable[[int], object]
Begins = Callable[[int], object]


class Snapshots:
    """A connection to the REST port; open it with `connected`."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url.rstrip("/")

    async def refusal(self) -> str | None:
        """Why this store's own snapshots do not serve; None where they do.

        A node of a cluster saves its own shards alone, so a cluster is exported instead.
        """
        status, _ = await self._try("GET", "/snapshots")
        if status != HTTPStatus.OK:
            return "this store makes no snapshots of its own"
        _, cluster = await self._try("GET", "/cluster")
        if len(cluster.get("peers") or {}) > 1:
            return f"a cluster of {len(cluster['peers'])} nodes is saved node by node only"
        return None

    async def save(self, collection: str, path: Path, begins: Begins, advance: Advance) -> File:
        """Make a snapshot, bring it here, delete it there.

        Raises Failed where what came is not what the server made.
        """
        made = await self._call("POST", f"/collections/{collection}/snapshots", wait="true")
        name, size = made["name"], int(made["size"])
        there = f"/collections/{collection}/snapshots/{name}"
        begins(size)
        try:
            file = await self._download(there, path, advance)
        finally:
            # shielded: an interrupted command must not leave a copy of the data on the server
            await asyncio.shield(self._call("DELETE", there, wait="true"))
        if made.get("checksum") not in (None, file.sha256):
            raise Failed(
                f"{collection}: the snapshot came with the sha256 {file.sha256}, the server made "
                f"{made['checksum']}: run the same command again"
            )
        return file

    async def recover(self, collection: str, path: Path, file: File, advance: Advance) -> None:
        """Make the collection from a snapshot; it must not exist.

        The server keeps what was sent to it as one of the collection's own snapshots: it goes.
        """
        form = aiohttp.FormData()
        form.add_field("snapshot", _pieces(path, advance), filename=path.name)
        await self._call(
            "POST",
            f"/collections/{collection}/snapshots/upload",
            data=form,
            priority="snapshot",
            wait="true",
            checksum=file.sha256,
        )
        await self._call("DELETE", f"/collections/{collection}/snapshots/{path.name}", wait="true")

    async def _download(self, there: str, path: Path, advance: Advance) -> File:
        with folder.writing(path) as sink:
            plain = {"accept-encoding": "identity"}  # the sizes shown are those of the file
            async with _outages(), self._session.get(self._url + there, headers=plain) as answer:
                await _refused(answer)
                async for piece in answer.content.iter_chunked(folder.PIECE):
                    sink.write(piece)
                    advance(len(piece))
        return sink.file

    async def _call(self, method: str, path: str, *, data: Any = None, **params: str) -> Any:
        async with (
            _outages(),
            self._session.request(method, self._url + path, params=params, data=data) as answer,
        ):
            await _refused(answer)
            return (await answer.json())["result"]

    async def _try(self, method: str, path: str) -> tuple[int, dict[str, Any]]:
        """Status, and result where there is one."""
        quick = aiohttp.ClientTimeout(total=QUICK_S)
        async with (
            _outages(),
            self._session.request(method, self._url + path, timeout=quick) as answer,
        ):
            if answer.status != HTTPStatus.OK:
                return answer.status, {}
            found = (await answer.json()).get("result")
            return answer.status, found if isinstance(found, dict) else {}


@asynccontextmanager
async def connected(settings: Settings) -> AsyncIterator[Snapshots]:
    key = settings.qdrant_api_key
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=QUICK_S, sock_read=ANSWER_S)
    headers = {"api-key": key.get_secret_value()} if key else {}
    async with aiohttp.ClientSession(timeout=timeout, headers=headers) as session:
        yield Snapshots(session, settings.qdrant_url)


async def _pieces(path: Path, advance: Advance) -> AsyncIterator[bytes]:
    with path.open("rb") as source:
        while piece := await asyncio.to_thread(source.read, folder.PIECE):
            yield piece
            advance(len(piece))


async def _refused(answer: aiohttp.ClientResponse) -> None:
    """Raises Failed with what the server says where it refuses."""
    if answer.status < HTTPStatus.BAD_REQUEST:
        return
    said = (await answer.text())[:500]
    raise Failed(f"Qdrant answers {answer.status} to {answer.method} {answer.url.path}: {said}")


@asynccontextmanager
async def _outages() -> AsyncIterator[None]:
    try:
        yield
    except (aiohttp.ClientError, TimeoutError) as error:
        raise Unavailable(PART, f"REST: {error or type(error).__name__}") from error
