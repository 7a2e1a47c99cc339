"""The options of `interestream lookalike`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from stream.commands.terminal import AsJson, put
from stream.settings import load


class Kind(StrEnum):
    """What a name may be the name of."""

    USER = "user"
    SEGMENT = "segment"


def _moment(text: str | None) -> str | None:
    if text is None:
        return None
    from stream.commands.lookalike import when

    try:
        when(text)
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is no time: write it like 2026-01-31 or 2026-01-31T08:00:00+01:00"
        ) from None
    return text


def lookalike(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="USER…|SEGMENT", help="ids; one that is no user's may be a segment's"
        ),
    ],
    kind: Annotated[
        Kind | None, typer.Option("--as", help="what the ids are, where they could be both")
    ] = None,
    segment: Annotated[
        str | None, typer.Option("--segment", help="only users of this segment")
    ] = None,
    active_since: Annotated[
        str | None,
        typer.Option(
            "--active-since",
            help="only users who did something then or later; ISO 8601, UTC without an offset",
            callback=_moment,
        ),
    ] = None,
    n: Annotated[int, typer.Option("--n", min=1, max=100, help="users of a page")] = 20,
    page: Annotated[int, typer.Option("--page", min=1, help="from 1")] = 1,
    as_json: AsJson = False,
) -> None:
    """Find users whose tastes are like a user's or a segment's, and say in what.

    The measures are the same from either side. The nearest by each of them are looked at, whatever
    the page.
    """
    import asyncio

    import msgspec

    from stream.commands.lookalike import found, tell, when
    from stream.reads.lookalikes import Asked

    since = None if active_since is None else when(active_since)
    asked = Asked(page=page, n=n, segment=segment, since=since)
    answers = asyncio.run(found(load(), names, kind, asked))
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(answers)))
        return
    for number, answer in enumerate(answers):
        put([*([""] if number else []), *tell(answer)])
