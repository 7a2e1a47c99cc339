"""Trained models in a replay: each is in force from the moment on that it was trained until."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from stream.core.catalogue import Catalogue
from stream.core.parts import PARTS, Part, Rows, Scores
from stream.core.sequence import sequence_part
from stream.sequence import SequenceModel, open_sequence


class Untrained:
    """Expects nothing: what there is before the first model."""

    version = "untrained"

    def expected(
        self, histories: Sequence[Sequence[str]], catalogue: Catalogue, rows: Rows | None = None
    ) -> Scores:
        return np.zeros((len(histories), len(catalogue if rows is None else rows)), np.float32)


class Timeline:
    """The parts in force at any time: no ranking is made by a model that has seen it."""

    def __init__(self, models: Sequence[SequenceModel]) -> None:
        ordered = sorted(models, key=lambda model: model.manifest.trained_until)
        self._since = [model.manifest.trained_until for model in ordered]
        self._parts = [_with(Untrained()), *(_with(model) for model in ordered)]

    def parts(self, at: float) -> tuple[Part, ...]:
        """Those of the newest model that was trained until before `at`, seconds."""
        return self._parts[bisect_left(self._since, at)]


def _with(model: SequenceModel | Untrained) -> tuple[Part, ...]:
    return (*PARTS, sequence_part(model))


def open_timeline(folders: Sequence[Path]) -> Timeline:
    """Of the models in these folders. Raises Misconfigured where one cannot be used."""
    return Timeline([open_sequence(folder) for folder in folders])
