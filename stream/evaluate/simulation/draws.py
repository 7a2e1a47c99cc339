"""Where chance comes from: every part of a world has a stream of its own, known by its place.

So what happens to one user does not depend on how many others there are, nor what happens in one
visit on how much chance an earlier one took.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np


class Part(IntEnum):
    """What a stream is for. The numbers are part of what a seed means: never reuse one."""

    ITEM = 1
    GROUP = 2
    CALENDAR = 3
    USER = 4
    VISIT = 5
    CENTRE = 6
    VECTOR = 7
    BURST = 8


def draws(seed: int, part: Part, *place: int) -> np.random.Generator:
    """The stream of, say, `Part.VISIT, user, visit`; always the same one."""
    sequence = np.random.SeedSequence(seed, spawn_key=(int(part), *place))
    return np.random.Generator(np.random.PCG64(sequence))
