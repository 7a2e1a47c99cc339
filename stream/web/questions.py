"""What can be asked, and the limits of each parameter: the document is made from these structs."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType
from multidict import MultiMapping

from stream.core.allowed import Filters
from stream.reads.lookalikes import LOOKED_AT, Asked
from stream.web.problems import Refused, shown

ID_CHARS = 1024
WORD_CHARS = 256
EXCLUDE_MAX = 100
PAGE_MAX = 100

NO_NUL = r"^[^\u0000]+$"
END = r"(?![\s\S])"  # `$` would let a line's end through, here and not in other languages
POINT = f"^[0-9a-f]{{8}}(-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}{END}"

Name = Annotated[str, Meta(min_length=1, max_length=ID_CHARS, pattern=NO_NUL)]
Word = Annotated[str, Meta(min_length=1, max_length=WORD_CHARS, pattern=NO_NUL)]
Size = Annotated[int, Meta(ge=1, le=PAGE_MAX)]
Lang = Annotated[
    str,
    Meta(
        pattern="^[A-Za-z]{1,8}([-_][A-Za-z0-9]{1,8}){0,4}" + END,
        max_length=44,
        description="BCP 47 tag, such as `en` or `pt-BR`",
    ),
]
Moment = Annotated[str, Meta(max_length=64, extra_json_schema={"format": "date-time"})]
WithOffset = Annotated[datetime, Meta(tz=True)]


class Nothing(Struct, frozen=True, forbid_unknown_fields=True):
    """Takes no parameters."""


class Listed(Struct, frozen=True, forbid_unknown_fields=True):
    """Which recommendations."""

    n: Annotated[Size, Meta(description="offers")] = 10
    domain: Annotated[Word, Meta(description="only items of this one")] | UnsetType = UNSET
    lang: (
        Annotated[Lang, Meta(description="only items in this language, or in none; of `why` too")]
        | UnsetType
    ) = UNSET
    exclude: Annotated[
        tuple[Name, ...],
        Meta(max_length=EXCLUDE_MAX, description="ids of items to leave out; may be repeated"),
    ] = ()

    def filters(self) -> Filters:
        lang = None if self.lang is UNSET else self.lang.lower()
        domain = None if self.domain is UNSET else self.domain
        return Filters(domain=domain, lang=lang, exclude=frozenset(self.exclude))


class Explained(Struct, frozen=True, forbid_unknown_fields=True):
    """How to explain."""

    lang: Annotated[Lang, Meta(description="of the sentences")] | UnsetType = UNSET


class Near(Struct, frozen=True, forbid_unknown_fields=True):
    """Which neighbours."""

    n: Annotated[Size, Meta(description="items")] = 10


class Paged(Struct, frozen=True, forbid_unknown_fields=True):
    """Which users of a segment."""

    n: Annotated[Size, Meta(description="users of a page")] = 20
    after: (
        Annotated[str, Meta(pattern=POINT, description="`next` of the page before")] | UnsetType
    ) = UNSET


class AlikeTo(Struct, frozen=True, forbid_unknown_fields=True):
    """Which look-alikes."""

    n: Annotated[Size, Meta(description="users of a page")] = 20
    page: Annotated[
        int, Meta(ge=1, le=2 * LOOKED_AT, description="from 1; one beyond the last is empty")
    ] = 1
    segment: Annotated[Name, Meta(description="only users of this one")] | UnsetType = UNSET
    active_since: (
        Annotated[
            Moment,
            Meta(description="only users who did something then or later; RFC 3339 with an offset"),
        ]
        | UnsetType
    ) = UNSET

    def asked(self) -> Asked:
        return Asked(
            page=self.page,
            n=self.n,
            segment=None if self.segment is UNSET else self.segment,
            since=None if self.active_since is UNSET else _seconds(self.active_since),
        )


def _seconds(moment: str) -> float:
    try:
        return msgspec.convert(moment, WithOffset).timestamp()
    except msgspec.ValidationError:
        raise _refused(
            f"parameter active_since is {shown(moment)}: write it as RFC 3339 with an offset, such "
            "as 2026-01-31T08:00:00Z, percent-encoded"
        ) from None


class UserPath(Struct, frozen=True, rename={"name": "user_id"}):
    """Whose."""

    name: Annotated[Name, Meta(description="the user's id, percent-encoded")]


class ItemPath(Struct, frozen=True, rename={"name": "item_id"}):
    """Of what."""

    name: Annotated[Name, Meta(description="the item's id, percent-encoded")]


class SegmentPath(Struct, frozen=True, rename={"name": "segment_id"}):
    """Of which segment."""

    name: Annotated[Name, Meta(description="the segment's id, percent-encoded")]


Question = TypeVar("Question", bound=Struct)


def read(kind: type[Question], given: MultiMapping[str]) -> Question:
    """The parameters that were given, as `kind` has them. Raises Refused, naming the parameter."""
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    values: dict[str, Any] = {}
    for name in dict.fromkeys(given):
        if name not in fields:
            known = ", ".join(fields) or "none"
            raise _refused(f"parameter {shown(name)} is not known here: there are {known}")
        found = given.getall(name)
        repeats = isinstance(fields[name].default, tuple)
        if len(found) > 1 and not repeats:
            raise _refused(f"parameter {name} is given {len(found)} times: give it once")
        values[name] = found if repeats else found[0]
    return _converted(kind, values)


def _converted(kind: type[Question], values: dict[str, Any]) -> Question:
    try:
        return msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as error:
        said, _, place = str(error).partition(" - at ")
        name = re.sub(r"\W.*", "", place.removeprefix("`$."))  # such as `$.exclude[1]`
        value = values.get(name, "")
        given = ", ".join(map(shown, value[:3])) if isinstance(value, list) else shown(value)
        raise _refused(
            f"parameter {name} is {given}: {said}; choose another value, /openapi.json has the "
            "limits"
        ) from None


def _refused(detail: str) -> Refused:
    return Refused(400, "bad-parameter", detail)
