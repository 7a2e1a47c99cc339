"""A trained model of what follows what, as a part of the score.

From outside import `open_sequence` and `open_parts`; `interestream-export sequence` makes folders.
"""

from __future__ import annotations

from stream.sequence.in_force import InForce, open_parts
from stream.sequence.model import SequenceModel, open_sequence

__all__ = ["InForce", "SequenceModel", "open_parts", "open_sequence"]
