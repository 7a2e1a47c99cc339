"""A logistic head that reads from an encoder's own vectors how a review is meant.

1. read    labelled texts, each once
2. encode  them with the model that the worker runs, as it encodes reviews
3. train   on one part; how often it is right is counted on the other
4. write   head.onnx and head.json, read back and compared before they get their name
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from export.folder import whole
from export.labelled import Labelled
from export.progress import Reports
from stream.encoder.contract import Lane, Role, Rows
from stream.encoder.encoder import Encoder
from stream.encoder.manifest import Manifest
from stream.errors import Failed, Misconfigured
from stream.sentiment.head import HEAD, HEAD_MANIFEST, INPUT, OUTPUT, Head, HeadManifest
from stream.settings import Settings

SMALLEST_CLASS = 50  # texts; with fewer the accuracy on a fifth of them says nothing
ENCODED_AT_ONCE = 256  # texts between two signs of progress
STRENGTHS = np.logspace(-2, 2, 5)  # of `C`, what regularisation is divided by
FOLDS = 5
OPSET = 17
ONNX_TOLERANCE = 1e-5  # of a probability: the graph computes in float32
PACKAGES = ("scikit-learn", "skl2onnx", "onnx", "onnxruntime")


@dataclass(frozen=True, slots=True)
class Trained:
    """A fitted classifier and how it did on texts that it had not seen.

    c  chosen by cross-validation
    """

    classifier: Any
    c: float
    trained_on: int
    held_out: int
    accuracy: float
    baseline: float


def make_head(
    labelled: Labelled,
    model_dir: Path,
    out: Path,
    *,
    settings: Settings,
    reports: Reports,
    held_out: float = 0.2,
    seed: int = 0,
) -> HeadManifest:
    """Train a head on a model's vectors and write its folder.

    settings  the worker's: what cuts its texts cuts these
    held_out  share of the texts that the accuracy is counted on

    Raises Misconfigured if there is too little to learn from or `out` exists, Failed if what was
    learned is no better than always saying the larger class; then nothing is written.
    """
    require_enough(labelled)
    if out.exists():
        raise Misconfigured(f"{out} exists: remove it, or write to another folder (--out)")
    vectors, encoder = asyncio.run(_encoded(labelled.texts, model_dir, settings, reports))
    positive = np.array(labelled.positive, np.int64)
    reports.step("train")
    trained = train(vectors, positive, held_out=held_out, seed=seed)
    if trained.accuracy <= trained.baseline:
        raise Failed(
            f"the head is right for {trained.accuracy:.3f} of the {trained.held_out} held-out "
            f"texts, always saying the larger class for {trained.baseline:.3f}: give it more "
            "texts, as many that damn as praise, of the kind that users write"
        )
    reports.step("write")
    return _written(out, trained, encoder, vectors)


def require_enough(labelled: Labelled) -> None:
    """Raises Misconfigured if a class has too few texts."""
    praise = sum(labelled.positive)
    damn = len(labelled.positive) - praise
    if min(praise, damn) < SMALLEST_CLASS:
        raise Misconfigured(
            f"{praise} texts praise and {damn} damn, {SMALLEST_CLASS} of each are needed at least "
            f"(left out: {labelled.neutral} neutral, {labelled.blank} blank, {labelled.repeated} "
            f"repeated, {labelled.contradictory} on both sides): label more"
        )


async def _encoded(
    texts: Sequence[str], model_dir: Path, settings: Settings, reports: Reports
) -> tuple[Rows, Manifest]:
    """Vectors (n, d) of the texts as the worker makes those of reviews."""
    encoder = await Encoder.open(
        model_dir,
        sessions=settings.encoder_sessions,
        batch_tokens=settings.batch_tokens,
        max_tokens=settings.max_tokens,
        cache_bytes=0,
        queue_texts=ENCODED_AT_ONCE,
        provider=settings.encoder_provider,
        fallback=settings.encoder_fallback,
        cores=settings.encoder_cores,
    )
    try:
        starts = range(0, len(texts), ENCODED_AT_ONCE)
        advance = reports.step("encode", len(starts))
        parts = []
        for start in starts:
            part = texts[start : start + ENCODED_AT_ONCE]
            parts.append(await encoder.encode(part, lane=Lane.EVENTS, role=Role.QUERY))
            advance()
    finally:
        await encoder.close()
    return np.concatenate(parts), encoder.manifest


def train(vectors: Rows, positive: NDArray[np.int64], *, held_out: float, seed: int) -> Trained:
    """Fit on one part, count on the other; the same seed gives the same parts.

    positive  (n,) 1 where the text praises, else 0

    The classes are weighted as they come, so a probability is that of a text of this data.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV, StratifiedKFold, train_test_split

    learn, check = train_test_split(
        np.arange(len(positive)), test_size=held_out, stratify=positive, random_state=seed
    )
    search = GridSearchCV(
        LogisticRegression(max_iter=1000),
        {"C": STRENGTHS},
        scoring="neg_log_loss",  # what counts is the probability, not only its side
        cv=StratifiedKFold(FOLDS, shuffle=True, random_state=seed),
    ).fit(vectors[learn], positive[learn])
    share = float(positive[check].mean())
    return Trained(
        classifier=search.best_estimator_,
        c=float(search.best_params_["C"]),
        trained_on=len(learn),
        held_out=len(check),
        accuracy=float(search.best_estimator_.score(vectors[check], positive[check])),
        baseline=max(share, 1 - share),
    )


def to_onnx(classifier: Any, dimension: int) -> bytes:
    """The graph: `vector` (b, d) float32 to `positive` (b,) float32."""
    from onnx import TensorProto, checker, helper, numpy_helper
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import FloatTensorType

    model = convert_sklearn(
        classifier,
        initial_types=[(INPUT, FloatTensorType([None, dimension]))],
        options={id(classifier): {"zipmap": False}},
        target_opset={"": OPSET, "ai.onnx.ml": 3},
    )
    graph = model.graph
    graph.name = "sentiment_head"
    probabilities = graph.output[1].name  # (b, 2): damns, praises
    graph.initializer.append(numpy_helper.from_array(np.array(1, np.int64), "praises"))
    graph.node.append(helper.make_node("Gather", [probabilities, "praises"], [OUTPUT], axis=1))
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, [None]))
    checker.check_model(model)
    return bytes(model.SerializeToString())


def _written(out: Path, trained: Trained, encoder: Manifest, vectors: Rows) -> HeadManifest:
    model = to_onnx(trained.classifier, encoder.dimension)
    manifest = HeadManifest(
        encoder=encoder.hash,
        dimension=encoder.dimension,
        accuracy=round(trained.accuracy, 4),
        baseline=round(trained.baseline, 4),
        trained_on=trained.trained_on,
        held_out=trained.held_out,
        head_sha256=hashlib.sha256(model).hexdigest(),
        versions={name: version(name) for name in PACKAGES},
    )
    with whole(out, force=False) as folder:
        (folder / HEAD).write_bytes(model)
        text = msgspec.json.format(msgspec.json.encode(manifest), indent=2)
        (folder / HEAD_MANIFEST).write_bytes(text + b"\n")
        _compare(folder, encoder, trained.classifier, vectors)
    return manifest


def _compare(folder: Path, encoder: Manifest, classifier: Any, vectors: Rows) -> None:
    """As the worker reads the folder, it must say what was trained."""
    head = asyncio.run(Head.open(folder, encoder))
    wanted = classifier.predict_proba(vectors)[:, 1]
    off = float(np.abs(head.positive(vectors) - wanted).max())
    if off > ONNX_TOLERANCE:
        raise Failed(
            f"the exported head differs from the trained one by {off:.2g}, limit "
            f"{ONNX_TOLERANCE:g}: does skl2onnx {version('skl2onnx')} know scikit-learn "
            f"{version('scikit-learn')}?"
        )
