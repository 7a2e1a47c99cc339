"""Arrays over a catalogue's items: of each a row by the item alone, so that they can grow."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from stream.core.hashes import hash32

if TYPE_CHECKING:
    from stream.core.catalogue import Entry

NEVER = float("inf")
NO_DOMAIN = 0

Entries = Sequence["Entry"]


def vectors(entries: Entries, dimension: int) -> NDArray[np.float32]:
    """(n, d); zeros where an item has no vector."""
    table = np.zeros((len(entries), dimension), np.float32)
    for row, entry in enumerate(entries):
        if entry.vector is not None:
            table[row] = entry.vector
    return table


def on_offer(entries: Entries, _: int = 0) -> NDArray[np.bool_]:
    """(n,) neither deleted nor unavailable."""
    return np.array([e.available and not e.deleted for e in entries], np.bool_)


def published_at(entries: Entries, _: int = 0) -> NDArray[np.float64]:
    """(n,) seconds; -inf where not given."""
    return _times((e.published_at for e in entries), -NEVER)


def expires_at(entries: Entries, _: int = 0) -> NDArray[np.float64]:
    """(n,) seconds; inf where not given."""
    return _times((e.expires_at for e in entries), NEVER)


def languages(entries: Entries, _: int = 0) -> NDArray[np.object_]:
    """(n,) language tags; None where not given."""
    return np.array([e.lang for e in entries], object)


def domains(entries: Entries, _: int = 0) -> NDArray[np.uint32]:
    """(n,) 32-bit hashes of the domains; NO_DOMAIN where not given."""
    return np.array([hash32(e.domain) if e.domain else NO_DOMAIN for e in entries], np.uint32)


def hashes(entries: Entries, _: int = 0) -> NDArray[np.uint32]:
    """(n,) 32-bit hashes of the ids."""
    return np.array([hash32(e.item_id) for e in entries], np.uint32)


def _times(values: Iterable[float | None], unknown: float) -> NDArray[np.float64]:
    return np.array([unknown if value is None else value for value in values], np.float64)


#: By name, as functions of the items and the dimension of their vectors.
COLUMNS: Mapping[str, Callable[[Entries, int], NDArray[Any]]] = {
    made.__name__: made
    for made in (vectors, on_offer, published_at, expires_at, languages, domains, hashes)
}
