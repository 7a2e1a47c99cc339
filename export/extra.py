"""What an export needs beyond the service, looked for before anything imports it."""

from __future__ import annotations

from importlib.util import find_spec

from stream.errors import Misconfigured

NEEDED = ("torch", "transformers", "onnx", "onnxruntime")


def require(needed: tuple[str, ...] = NEEDED) -> None:
    """Raises Misconfigured where the extra `export` is not installed."""
    missing = [name for name in needed if find_spec(name) is None]
    if missing:
        raise Misconfigured(
            f"an export needs {', '.join(missing)}, which is not installed: "
            "`pip install 'interestream[export]'`, best in an environment of its own"
        )
