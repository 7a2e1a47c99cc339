"""What the worker shows over HTTP: liveness, readiness, metrics, reads.

`stream.app` wires it; the rest of the service reports to `Health` and `Metrics`.
"""
