"""What the host answers instead of a result: Qdrant's status codes and its wording."""

from __future__ import annotations

import grpc

# What the engine says (a plain exception with a text) -> how the server answers it.
ENGINE_CODES = (
    ("No point with id", grpc.StatusCode.NOT_FOUND),
    ("dimension error", grpc.StatusCode.INVALID_ARGUMENT),
    ("Not existing vector", grpc.StatusCode.INVALID_ARGUMENT),
    ("sparse", grpc.StatusCode.INVALID_ARGUMENT),
    ("JSON path", grpc.StatusCode.INVALID_ARGUMENT),
    ("No range index", grpc.StatusCode.INVALID_ARGUMENT),
)


class Refused(Exception):  # reads as what happened
    """A request that is answered with `code` and `message`."""

    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def wrong(message: str) -> Refused:
    return Refused(grpc.StatusCode.INVALID_ARGUMENT, f"Wrong input: {message}")


def unsupported(what: str) -> Refused:
    return Refused(
        grpc.StatusCode.UNIMPLEMENTED,
        f"the embedded store does not support {what}: use a Qdrant server for it",
    )


def not_found(message: str) -> Refused:
    return Refused(grpc.StatusCode.NOT_FOUND, f"Not found: {message}")


def no_collection(name: str) -> Refused:
    return not_found(f"Collection `{name}` doesn't exist!")


def taken(name: str) -> Refused:
    message = f"Wrong input: Collection `{name}` already exists!"
    return Refused(grpc.StatusCode.ALREADY_EXISTS, message)


def explained(error: Exception) -> Refused:
    """The answer to whatever went wrong with a request."""
    if isinstance(error, Refused):
        return error
    if isinstance(error, (ValueError, TypeError, OverflowError)):
        return wrong(str(error))
    text = str(error)
    codes = (code for part, code in ENGINE_CODES if part in text)
    return Refused(next(codes, grpc.StatusCode.INTERNAL), text)
