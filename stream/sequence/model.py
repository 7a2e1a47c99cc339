"""A sequence model in memory: one onnxruntime session of one thread, and the items' vectors."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from stream.core.catalogue import Catalogue, Entry
from stream.core.parts import Rows, Scores
from stream.encoder.sessions import INT64, cpu_options
from stream.errors import Misconfigured
from stream.sequence.manifest import EXPORT, IDS, INPUT, NETWORK, OUTPUT, VECTORS, Manifest, read

Numbers = NDArray[np.int64]

NONE = 0  # the number of what is no item of the model's
#: Catalogues whose rows are numbered; there is one snapshot in force, and perhaps excerpts of it.
NUMBERED_MAX = 4
#: Beyond this the logistic function is 0 or 1 in float32, and would lose its order.
STEEPEST = 15.0


@dataclass(frozen=True, slots=True)
class _Known:
    """Items of a catalogue as the model knows them. `strange`: (n,) it has not learned them."""

    entries: tuple[Entry, ...]
    vectors: NDArray[np.float32]  # (n, d)
    strange: NDArray[np.bool_]


class SequenceModel:
    """Reads histories: `stream.core.sequence.Expects`. Open it with `open_sequence`."""

    def __init__(
        self, session: Any, manifest: Manifest, vectors: NDArray[np.float32], ids: Sequence[str]
    ) -> None:
        """vectors (1 + items, d), of which the first, for what is no item, is zero."""
        self.manifest = manifest
        self._session = session
        self._vectors = vectors
        self._numbers: Mapping[str, int] = {item_id: n for n, item_id in enumerate(ids, 1)}
        self._known: list[_Known] = []  # the last asked first

    @property
    def version(self) -> str:
        return self.manifest.hash

    def expected(
        self, histories: Sequence[Sequence[str]], catalogue: Catalogue, rows: Rows | None = None
    ) -> Scores:
        """See `Expects`: the logistic function of state times vector, by the manifest's constants.

        Equal windows are read once: of a history without an item that it does not read anyway, the
        state is that of the whole history.
        """
        known = self._of(catalogue)
        vectors, strange = known.vectors, known.strange
        if rows is not None:
            vectors, strange = vectors[rows], strange[rows]
        windows, which = np.unique(self._windows(histories), axis=0, return_inverse=True)
        gives = self._gives(self._states(windows), vectors)
        gives[:, strange] = 0
        gives[~windows.any(axis=1)] = 0
        return gives[which.reshape(-1)]

    def _gives(self, states: NDArray[np.float32], vectors: NDArray[np.float32]) -> Scores:
        far = (states @ vectors.T - np.float32(self.manifest.midpoint)) / np.float32(
            self.manifest.spread
        )  # (h, d)·(d, n)
        gives: Scores = 1 / (1 + np.exp(-np.clip(far, -STEEPEST, STEEPEST)))
        return gives

    def _states(self, windows: Numbers) -> NDArray[np.float32]:
        (states,) = self._session.run([OUTPUT], {INPUT: windows})
        return np.asarray(states, np.float32)

    def _windows(self, histories: Sequence[Sequence[str]]) -> Numbers:
        """(h, l) numbers of the newest items that it knows, at the end of each line."""
        windows = np.full((len(histories), self.manifest.length), NONE, np.int64)
        for line, history in zip(windows, histories, strict=True):
            known = [n for item_id in history if (n := self._numbers.get(item_id))]
            newest = known[-self.manifest.length :]
            line[len(line) - len(newest) :] = newest
        return windows

    def _of(self, catalogue: Catalogue) -> _Known:
        """The items of a snapshot; numbered once for all snapshots with the same items."""
        entries = catalogue.entries
        known = next((one for one in self._known if one.entries is entries), None)
        if known is None:
            known = self._number(entries)
        others = [one for one in self._known if one is not known]
        self._known = [known, *others[: NUMBERED_MAX - 1]]  # excerpts come and go, the whole stays
        return known

    def _number(self, entries: tuple[Entry, ...]) -> _Known:
        numbers = np.array([self._numbers.get(e.item_id, NONE) for e in entries], np.intp)
        return _Known(entries, self._vectors[numbers], numbers == NONE)


def open_sequence(folder: Path) -> SequenceModel:
    """Read and check a folder.

    Raises Misconfigured where a file is missing or damaged, or they do not fit together.
    """
    manifest, files = read(folder)
    ids = _ids(folder, files[IDS], manifest)
    vectors = _vectors(folder, files[VECTORS], manifest)
    session = _session(folder, files[NETWORK], manifest)
    return SequenceModel(session, manifest, vectors, ids)


def _ids(folder: Path, content: bytes, manifest: Manifest) -> list[str]:
    try:
        ids = msgspec.json.decode(content, type=list[str])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Misconfigured(f"{folder / IDS} cannot be read ({error}): {EXPORT}") from error
    if len(ids) != manifest.items or len(set(ids)) != len(ids):
        raise Misconfigured(
            f"{folder / IDS} has {len(ids)} ids, {len(set(ids))} of them different, the manifest "
            f"says {manifest.items}: {EXPORT}"
        )
    return ids


def _vectors(folder: Path, content: bytes, manifest: Manifest) -> NDArray[np.float32]:
    """With a row of zeros before them, for what the model has not learned."""
    try:
        found = np.load(io.BytesIO(content), allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise Misconfigured(f"{folder / VECTORS} cannot be read ({error}): {EXPORT}") from error
    wanted = (manifest.items, manifest.dimension)
    if found.shape != wanted or found.dtype != np.float32 or not np.isfinite(found).all():
        raise Misconfigured(
            f"{folder / VECTORS} is {found.dtype} of shape {found.shape}, needed are finite "
            f"float32 of shape {wanted}: {EXPORT}"
        )
    return np.vstack([np.zeros((1, manifest.dimension), np.float32), found])


def _session(folder: Path, content: bytes, manifest: Manifest) -> Any:
    path = folder / NETWORK
    try:
        session = ort.InferenceSession(content, cpu_options(), providers=["CPUExecutionProvider"])
    except Exception as error:  # the binding has no common class for its errors
        raise Misconfigured(f"{path} cannot be loaded ({error}): {EXPORT}") from error
    inputs = {node.name: (node.type, node.shape[-1]) for node in session.get_inputs()}
    outputs = {node.name: node.shape[-1] for node in session.get_outputs()}
    wanted = {INPUT: (INT64, manifest.length)}, {OUTPUT: manifest.dimension}
    if (inputs, outputs) != wanted:
        raise Misconfigured(
            f"{path} has inputs {inputs} and outputs {outputs}; needed are {wanted[0]} and "
            f"{wanted[1]}: {EXPORT}"
        )
    return session
