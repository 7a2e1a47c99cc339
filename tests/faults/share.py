"""The load of one round."""

from __future__ import annotations

import re
from typing import Any

from tests.support.load import APPLIES, Load, Planned
from tests.support.records import KeyValue

WHO = b'"user_id": "'
NEW = b"newcomer-"
REGULARS = 0.25  # share of the events
USER = re.compile(rb'"user_id": "user-\d+"')


class Share(Load):
    """The load of one round, under event ids of its own.

    Two rounds may send the same user's events under one id and in two partitions: which of them
    counts would then be a matter of chance.
    """

    def __init__(self, number: int, **given: Any) -> None:
        self._number = number
        super().__init__(**given)

    def newcomer(self, record: KeyValue) -> KeyValue:
        """The same event of a user whom nobody knows yet; what has no effect stays as it is."""
        key, value = record
        if value is None or self.fate(value) != APPLIES:
            return record
        changed = value.replace(WHO, WHO + NEW)
        self._fates[changed] = APPLIES
        return (None if key is None else NEW + key), changed

    def _good(self, share: float) -> Planned:
        """One in four is of the same user, who so has more events than a profile keeps ids of:
        when these come again, nothing but marks can tell."""
        one = super()._good(share)
        if not (one.key or b"").startswith(b"user-") or self._chance.random() >= REGULARS:
            return one
        regular = b"regular-%d" % self._number
        return Planned(regular, USER.sub(WHO + regular + b'"', one.value or b""), one.fate)

    def _wandering(self, share: float) -> Planned:
        """Wanderers of this round alone: of one with more events than a profile keeps ids of, a
        repeat may count or not, as the order of the partitions has it."""
        one = super()._wandering(share)
        value = (one.value or b"").replace(b'"wanderer-', b'"wanderer-%d-' % self._number)
        return Planned(one.key, value, one.fate)

    def _id(self) -> str:
        return f"round-{self._number}-{super()._id()}"
