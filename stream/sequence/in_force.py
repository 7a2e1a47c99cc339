"""The parts of a score that are in force, where one of them is a model that can be replaced."""

from __future__ import annotations

import asyncio
from pathlib import Path

import structlog

from stream.core.parts import PARTS, Part
from stream.core.sequence import sequence_part
from stream.errors import Misconfigured
from stream.rounds import repeat
from stream.sequence.manifest import MANIFEST
from stream.sequence.model import SequenceModel, open_sequence
from stream.settings import Settings

log = structlog.get_logger(__name__)

#: Between looks at the manifest; a model is trained again in hours or days.
POLL_S = 10.0

Stamp = tuple[int, int, int]  # what changes where a manifest is written or replaced


class InForce:
    """The core's own parts and, where the settings give it a weight, the model's.

    `parts` is the same object until another model is in force, so it is known by identity.
    """

    def __init__(
        self,
        folder: Path | None = None,
        model: SequenceModel | None = None,
        stamp: Stamp | None = None,
    ) -> None:
        """folder  None where there is nothing to look after; `stamp` as of before it was read"""
        self._folder = folder
        self._stamp = stamp
        self._parts = _with(model)

    def parts(self) -> tuple[Part, ...]:
        """In force now: take them once for what belongs together."""
        return self._parts

    async def run(self) -> None:
        """Look for another model again and again, until cancelled."""
        await repeat("sequence model", self.refresh, every_s=POLL_S)

    async def refresh(self) -> None:
        """Read the folder again if its manifest changed since it was last read.

        A folder that is broken or gone leaves in force what was: told once, in the log.
        """
        if self._folder is None:
            return
        stamp = await asyncio.to_thread(stamp_of, self._folder)
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            model = await asyncio.to_thread(open_sequence, self._folder)
        except Misconfigured as error:
            log.warning("sequence model stays", reason=str(error))
            return
        self._parts = _with(model)
        _tell(model)


async def open_parts(settings: Settings) -> InForce:
    """The parts that the settings ask for.

    Raises Misconfigured where the sequence model has a weight and its folder cannot be used.
    """
    folder = settings.sequence_model_dir
    if folder is None or not settings.sequence_part:
        return InForce()
    # looked at before it is read: what replaces it meanwhile is found at the next look
    stamp = await asyncio.to_thread(stamp_of, folder)
    model = await asyncio.to_thread(open_sequence, folder)
    _tell(model)
    return InForce(folder, model, stamp)


def stamp_of(folder: Path) -> Stamp | None:
    """What tells one manifest in a folder from another; None where there is none."""
    try:
        found = (folder / MANIFEST).stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def _with(model: SequenceModel | None) -> tuple[Part, ...]:
    return PARTS if model is None else (*PARTS, sequence_part(model))


def _tell(model: SequenceModel) -> None:
    log.info("sequence model", version=model.version, items=model.manifest.items)
