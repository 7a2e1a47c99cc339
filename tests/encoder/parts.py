"""Stand-ins for tokenizer and session, and encoders opened for a test."""

from __future__ import annotations

import threading
import zlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from stream.encoder.encoder import Encoder, OnBatch
from stream.encoder.manifest import Manifest, Prefixes, model_sha256, tokenizer_sha256
from stream.encoder.pooling import unit_rows
from stream.encoder.providers import Opened, Provider
from stream.encoder.sessions import Graph, Runs
from stream.encoder.tokens import Tokens

FIXTURES = Path(__file__).parent / "fixtures"
TINY = FIXTURES / "tiny"
TINY_POOLED = FIXTURES / "tiny_pooled"
DIMENSION = 8
WAIT_S = 10.0


def word_id(word: str) -> int:
    return zlib.crc32(word.encode())


class Words:
    """A token a word; a text with the word `unreadable` breaks the tokenizer."""

    pad_id = 0

    def encode(self, texts: Sequence[str]) -> list[Tokens]:
        if any("unreadable" in text for text in texts):
            raise ValueError("unreadable")
        return [
            Tokens(np.array([1, *map(word_id, text.split())], dtype=np.int64), cut=False)
            for text in texts
        ]


class Gate:
    """A session whose runs wait until the test lets them go; runs with the word `poison` fail."""

    def __init__(self, *, open_: bool = False) -> None:
        self.batches: list[NDArray[np.int64]] = []
        self._begun = threading.Semaphore(0)
        self._let_go = threading.Event()
        if open_:
            self.let_go()

    def run(self, ids: NDArray[np.int64], mask: NDArray[np.int64]) -> NDArray[np.float32]:
        self.batches.append(ids)
        self._begun.release()
        assert self._let_go.wait(WAIT_S)
        if word_id("poison") in ids:
            raise RuntimeError("the session broke")
        seeds = (ids * mask).sum(axis=1)
        rows = [np.random.default_rng(int(seed)).standard_normal(DIMENSION) for seed in seeds]
        return unit_rows(np.array(rows, dtype=np.float32))

    def await_run(self) -> None:
        """Block until one more run has begun."""
        assert self._begun.acquire(timeout=WAIT_S)

    def let_go(self) -> None:
        self._let_go.set()

    @property
    def texts_run(self) -> int:
        return sum(len(batch) for batch in self.batches)


def opened_parts(
    sessions: Sequence[Runs], batch_tokens: int = 256, cores: tuple[int, ...] = ()
) -> Opened:
    """Stand-ins as a provider would have opened them."""
    inputs = frozenset({"input_ids", "attention_mask"})
    graph = Graph(inputs, "sentence_embedding", True, DIMENSION, "mean")
    provider = Provider("cpu", len(sessions), "fp32", cores)
    return Opened(provider, graph, sessions, batch_tokens)


@asynccontextmanager
async def running(
    *sessions: Runs,
    queue_texts: int = 100,
    batch_tokens: int = 256,
    cache_bytes: int = 0,
    on_batch: OnBatch | None = None,
    prefixes: Prefixes | None = None,
    cores: tuple[int, ...] = (),
    max_wait_ms: float = 0.0,
) -> AsyncIterator[Encoder]:
    """An encoder on stand-ins, closed at the end."""
    manifest = Manifest(
        name="stand-in",
        dimension=DIMENSION,
        max_tokens=512,
        pooling="mean",
        model_sha256="0" * 64,
        tokenizer_sha256="1" * 64,
        prefixes=prefixes or Prefixes(),
    )
    encoder = Encoder(
        manifest,
        Words(),
        opened_parts(sessions, batch_tokens, cores),
        cache_bytes=cache_bytes,
        queue_texts=queue_texts,
        max_wait_ms=max_wait_ms,
        on_batch=on_batch,
    )
    encoder.start()
    try:
        yield encoder
    finally:
        for session in sessions:
            if isinstance(session, Gate):
                session.let_go()
        await encoder.close()


def declare(folder: Path, **changes: object) -> Manifest:
    """Write manifest.json as an export of the files in `folder` would, with `changes`."""
    found = Manifest(
        name=folder.name,
        dimension=16,
        max_tokens=512,
        pooling="mean",
        model_sha256=model_sha256(folder),
        tokenizer_sha256=tokenizer_sha256(folder),
    )
    declared = msgspec.structs.replace(found, **changes)
    (folder / "manifest.json").write_bytes(msgspec.json.encode(declared))
    return declared


async def opened(folder: Path, *, cache_bytes: int = 1 << 20, batch_tokens: int = 256) -> Encoder:
    """An encoder on a model folder."""
    return await Encoder.open(
        folder,
        sessions=2,
        batch_tokens=batch_tokens,
        max_tokens=256,
        cache_bytes=cache_bytes,
        queue_texts=4096,
    )
