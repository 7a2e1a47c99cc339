"""Training a head on a tiny encoder's vectors, and the worker reading it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from export.cli import app
from export.labelled import Labelled
from export.progress import Advance, Silent
from export.sentiment_head import SMALLEST_CLASS, make_head, require_enough, train
from stream.encoder import manifest as manifests
from stream.encoder.contract import Role, Rows
from stream.encoder.encoder import Encoder
from stream.errors import Failed, Misconfigured
from stream.sentiment.contract import Review
from stream.sentiment.head import HEAD, HEAD_MANIFEST, Head
from stream.settings import load
from tests.encoder.parts import TINY

pytestmark = pytest.mark.export
pytest.importorskip("skl2onnx", reason="the extra `export` is not installed")

COUNT = 120


def labelled(*, blind: bool = False) -> Labelled:
    """Texts that the tiny model can tell apart by their letters; `blind`: labels by chance."""
    texts = [f"{'so so good' if n % 2 else 'much too bad'} {n}" for n in range(COUNT)]
    shuffled = np.random.default_rng(0).permutation(COUNT)
    sides = [int(shuffled[n] if blind else n) % 2 == 1 for n in range(COUNT)]
    return Labelled(tuple(texts), tuple(sides))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A head's folder."""
    out = tmp_path_factory.mktemp("heads") / "deep" / "head"
    make_head(labelled(), TINY, out, settings=load(), reports=Silent())
    return out


def test_a_folder_is_written_whole(made: Path) -> None:
    head = asyncio.run(Head.open(made, manifests.read(TINY))).manifest

    assert sorted(path.name for path in made.iterdir()) == [HEAD_MANIFEST, HEAD]
    assert list(made.parent.iterdir()) == [made]
    assert head.accuracy > 0.9 > head.baseline
    assert (head.trained_on, head.held_out) == (96, 24)
    assert head.versions.keys() == {"scikit-learn", "skl2onnx", "onnx", "onnxruntime"}


async def test_the_worker_reads_reviews_with_it(made: Path) -> None:
    encoder = await _encoder()
    try:
        texts = ["so good 999", "too bad 999"]
        vectors = await encoder.encode(texts, role=Role.QUERY)
        head = await Head.open(made, encoder.manifest)
    finally:
        await encoder.close()

    good, bad = await head.polarity(
        [Review(text, "xx", vector) for text, vector in zip(texts, vectors, strict=True)]
    )

    assert good is not None
    assert bad is not None
    assert good > 0.5
    assert bad < -0.5


async def _encoder() -> Encoder:
    settings = load()
    return await Encoder.open(
        TINY,
        sessions=1,
        batch_tokens=settings.batch_tokens,
        max_tokens=settings.max_tokens,
        cache_bytes=0,
        queue_texts=16,
    )


def test_it_tells_how_far_it_is(tmp_path: Path) -> None:
    class Heard:
        def __init__(self) -> None:
            self.told: list[str] = []

        def step(self, what: str, total: int = 1) -> Advance:
            self.told.append(f"{what} {total}")
            return lambda: self.told.append("a part")

    heard = Heard()
    make_head(labelled(), TINY, tmp_path / "head", settings=load(), reports=heard)

    assert heard.told == ["encode 1", "a part", "train 1", "write 1"]


def test_a_head_no_better_than_a_constant_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(Failed, match=r"right for 0\.\d+ of the 24 held-out texts.*0\.500"):
        make_head(labelled(blind=True), TINY, tmp_path / "head", settings=load(), reports=Silent())
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_is_not_overwritten(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="exists: remove it"):
        make_head(labelled(), TINY, tmp_path, settings=load(), reports=Silent())


def test_a_graph_that_says_something_else_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(self: Head, vectors: Rows) -> Rows:
        return np.zeros(len(vectors), np.float32)

    monkeypatch.setattr(Head, "positive", wrong)

    with pytest.raises(Failed, match="differs from the trained one by"):
        make_head(labelled(), TINY, tmp_path / "head", settings=load(), reports=Silent())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("praise", [0, SMALLEST_CLASS - 1])
def test_too_few_of_a_class_are_refused(praise: int) -> None:
    few = Labelled(("x",) * 200, (True,) * praise + (False,) * (200 - praise), neutral=7)

    with pytest.raises(Misconfigured, match=rf"{praise} texts praise and .* 50 .*\(left out: 7 "):
        require_enough(few)


def test_the_same_seed_trains_the_same() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(200, 8)).astype(np.float32)
    positive = (vectors[:, 0] + rng.normal(size=200) > 0).astype(np.int64)

    one, again, other = (train(vectors, positive, held_out=0.3, seed=s) for s in (1, 1, 2))

    assert (one.c, one.accuracy, one.held_out) == (again.c, again.accuracy, 60)
    assert np.array_equal(one.classifier.coef_, again.classifier.coef_)
    assert not np.array_equal(one.classifier.coef_, other.classifier.coef_)


def test_from_the_command_line(tmp_path: Path) -> None:
    data, out = tmp_path / "data.csv", tmp_path / "head"
    pairs = zip(labelled().texts, labelled().positive, strict=True)
    stars = [f"{text},{5 if positive else 1}" for text, positive in pairs]
    data.write_text("\n".join(["body,stars", *stars, "meh,3", stars[0]]))

    found = CliRunner().invoke(
        app,
        [
            *("sentiment-head", str(data), "--model", str(TINY), "--out", str(out)),
            *("--text-column", "body", "--label-column", "stars", "--rating-max", "5"),
        ],
    )

    assert found.exit_code == 0, found.output
    assert "120 texts, 60 of them praise; left out: 1 neutral, 0 blank, 1 repeated" in found.output
    assert "held-out texts (always saying the larger class: 0.500), trained on 96" in found.output
    assert (out / HEAD).is_file()
