"""State in Qdrant: one implementation over its gRPC API, for the embedded host and a server alike.

From outside use `collections.open_store` and what it returns, and the rows in `rows`.
"""
