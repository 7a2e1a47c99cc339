"""Qdrant's own gRPC API over an embedded engine, one process, one directory a collection.

From outside import `host.EmbeddedQdrant` only; the rest runs in that process."""
