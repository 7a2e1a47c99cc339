"""Texts to unit vectors: tokens, batches by padded tokens, sessions, cache, manifest.

From outside import `Encoder`, `FakeEncoder`, the protocol `TextEncoder`, `Lane`, `Role` and
`Manifest`.
"""

from __future__ import annotations

from stream.encoder.contract import Lane, Role, TextEncoder
from stream.encoder.encoder import Encoder
from stream.encoder.fake import FakeEncoder
from stream.encoder.manifest import Manifest

__all__ = ["Encoder", "FakeEncoder", "Lane", "Manifest", "Role", "TextEncoder"]
