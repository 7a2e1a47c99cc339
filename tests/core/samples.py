"""Small repeatable worlds for the core's tests: unit vectors, events, items, profiles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

from stream.core.catalogue import Entry
from stream.core.decay import Vector
from stream.core.fold import Folded, Observation, fold
from stream.core.profile import Profile
from stream.core.tuning import EventKind, Tuning

DAY_S = 86_400.0
NOW = 1_700_000_000.0
DIMENSION = 8
TUNING = Tuning()
EMPTY = Profile("user")

VIEW = EventKind(0.1, publishes=False)
CLICK = EventKind(0.6, half_dwell_s=20)
LIKE = EventKind(0.8)
HIDE = EventKind(-0.8)
RATING = EventKind(1.0, rated=True)
IMPRESSION = EventKind(0.0, updates=False, publishes=False)
FORGET = EventKind(0.0, updates=False, publishes=False, forgets=True)
KINDS = (VIEW, CLICK, LIKE, HIDE, RATING, IMPRESSION)

#: How many examples a law gets; the same ones in every run.
law = settings(max_examples=30, derandomize=True, deadline=None)


def axis(index: int, dimension: int = DIMENSION) -> Vector:
    """The unit vector along one axis; different axes are orthogonal."""
    vector = np.zeros(dimension, np.float32)
    vector[index] = 1
    return vector


def unit(vector: Vector) -> Vector:
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


def random_unit(seed: int, dimension: int = DIMENSION) -> Vector:
    return unit(np.random.default_rng(seed).normal(size=dimension).astype(np.float32))


def near(centre: Vector, seed: int, noise: float = 0.2) -> Vector:
    """A unit vector near another: `noise` is the length of what was added to it."""
    return unit(centre + np.float32(noise) * random_unit(seed, len(centre)))


def observation(number: int = 0, **given: Any) -> Observation:
    """A click on an item of its own; `number` orders offset and time."""
    defaults: dict[str, Any] = {
        "event_id": f"event-{number}",
        "kind": CLICK,
        "at": NOW + number,
        "source": "topic/0",
        "offset": number,
        "item_id": f"item-{number}",
        "vector": random_unit(number),
    }
    return Observation(**(defaults | given))


def folded(*observations: Observation, start: Profile = EMPTY) -> Folded:
    return fold(start, observations, TUNING)


def entry(name: str, vector: Vector | None, **given: Any) -> Entry:
    return Entry(name, f"title of {name}", vector, **given)


vectors = st.integers(0, 1000).map(random_unit)
moments = st.floats(NOW - 400 * DAY_S, NOW + 400 * DAY_S)
shares = st.floats(0, 1)


@st.composite
def histories(
    draw: st.DrawFn, kinds: tuple[EventKind, ...] = KINDS, size: int = 20
) -> list[Observation]:
    """Events of all kinds in offset order, from two sources; late ones and unknown items too."""
    numbers = range(draw(st.integers(0, size)))
    return [draw(_observations(number, kinds)) for number in numbers]


@st.composite
def _observations(draw: st.DrawFn, number: int, kinds: tuple[EventKind, ...]) -> Observation:
    item = draw(st.integers(0, 12))
    return observation(
        number,
        kind=draw(st.sampled_from(kinds)),
        at=draw(moments),
        source=draw(st.sampled_from(["topic/0", "topic/1"])),
        item_id=f"item-{item}",
        vector=draw(st.sampled_from([random_unit(item), None])),
        text_vector=draw(st.sampled_from([None, None, random_unit(item + 100)])),
        dwell_s=draw(st.none() | st.floats(0, 1000)),
        rating=draw(st.none() | st.floats(0, 5)),
        sentiment=draw(st.none() | st.floats(-1, 1)),
        categories=draw(st.sampled_from([(), ("a",), ("a", "b"), ("c",)])),
        label=f"label {item}",
    )


def plain(value: Any) -> Any:
    """A value with its arrays as bytes, so that `==` compares all of it."""
    if isinstance(value, np.ndarray):
        return (value.dtype.str, value.shape, value.tobytes())
    if is_dataclass(value):
        return {f.name: plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, tuple):
        return tuple(map(plain, value))
    return dict(value) if isinstance(value, Mapping) else value
