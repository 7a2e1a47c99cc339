"""Calls about collections and aliases, and the health check."""

from __future__ import annotations

from typing import Any

from qdrant_client.grpc import collections_pb2 as pb2
from qdrant_client.grpc import qdrant_pb2
from qdrant_client.grpc.collections_service_pb2_grpc import CollectionsServicer
from qdrant_client.grpc.qdrant_pb2_grpc import QdrantServicer

from stream.embedded.qdrant import rpc, schema
from stream.embedded.qdrant.directory import Directory

TITLE = "embedded qdrant (qdrant-edge)"
VERSION = "1.19.0"  # of the API; a client one minor version away does not warn


class CollectionsService:
    """Collections and aliases of one data directory."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    def servicer(self) -> Any:
        reads = {
            "Get": self.get,
            "List": self.names,
            "CollectionExists": self.exists,
            "ListAliases": self.list_aliases,
            "ListCollectionAliases": self.list_collection_aliases,
            "Create": self.create,
            "UpdateAliases": self.update_aliases,
        }
        writes = {"Delete": self.delete}
        return rpc.servicer(CollectionsServicer, self._directory, reads, writes)

    def create(self, request: pb2.CreateCollection) -> pb2.CollectionOperationResponse:
        self._directory.create(request)
        return pb2.CollectionOperationResponse(result=True)

    def delete(self, request: pb2.DeleteCollection) -> pb2.CollectionOperationResponse:
        return pb2.CollectionOperationResponse(
            result=self._directory.delete(request.collection_name)
        )

    def get(self, request: pb2.GetCollectionInfoRequest) -> pb2.GetCollectionInfoResponse:
        found = self._directory.named(request.collection_name)
        return pb2.GetCollectionInfoResponse(result=schema.info(found.created, found.shard.info()))

    def exists(self, request: pb2.CollectionExistsRequest) -> pb2.CollectionExistsResponse:
        found = self._directory.find(request.collection_name) is not None
        return pb2.CollectionExistsResponse(result=pb2.CollectionExists(exists=found))

    def names(self, request: pb2.ListCollectionsRequest) -> pb2.ListCollectionsResponse:
        names = self._directory.collections
        return pb2.ListCollectionsResponse(
            collections=[pb2.CollectionDescription(name=name) for name in names]
        )

    def update_aliases(self, request: pb2.ChangeAliases) -> pb2.CollectionOperationResponse:
        self._directory.change_aliases(request)
        return pb2.CollectionOperationResponse(result=True)

    def list_aliases(self, request: pb2.ListAliasesRequest) -> pb2.ListAliasesResponse:
        return _aliases(self._directory.aliases)

    def list_collection_aliases(
        self, request: pb2.ListCollectionAliasesRequest
    ) -> pb2.ListAliasesResponse:
        wanted = request.collection_name
        aliases = self._directory.aliases.items()
        return _aliases({alias: name for alias, name in aliases if name == wanted})


def health_servicer(directory: Directory) -> Any:
    reply = qdrant_pb2.HealthCheckReply(title=TITLE, version=VERSION)
    return rpc.servicer(QdrantServicer, directory, {"HealthCheck": lambda _: reply}, {})


def _aliases(aliases: dict[str, str]) -> pb2.ListAliasesResponse:
    shown = [
        pb2.AliasDescription(alias_name=alias, collection_name=name)
        for alias, name in aliases.items()
    ]
    return pb2.ListAliasesResponse(aliases=shown)
