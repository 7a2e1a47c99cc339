"""What `interestream demo` and `interestream up` run instead of a cluster: broker, store, archives.

From outside import `broker.Broker`, `qdrant.host.EmbeddedQdrant` and `archives`."""
