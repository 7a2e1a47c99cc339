"""What of a Qdrant belongs to a deployment: its aliases, and what its collections look like."""

from __future__ import annotations

import re

from qdrant_client import AsyncQdrantClient, models

from stream.store import names
from stream.store.collections import META_SHAPE, aliases, shapes, vectors_needed, vectors_of


def is_ours(namespace: str, alias: str) -> bool:
    """Whether an alias is this namespace's: a reader's, or any writers' door."""
    parts = "|".join(names.PARTS)
    form = (
        rf"{re.escape(namespace)}_(?:{parts})(?:_[0-9a-f]{{1,8}}(?:_r[1-9][0-9]*)?{names.WRITERS})?"
    )
    return re.fullmatch(form, alias) is not None


async def our_aliases(client: AsyncQdrantClient, namespace: str) -> dict[str, str]:
    """Alias -> collection."""
    known = await aliases(client)
    return {alias: to for alias, to in sorted(known.items()) if is_ours(namespace, alias)}


def unfit(part: str, params: models.CollectionParams, dimension: int) -> str | None:
    """How a saved collection differs from what this version of the service reads; None: it fits."""
    shape = META_SHAPE if part == names.META else shapes(dimension)[part]
    has, needs = vectors_of(params), vectors_needed(shape)
    return None if has == needs else f"{part} has the vectors {has}, this version needs {needs}"
