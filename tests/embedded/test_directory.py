"""The data directory: one holder, nothing half made, aliases only of what is there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from qdrant_client.grpc import collections_pb2 as pb2

from stream.embedded.qdrant.directory import Directory
from stream.embedded.qdrant.refusal import Refused
from stream.errors import Misconfigured

pytestmark = pytest.mark.integration


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Directory]:
    directory = Directory(tmp_path).open()
    yield directory
    directory.close()


def wanted(name: str) -> pb2.CreateCollection:
    params = pb2.VectorParams(size=2, distance=pb2.Distance.Dot)
    return pb2.CreateCollection(
        collection_name=name, vectors_config=pb2.VectorsConfig(params=params)
    )


def alias(alias: str, name: str) -> pb2.ChangeAliases:
    action = pb2.CreateAlias(alias_name=alias, collection_name=name)
    return pb2.ChangeAliases(actions=[pb2.AliasOperations(create_alias=action)])


def test_a_directory_has_one_holder(directory: Directory) -> None:
    with pytest.raises(Misconfigured, match=rf"{directory.root} is in use"):
        Directory(directory.root).open()


def test_collections_and_aliases_are_there_again(directory: Directory) -> None:
    directory.create(wanted("films"))
    directory.change_aliases(alias("live", "films"))
    directory.close()

    directory.open()

    assert directory.named("live") is directory.named("films")


def test_what_was_half_made_or_half_gone_is_removed(directory: Directory) -> None:
    directory.create(wanted("films"))
    left = [
        directory.root / "collections" / ".half",
        directory.root / "collections" / "films" / "shard-cut-short",
    ]
    for path in left:
        path.mkdir()
    directory.close()

    directory.open()

    assert list(directory.collections) == ["films"]
    assert not any(path.exists() for path in left)


def test_a_refused_collection_leaves_nothing(directory: Directory) -> None:
    impossible = pb2.CreateCollection(collection_name="films")

    with pytest.raises(Refused):
        directory.create(impossible)

    assert list((directory.root / "collections").iterdir()) == []


@pytest.mark.parametrize("name", ["", ".", "..", ".hidden", "a/b", "a\0b", "a b", "x" * 256])
def test_names_that_could_leave_the_directory_are_refused(directory: Directory, name: str) -> None:
    with pytest.raises(Refused) as refused:
        directory.create(wanted(name))

    assert refused.value.code == grpc.StatusCode.INVALID_ARGUMENT


def test_an_alias_of_a_collection_that_is_gone_is_dropped(directory: Directory) -> None:
    directory.create(wanted("films"))
    (directory.root / "aliases.json").write_text('{"live": "gone", "ok": "films"}')
    directory.close()

    directory.open()

    assert directory.aliases == {"ok": "films"}
