"""Texts to token ids, cut at `max_tokens`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding
from tokenizers import Tokenizer as Backend

from stream.encoder.manifest import again
from stream.errors import Misconfigured

Ids = NDArray[np.int64]
PARALLEL_TEXTS = 64  # below it the library's own threads cost half as much again as they save
PAD_TOKENS = ("[PAD]", "<pad>")


@dataclass(frozen=True, slots=True)
class Tokens:
    """A text's ids, special tokens included; `cut` if the text had more than fit."""

    ids: Ids
    cut: bool

    def __len__(self) -> int:
        return len(self.ids)


class Tokenizes(Protocol):
    """What the encoder needs of a tokenizer."""

    @property
    def pad_id(self) -> int: ...

    def encode(self, texts: Sequence[str]) -> list[Tokens]: ...


class Tokenizer:
    """A `tokenizer.json` with its own padding and truncation replaced by ours."""

    def __init__(self, backend: Backend, *, max_tokens: int) -> None:
        self.pad_id = _pad_id(backend)
        self._backend = backend
        self._max_tokens = max_tokens
        # a published tokenizer.json may pad every text to 128 or cut it there
        backend.no_padding()
        backend.enable_truncation(max_tokens)

    @classmethod
    def from_file(cls, path: Path, *, max_tokens: int) -> Self:
        """Raises Misconfigured if the file is not a tokenizer."""
        try:
            backend = Backend.from_file(str(path))
        except Exception as error:  # the binding raises nothing narrower
            raise Misconfigured(
                f"{path} is not a tokenizer ({error}): {again(path.parent)}"
            ) from error
        return cls(backend, max_tokens=max_tokens)

    def encode(self, texts: Sequence[str]) -> list[Tokens]:
        """Tokens of every text; of a longer one the first `max_tokens`, special ones included."""
        return [self._tokens(encoding) for encoding in self._encodings(list(texts))]

    def _encodings(self, texts: list[str]) -> list[Encoding]:
        if len(texts) > PARALLEL_TEXTS:
            return self._backend.encode_batch_fast(texts)
        return [self._backend.encode_batch_fast([text])[0] for text in texts]

    def _tokens(self, encoding: Encoding) -> Tokens:
        ids = np.array(encoding.ids, dtype=np.int64)
        # asking for the overflow builds objects, so only where there can be some
        cut = len(ids) == self._max_tokens and bool(encoding.overflowing)
        return Tokens(ids, cut)


def _pad_id(backend: Backend) -> int:
    """The model's own padding id: position ids of the RoBERTa family count what is not padding."""
    if backend.padding:
        return int(backend.padding["pad_id"])
    known = (backend.token_to_id(token) for token in PAD_TOKENS)
    return next((found for found in known if found is not None), 0)
