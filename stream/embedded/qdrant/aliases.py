"""Aliases: second names of collections, changed all together or not at all, kept in one file."""

from __future__ import annotations

import json
import os
from collections.abc import Container, Iterable, Mapping
from pathlib import Path

from qdrant_client.grpc import collections_pb2 as collections

from stream.embedded.qdrant.refusal import no_collection, not_found, taken, unsupported

Aliases = Mapping[str, str]  # alias -> collection


def changed(
    aliases: Aliases, actions: Iterable[collections.AliasOperations], existing: Container[str]
) -> dict[str, str]:
    """What `aliases` become by the actions in order; `existing` are the collections' names.

    Raises Refused when one of the actions does not fit, and then none holds.
    """
    after = dict(aliases)
    for action in actions:
        match action.WhichOneof("action"):
            case "create_alias":
                _create(after, action.create_alias, existing)
            case "rename_alias":
                _rename(after, action.rename_alias, existing)
            case "delete_alias":
                after.pop(action.delete_alias.alias_name, None)
            case other:
                raise unsupported(f"an alias action {other}")
    return after


def _create(
    after: dict[str, str], wanted: collections.CreateAlias, existing: Container[str]
) -> None:
    """An alias that exists already is moved."""
    if wanted.collection_name not in existing:
        raise no_collection(wanted.collection_name)
    if wanted.alias_name in existing:
        raise taken(wanted.alias_name)
    after[wanted.alias_name] = wanted.collection_name


def _rename(
    after: dict[str, str], wanted: collections.RenameAlias, existing: Container[str]
) -> None:
    if wanted.new_alias_name in existing:  # the server allows it and hides the collection
        raise taken(wanted.new_alias_name)
    if wanted.old_alias_name not in after:
        raise not_found(f"Alias {wanted.old_alias_name} does not exists!")
    after[wanted.new_alias_name] = after.pop(wanted.old_alias_name)


def load(file: Path) -> dict[str, str]:
    """The aliases as last saved; none if they never were."""
    return dict(json.loads(file.read_text())) if file.exists() else {}


def save(file: Path, aliases: Aliases) -> None:
    """Replace the file as a whole: a crash leaves the old aliases or the new ones."""
    temporary = file.with_suffix(".new")
    with temporary.open("w") as out:
        json.dump(dict(aliases), out)
        out.flush()
        os.fsync(out.fileno())
    temporary.replace(file)
