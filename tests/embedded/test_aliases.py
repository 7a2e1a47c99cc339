"""Aliases change all together or not at all, and last."""

from __future__ import annotations

from pathlib import Path

import grpc
import pytest
from qdrant_client.grpc import collections_pb2 as pb2

from stream.embedded.qdrant import aliases
from stream.embedded.qdrant.refusal import Refused

EXISTING = {"old", "new"}


def create(alias: str, collection: str) -> pb2.AliasOperations:
    wanted = pb2.CreateAlias(alias_name=alias, collection_name=collection)
    return pb2.AliasOperations(create_alias=wanted)


def rename(old: str, new: str) -> pb2.AliasOperations:
    return pb2.AliasOperations(rename_alias=pb2.RenameAlias(old_alias_name=old, new_alias_name=new))


def drop(alias: str) -> pb2.AliasOperations:
    return pb2.AliasOperations(delete_alias=pb2.DeleteAlias(alias_name=alias))


def test_actions_hold_in_order() -> None:
    actions = [drop("live"), create("live", "new"), rename("live", "current")]

    assert aliases.changed({"live": "old"}, actions, EXISTING) == {"current": "new"}


@pytest.mark.parametrize(
    ("misfit", "code"),
    [
        (create("a", "nobody"), grpc.StatusCode.NOT_FOUND),
        (create("new", "old"), grpc.StatusCode.ALREADY_EXISTS),
        (rename("nobody", "a"), grpc.StatusCode.NOT_FOUND),
        (rename("live", "new"), grpc.StatusCode.ALREADY_EXISTS),
    ],
    ids=["no collection", "a collection's name", "no alias", "to a collection's name"],
)
def test_one_misfit_and_none_holds(misfit: pb2.AliasOperations, code: grpc.StatusCode) -> None:
    before = {"live": "old"}

    with pytest.raises(Refused) as refused:
        aliases.changed(before, [create("live", "new"), misfit], EXISTING)

    assert refused.value.code == code
    assert before == {"live": "old"}


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    file = tmp_path / "aliases.json"
    assert aliases.load(file) == {}

    aliases.save(file, {"live": "old"})
    aliases.save(file, {"live": "new"})

    assert aliases.load(file) == {"live": "new"}
    assert list(tmp_path.iterdir()) == [file]
