"""Every family, dtype and pooling, by tiny random models: what torch says is what is written."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from export import build as build_module
from export.build import build
from export.options import OPSETS, Dtype, Options, Pooling
from export.parity import Parity, Rows, parity
from export.progress import Silent
from export.source import FAMILIES
from export.texts import TEXTS
from export.tuning_texts import TUNING
from stream.encoder import manifest as worker
from stream.errors import Failed, Misconfigured
from tests.export import tiny

pytestmark = pytest.mark.export


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.make(tmp_path_factory.mktemp("models") / "bert")


def export(model: Path, out: Path, **more: Any) -> Parity:
    return build(Options(model=str(model), out=out, **{"pooling": Pooling.MEAN, **more}), Silent())


def rows_of(out: Path, texts: Sequence[str]) -> Rows:
    from export import run

    known = worker.read(out)
    return run.encoder(out / worker.MODEL, out / worker.TOKENIZER, known.max_tokens)(texts)


def operators(out: Path) -> set[str]:
    import onnx

    return {node.op_type for node in onnx.load(out / worker.MODEL).graph.node}


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_in_float32(tmp_path: Path, family: str) -> None:
    """Padded batches are compared with single runs, so position ids and masks are right."""
    found = export(tiny.make(tmp_path / family, family), tmp_path / "out")

    assert found.cosine_min >= 0.9999
    assert worker.read(tmp_path / "out").dimension == tiny.DIMENSION
    written = json.loads((tmp_path / "out" / worker.TOKENIZER).read_text())
    config = json.loads((tmp_path / family / "config.json").read_text())
    assert written["padding"]["pad_id"] == config["pad_token_id"]


@pytest.mark.parametrize(
    ("family", "dtype"),
    [
        ("albert", Dtype.INT8),  # its layers share their weights
        ("bert", Dtype.INT8),
        ("distilbert", Dtype.FP16),
        ("roberta", Dtype.INT8),
        ("roberta", Dtype.FP16),
    ],
)
def test_smaller_numbers(tmp_path: Path, family: str, dtype: Dtype) -> None:
    found = export(tiny.make(tmp_path / family, family), tmp_path / "out", dtype=dtype)

    assert found.cosine_min >= found.bound
    assert worker.read(tmp_path / "out").dtype == dtype
    assert rows_of(tmp_path / "out", ["Toy Story"]).dtype == np.float32


def test_the_graph_is_fused_for_its_target(bert: Path, tmp_path: Path) -> None:
    for dtype in Dtype:
        export(bert, tmp_path / dtype, dtype=dtype)

    assert operators(tmp_path / "fp32") >= {"Attention", "BiasGelu", "LayerNormalization"}
    assert "SkipLayerNormalization" not in operators(tmp_path / "fp32")
    assert operators(tmp_path / "fp16") >= {"Attention", "SkipLayerNormalization", "BiasGelu"}
    assert "MatMulInteger" in operators(tmp_path / "int8")


def test_pooling_and_norm_of_fp16_stay_float32(bert: Path, tmp_path: Path) -> None:
    """The norm of a long vector of large numbers would overflow in float16."""
    import onnx

    export(bert, tmp_path / "out", dtype=Dtype.FP16)

    nodes = onnx.load(tmp_path / "out" / worker.MODEL).graph.node
    pooling = [node for node in nodes if "/pool/" in node.name]
    cast = {n.output[0] for n in nodes if n.op_type == "Cast" and n.attribute[0].i == 1}
    assert "ReduceL2" in {node.op_type for node in pooling}
    assert cast & {name for node in pooling for name in node.input}


def test_opsets_at_both_ends(bert: Path, tmp_path: Path) -> None:
    for opset in (OPSETS[0], OPSETS[-1]):
        assert export(bert, tmp_path / str(opset), opset=opset).cosine_min >= 0.9999
        assert json.loads((tmp_path / str(opset) / worker.MANIFEST).read_text())["opset"] == opset


def test_the_first_token_is_the_vector_where_pooling_is_cls(bert: Path, tmp_path: Path) -> None:
    export(bert, tmp_path / "mean")
    export(bert, tmp_path / "cls", pooling=Pooling.CLS)

    mean, cls = (rows_of(tmp_path / name, ["a film about ships"]) for name in ("mean", "cls"))
    assert float(mean[0] @ cls[0]) < 0.999
    assert worker.read(tmp_path / "cls").pooling == "cls"


def test_rows_have_length_one_unless_told_otherwise(bert: Path, tmp_path: Path) -> None:
    export(bert, tmp_path / "unit")
    export(bert, tmp_path / "free", normalize=False)

    unit, free = (rows_of(tmp_path / name, ["x", "Toy Story"]) for name in ("unit", "free"))
    np.testing.assert_allclose(np.linalg.norm(unit, axis=1), 1, atol=1e-5)
    assert np.all(np.abs(np.linalg.norm(free, axis=1) - 1) > 0.1)


def test_prefixes_of_e5_reach_the_manifest(tmp_path: Path) -> None:
    export(tiny.make(tmp_path / "tiny-e5-base"), tmp_path / "out")

    prefixes = worker.read(tmp_path / "out").prefixes
    assert (prefixes.query, prefixes.passage) == ("query: ", "passage: ")


def test_weights_beside_the_graph_are_read_and_hashed(
    bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from export import store

    monkeypatch.setattr(store.save, "__kwdefaults__", {"inline_bytes": 1000})
    export(bert, tmp_path / "out")

    assert (tmp_path / "out" / "model.onnx_data").stat().st_size > 1000
    with (tmp_path / "out" / "model.onnx_data").open("r+b") as file:
        file.write(b"x")
    with pytest.raises(Misconfigured, match="damaged"):
        worker.read(tmp_path / "out")


def test_a_broken_graph_fails_and_names_the_worst_text(
    bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One weight changed on its way to the file, and nothing stays."""
    import onnx

    from export import store

    saved = store.save

    def spoil(model: Any, path: Path) -> None:
        weight = max(model.graph.initializer, key=lambda w: len(w.raw_data))
        values = onnx.numpy_helper.to_array(weight).copy()
        values[::2] = 1
        weight.CopyFrom(onnx.numpy_helper.from_array(values, weight.name))
        saved(model, path)

    monkeypatch.setattr(store, "save", spoil)

    with pytest.raises(Failed, match=r"at least 0\.9999 is needed .* worst is the text '"):
        export(bert, tmp_path / "out")

    assert list(tmp_path.iterdir()) == []


def test_int8_is_chosen_by_the_tuning_texts_and_judged_once_by_the_others(
    bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Chosen by the texts that judge it, the figure would be the best of several."""
    compared: list[Sequence[str]] = []

    def noted(*given: Any, texts: Sequence[str], **more: Any) -> Parity:
        compared.append(texts)
        return parity(*given, texts=texts, **more)

    monkeypatch.setattr(build_module, "parity", noted)
    found = export(bert, tmp_path / "out", dtype=Dtype.INT8)

    figures = json.loads((tmp_path / "out" / worker.MANIFEST).read_text())["parity"]
    assert compared[-1] is TEXTS
    assert compared[:-1]
    assert all(texts is TUNING for texts in compared[:-1])
    assert (figures["texts"], figures["cosine_min"]) == (len(TEXTS), round(found.cosine_min, 6))
    assert figures["tuning_cosine_min"] >= 0.98


@pytest.mark.parametrize("force", [False, True])
def test_ctrl_c_leaves_what_was_there(
    bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, force: bool
) -> None:
    from export import manifest

    if force:
        export(bert, tmp_path / "out")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(manifest, "write", interrupted)

    with pytest.raises(KeyboardInterrupt):
        export(bert, tmp_path / "out", dtype=Dtype.INT8, force=force)

    after = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert after == before
    assert len(list(tmp_path.iterdir())) == len({path.parent for path in before})


def test_force_replaces_a_model(bert: Path, tmp_path: Path) -> None:
    export(bert, tmp_path / "out")

    export(bert, tmp_path / "out", dtype=Dtype.FP16, force=True)

    assert worker.read(tmp_path / "out").dtype == "fp16"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_too_many_tokens_are_refused(tmp_path: Path) -> None:
    roberta = tiny.make(tmp_path / "model", "roberta")

    with pytest.raises(Misconfigured, match=r"--max-tokens is 63, the model has positions for 62"):
        export(roberta, tmp_path / "out", max_tokens=63)
    export(roberta, tmp_path / "out", max_tokens=62)

    assert worker.read(tmp_path / "out").max_tokens == 62


def test_weights_that_are_missing_are_not_made_up(bert: Path, tmp_path: Path) -> None:
    model = Path(shutil.copytree(bert, tmp_path / "model"))
    config = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps({**config, "num_hidden_layers": 3}))

    with pytest.raises(Misconfigured, match=r"lacks 16 weights, encoder\.layer\.2\."):
        export(model, tmp_path / "out")


def test_without_a_tokenizer_the_message_says_so(bert: Path, tmp_path: Path) -> None:
    """transformers makes up an empty one, with which every word of every text is unknown."""
    model = Path(shutil.copytree(bert, tmp_path / "model"))
    for path in model.glob("tokenizer*"):
        path.unlink()

    with pytest.raises(Misconfigured, match="has no tokenizer: put"):
        export(model, tmp_path / "out")

    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_tokenizer_of_another_model_is_refused(tmp_path: Path) -> None:
    model = tiny.make(tmp_path / "model", vocab_size=50)

    with pytest.raises(Misconfigured, match=r"has \d+ tokens, the model knows 50"):
        export(model, tmp_path / "out")


def test_an_unknown_name_is_not_downloaded(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="nothing is downloaded here"):
        export(Path("some-owner/some-model"), tmp_path / "out")
    with pytest.raises(Misconfigured, match="neither a folder nor a model"):
        export(Path("no such/na me//x"), tmp_path / "out")


def test_factors_are_one_but_for_outliers() -> None:
    from export.smooth import OUTLIER, outlier_factors

    peaks = np.array([1, 1, 0.5, 2, 100], np.float32)

    np.testing.assert_allclose(outlier_factors(peaks), [1, 1, 1, 1, 100 / OUTLIER])


@pytest.mark.parametrize(("family", "least"), [("bert", 4), ("albert", 1)])
def test_smoothing_changes_no_result(tmp_path: Path, family: str, least: int) -> None:
    """A column behind a norm made large gets its factor, but where layers share weights only
    the product before them does."""
    import onnx
    import onnxruntime as ort

    from export import network, smooth, to_onnx

    module = network.load(tiny.make(tmp_path / "model", family), Pooling.MEAN, normalize=True)
    for name, weight in module.encoder.named_parameters():
        if "norm.weight" in name.lower():
            weight.data[3] = 90
    before = to_onnx.trace(module, tmp_path, 17)
    feeds = smooth.calibration([wanted.name for wanted in before.graph.input], 100, 2, 3)
    after = onnx.ModelProto()
    after.CopyFrom(before)

    smooth.smooth(after, feeds)

    run = [
        ort.InferenceSession(each.SerializeToString()).run(None, feeds[20])[0]
        for each in (before, after)
    ]
    np.testing.assert_allclose(run[0], run[1], atol=1e-5)
    added = len(after.graph.node) - len(before.graph.node)
    assert added >= least if family == "bert" else added == least
