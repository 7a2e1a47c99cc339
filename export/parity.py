"""How near the exported vectors come to torch's, in figures and against a bound."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from export.options import Dtype
from export.texts import TEXTS, batches
from stream.errors import Failed

Rows = NDArray[np.float32]
Encode = Callable[[Sequence[str]], Rows]  # one batch of texts to (b, d)

#: The least cosine that any text may have with its vector by torch.
BOUNDS = {Dtype.FP32: 0.9999, Dtype.FP16: 0.999, Dtype.INT8: 0.98}
NEAREST = 10
SHOWN = 60  # characters of a text in a message


@dataclass(frozen=True, slots=True)
class Parity:
    """Over every text alone and in padded batches of 1 to 64.

    texts           how many
    cosine_min      of the worst text, and which that was, in a batch of how many
    cosine_mean     over all of them
    rank_agreement  share of a text's 10 nearest by torch that are among its 10 nearest by the
                    exported model, the mean over the texts, in [0, 1]
    bound           cosine_min must reach it
    """

    texts: int
    cosine_min: float
    cosine_mean: float
    rank_agreement: float
    bound: float
    worst: str
    worst_batch: int

    def require(self) -> None:
        """Raises Failed, naming the worst text, if the bound is not reached."""
        if self.cosine_min >= self.bound:
            return
        shown = repr(self.worst[:SHOWN]) + ("…" if len(self.worst) > SHOWN else "")
        raise Failed(
            f"the exported vectors differ from torch's: cosine {self.cosine_min:.5f}, at least "
            f"{self.bound} is needed (mean {self.cosine_mean:.5f}); worst is the text {shown} of "
            f"{len(self.worst)} characters in a batch of {self.worst_batch}; nothing was written. "
            "Try another --dtype or --opset, or report it"
        )


def parity(
    reference: Rows,
    encode: Encode,
    dtype: Dtype,
    *,
    texts: Sequence[str] = TEXTS,
    advance: Callable[[], None] = lambda: None,
) -> Parity:
    """Compare `encode` with torch.

    reference  (n, d), each of `texts` alone in torch
    advance    called after every batch of `plan(n)`
    """
    places = plan(len(texts))
    found = []
    for place in places:
        found.append(encode([texts[index] for index in place]))
        advance()
    cosines = [cosine(reference[place], rows) for place, rows in zip(places, found, strict=True)]
    worst = min(range(len(places)), key=lambda batch: cosines[batch].min())
    everything = np.concatenate(cosines)
    return Parity(
        texts=len(texts),
        cosine_min=float(everything.min()),
        cosine_mean=float(everything.mean()),
        rank_agreement=rank_agreement(*_once(reference, places, found, texts)),
        bound=BOUNDS[dtype],
        worst=texts[places[worst][int(cosines[worst].argmin())]],
        worst_batch=len(places[worst]),
    )


def plan(count: int) -> list[list[int]]:
    """Which texts run together: each alone, then the batches."""
    return [[index] for index in range(count)] + batches(count)


def cosine(left: Rows, right: Rows) -> NDArray[np.float64]:
    """Row by row, (n, d) and (n, d) -> (n,); -1 where one is zero or not finite."""
    wide, other = left.astype(np.float64), right.astype(np.float64)
    norms = np.linalg.norm(wide, axis=1) * np.linalg.norm(other, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = np.einsum("nd,nd->n", wide, other) / norms
    return np.where(np.isfinite(found), found, -1.0)


def rank_agreement(left: Rows, right: Rows, nearest: int = NEAREST) -> float:
    """Share of each row's nearest rows (by cosine, itself left out) that both sides agree on,
    the mean over the rows."""
    nearest = min(nearest, len(left) - 1)
    pairs = zip(_nearest(left, nearest), _nearest(right, nearest), strict=True)
    return float(np.mean([len(set(a) & set(b)) / nearest for a, b in pairs]))


def _nearest(rows: Rows, count: int) -> list[list[int]]:
    wide = np.nan_to_num(rows.astype(np.float64))
    wide /= np.maximum(np.linalg.norm(wide, axis=1, keepdims=True), 1e-12)
    scores = wide @ wide.T  # (n,d)·(d,n) -> (n,n)
    np.fill_diagonal(scores, -np.inf)
    return [[int(i) for i in row] for row in np.argsort(-scores, axis=1, kind="stable")[:, :count]]


def _once(
    reference: Rows, places: list[list[int]], found: list[Rows], texts: Sequence[str]
) -> tuple[Rows, Rows]:
    """Each different text's two vectors, the exported one as the last batch gave it."""
    rows = np.empty_like(reference)
    for place, batch in zip(places, found, strict=True):
        rows[place] = batch
    different = list({text: index for index, text in enumerate(texts)}.values())
    return reference[different], rows[different]
