"""What producers say about items beyond the fields that the service knows, and items by it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Scalar: TypeAlias = str | bool | int | float
Attribute: TypeAlias = Scalar | tuple[str, ...]

_Key: TypeAlias = tuple[bool, Scalar]


@dataclass(frozen=True)
class Attributes:
    """Attributes of some items; one by name is indexed when it is first asked for.

    said  (n,) by name, an item each
    """

    said: Sequence[Mapping[str, Attribute]]
    _indexed: dict[str, dict[_Key, list[int]]] = field(default_factory=dict)

    def any_of(self, name: str, values: Iterable[Scalar]) -> NDArray[np.bool_]:
        """(n,) items of which this attribute is one of the values, or a list that has one of them.

        Numbers are equal by value, 5 and 5.0; a truth value equals no number. An item that does not
        have the attribute does not match.
        """
        rows = self._indexed.get(name)
        if rows is None:
            rows = self._indexed[name] = self._rows(name)
        mask = np.zeros(len(self.said), np.bool_)
        for value in values:
            mask[rows.get(_key(value), [])] = True
        return mask

    def _rows(self, name: str) -> dict[_Key, list[int]]:
        rows: dict[_Key, list[int]] = {}
        for row, own in enumerate(self.said):
            said = own.get(name, ())
            for value in said if isinstance(said, tuple) else (said,):
                rows.setdefault(_key(value), []).append(row)
        return rows


def _key(value: Scalar) -> _Key:
    return isinstance(value, bool), value  # True == 1, and hashes like it
