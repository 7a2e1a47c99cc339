"""A loop around onnxruntime as somebody would write it who knows texts, model and machine.

It gets every text at once, so it can sort them all; one thread with a session of its own on each
core takes batches of a fixed count. Count and memory pattern are tuned beforehand, on other texts
of the same kind.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Any, Self

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from tokenizers import Tokenizer

from stream.encoder.contract import Rows
from stream.encoder.pooling import mean_pool, unit_rows
from tests.bench.contenders import Run

NAME = "raw onnxruntime loop"
MAX_TOKENS = 256
BATCHES = (1, 2, 4, 8, 16, 32, 64)
TUNING_ROUNDS = 3

Ids = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Tuned:
    """batch        texts of a run
    mem_pattern  whether onnxruntime plans memory once for each shape
    """

    batch: int = 1
    mem_pattern: bool = False


class RawLoop:
    """`encode` blocks and keeps every core busy."""

    def __init__(self, folder: Path, threads: int, tuned: Tuned) -> None:
        self._tokenizer = _tokenizer(folder)
        self._batch = tuned.batch
        self._sessions = [_session(folder, tuned) for _ in range(threads)]
        self._inputs = {node.name for node in self._sessions[0].get_inputs()}
        outputs = [node.name for node in self._sessions[0].get_outputs()]
        self._pooled = "sentence_embedding" in outputs
        self._output = "sentence_embedding" if self._pooled else "last_hidden_state"
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="raw")

    def with_batch(self, batch: int) -> Self:
        """The same loop with another batch size from now on."""
        self._batch = batch
        return self

    def close(self) -> None:
        self._pool.shutdown()
        self._sessions.clear()

    def one(self, text: str) -> Rows:
        """(1, d) of one text in the calling thread: tokenise, run, no more."""
        ids = np.array([self._tokenizer.encode(text).ids], np.int64)
        return self._run(self._sessions[0], ids, np.ones_like(ids))

    def encode(self, texts: Sequence[str]) -> Run:
        """(n, d) unit rows, with the padding that the batches took."""
        began = time.perf_counter()
        ids = [np.array(e.ids, np.int64) for e in self._tokenizer.encode_batch_fast(list(texts))]
        order = sorted(range(len(ids)), key=lambda i: -len(ids[i]))
        batches = [order[at : at + self._batch] for at in range(0, len(order), self._batch)]
        waiting = iter(batches)  # shared: a list's iterator gives each batch to one thread
        found = self._pool.map(lambda s: list(self._work(s, waiting, ids)), self._sessions)
        done = [(batch, rows) for each in found for batch, rows in each]
        rows = np.empty((len(ids), done[0][1].shape[1]), np.float32)
        for batch, part in done:
            rows[batch] = part
        padded = sum(len(ids[batch[0]]) * len(batch) for batch in batches)
        return Run(rows, [time.perf_counter() - began], padded, sum(map(len, ids)))

    def _work(
        self, session: Any, waiting: Iterator[list[int]], ids: Sequence[Ids]
    ) -> Iterator[tuple[list[int], Rows]]:
        for batch in waiting:
            yield batch, self._run(session, *_padded([ids[i] for i in batch]))

    def _run(self, session: Any, ids: Ids, mask: Ids) -> Rows:
        feeds = {"input_ids": ids, "attention_mask": mask}
        if "token_type_ids" in self._inputs:
            feeds["token_type_ids"] = np.zeros_like(ids)
        (output,) = session.run([self._output], feeds)
        return unit_rows(output if self._pooled else mean_pool(output, mask))


def tuned(folder: Path, threads: int, texts: Sequence[str]) -> tuple[Tuned, list[dict[str, Any]]]:
    """The fastest setting over some texts, and what each of them gave in texts a second."""
    loops = {on: RawLoop(folder, threads, Tuned(mem_pattern=on)) for on in (False, True)}
    rates: dict[Tuned, list[float]] = {}
    for _ in range(TUNING_ROUNDS):
        for batch, on in product(BATCHES, loops):
            began = time.perf_counter()
            loops[on].with_batch(batch).encode(texts)
            rate = len(texts) / (time.perf_counter() - began)
            rates.setdefault(Tuned(batch, on), []).append(rate)
    for loop in loops.values():
        loop.close()
    best = {setting: max(found) for setting, found in rates.items()}
    tried = [{**asdict(s), "texts_per_s": round(rate, 1)} for s, rate in best.items()]
    return max(best, key=lambda setting: best[setting]), tried


def _padded(rows: Sequence[Ids]) -> tuple[Ids, Ids]:
    ids = np.zeros((len(rows), len(rows[0])), np.int64)  # sorted: the first is the longest
    mask = np.zeros_like(ids)
    for row, tokens in enumerate(rows):
        ids[row, : len(tokens)] = tokens
        mask[row, : len(tokens)] = 1
    return ids, mask


def _tokenizer(folder: Path) -> Any:
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(MAX_TOKENS)
    return tokenizer


def _session(folder: Path, setting: Tuned) -> Any:
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_mem_pattern = setting.mem_pattern
    return ort.InferenceSession(
        str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"]
    )
