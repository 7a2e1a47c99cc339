"""Aliases."""

from __future__ import annotations

from typing import Any

from qdrant_client import AsyncQdrantClient
from qdrant_client import models as m

from tests.support.qdrant_cases.shared import (
    PLAIN,
    a_point,
    case,
    everything,
    filled,
    outcome,
)


@case
async def every_call_accepts_an_alias(client: AsyncQdrantClient, name: str) -> Any:
    await filled(client, name)
    alias = f"{name}-alias"
    await client.update_collection_aliases([create(name, alias)])
    return [
        await outcome(client.collection_exists(alias)),
        await outcome(client.get_collection_aliases(name)),
        await outcome(client.get_collection_aliases(alias)),
        (await client.get_collection(alias)).points_count,
        await outcome(client.upsert(alias, [a_point(7)], wait=True)),
        await outcome(client.retrieve(alias, [7])),
        await outcome(client.count(alias)),
        await outcome(client.query_points(alias, query=[1.0, 0.0, 0.0], limit=1)),
        await outcome(client.query_batch_points(alias, [m.QueryRequest(query=7, limit=1)])),
        await outcome(client.delete(alias, [7], wait=True)),
        await outcome(client.set_payload(alias, {"n": 0}, points=[1], wait=True)),
        await everything(client, alias),
    ]


@case
async def an_alias_is_not_a_collection(client: AsyncQdrantClient, name: str) -> Any:
    await filled(client, name)
    alias = f"{name}-alias"
    await client.update_collection_aliases([create(name, alias)])
    return [
        alias in {one.name for one in (await client.get_collections()).collections},
        await outcome(client.create_collection(alias, vectors_config=PLAIN)),
        await outcome(client.delete_collection(alias)),
        await outcome(client.count(alias)),
    ]


@case
async def aliases_move_in_one_step(client: AsyncQdrantClient, name: str) -> Any:
    old, new, alias = f"{name}-old", f"{name}-new", f"{name}-alias"
    await filled(client, old)
    await client.create_collection(new, vectors_config=PLAIN)
    seen = [await outcome(client.update_collection_aliases([create(old, alias)]))]
    seen.append(await outcome(client.count(alias)))
    moved: list[Any] = [drop(alias), create(new, alias)]
    seen.append(await outcome(client.update_collection_aliases(moved)))
    seen.append(await outcome(client.count(alias)))
    seen.append(await outcome(client.update_collection_aliases([create(old, alias)])))
    seen.append(await outcome(client.count(alias)))
    seen.append(await outcome(client.update_collection_aliases([rename(alias, f"{alias}2")])))
    listed = (await client.get_aliases()).aliases
    seen.append(sorted(one.alias_name for one in listed if one.collection_name == old))
    return seen


@case
async def an_alias_action_that_does_not_fit(client: AsyncQdrantClient, name: str) -> Any:
    await filled(client, name)
    change = client.update_collection_aliases
    return [
        await outcome(change([create(f"{name}-none", f"{name}-a")])),
        await outcome(change([create(name, name)])),
        await outcome(change([rename(f"{name}-none", f"{name}-b")])),
        await outcome(change([drop(f"{name}-none")])),
    ]


@case
async def deleting_a_collection_drops_its_aliases(client: AsyncQdrantClient, name: str) -> Any:
    await filled(client, name)
    await client.update_collection_aliases([create(name, f"{name}-a"), create(name, f"{name}-b")])
    await client.delete_collection(name)
    listed = (await client.get_aliases()).aliases
    return [
        [one.alias_name for one in listed if one.alias_name.startswith(name)],
        await outcome(client.count(f"{name}-a")),
        await outcome(client.create_collection(f"{name}-a", vectors_config=PLAIN)),
    ]


def create(collection: str, alias: str) -> m.CreateAliasOperation:
    wanted = m.CreateAlias(collection_name=collection, alias_name=alias)
    return m.CreateAliasOperation(create_alias=wanted)


def rename(old: str, new: str) -> m.RenameAliasOperation:
    return m.RenameAliasOperation(
        rename_alias=m.RenameAlias(old_alias_name=old, new_alias_name=new)
    )


def drop(alias: str) -> m.DeleteAliasOperation:
    return m.DeleteAliasOperation(delete_alias=m.DeleteAlias(alias_name=alias))
