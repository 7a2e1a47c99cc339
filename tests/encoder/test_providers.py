"""What runs the model: as asked for, or not at all, or on the CPU where that is allowed."""

from __future__ import annotations

import os
import shutil
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

from stream.encoder import Encoder, bound, cores, manifest, providers
from stream.encoder.batches import Shapes
from stream.encoder.bound import open_bound, shapes_for
from stream.encoder.openvino import open_openvino
from stream.encoder.providers import Name, Provider, Wanted, open_sessions
from stream.encoder.sessions import open_cpu
from stream.errors import Misconfigured
from stream.web.metrics import Metrics
from tests.encoder.fixtures.texts import TEXTS
from tests.encoder.parts import TINY, TINY_POOLED, opened

HAS_CUDA = providers.CUDA in ort.get_available_providers()
without_cuda = pytest.mark.skipif(HAS_CUDA, reason="onnxruntime knows CUDA here")


def open_(folder: Path = TINY_POOLED, **wanted: object) -> providers.Opened:
    return open_sessions(folder, manifest.read(folder), Wanted(**wanted))  # type: ignore[arg-type]


def batch(rows: int = 3, length: int = 5) -> tuple[np.ndarray, np.ndarray]:
    ids = np.random.default_rng(rows).integers(4, 40, (rows, length))
    mask = np.ones((rows, length), np.int64)
    mask[0, 2:] = 0
    return ids, mask


# --- the CPU


def test_there_is_a_session_for_each_core() -> None:
    assert open_().provider == Provider("cpu", cores.count(), "fp32")


def test_the_number_of_sessions_may_be_set() -> None:
    found = open_(sessions=3)

    assert (str(found.provider), len(found.sessions)) == ("cpu ×3 fp32", 3)


def test_named_cores_get_a_session_each() -> None:
    core = min(cores.allowed())
    found = open_(cores=str(core))

    assert (str(found.provider), len(found.sessions)) == (f"cpu ×1 fp32 on cores {core}", 1)
    assert open_(cores=str(core), sessions=1).provider == found.provider


def test_sessions_and_cores_that_contradict_each_other_are_refused() -> None:
    core = min(cores.allowed())

    with pytest.raises(Misconfigured, match="SESSIONS is 2, INTERESTREAM_ENCODER_CORES names 1"):
        open_(cores=str(core), sessions=2)


def test_the_precision_is_that_of_the_weights(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(TINY, tmp_path / "quantised"))
    content = (folder / "manifest.json").read_text().replace("fp32", "int8")
    (folder / "manifest.json").write_text(content)

    assert open_(folder, sessions=1).provider == Provider("cpu", 1, "int8")


# --- a provider that cannot be had

UNAVAILABLE: list[Name] = [] if HAS_CUDA else ["cuda"]
UNAVAILABLE += [] if find_spec("openvino") else ["openvino"]


@pytest.mark.parametrize("name", UNAVAILABLE)
def test_a_provider_that_is_not_there_is_refused_with_the_remedies(name: Name) -> None:
    remedies = r"pip install 'interestream\[.*PROVIDER=cpu, or INTERESTREAM_ENCODER_FALLBACK=true"

    with pytest.raises(Misconfigured, match=remedies):
        open_(provider=name)


@pytest.mark.parametrize("name", UNAVAILABLE)
def test_the_cpu_takes_over_only_where_that_is_allowed(name: Name) -> None:
    found = open_(provider=name, fallback=True, sessions=2)

    assert found.provider == Provider("cpu", 2, "fp32")


@without_cuda
@pytest.mark.filterwarnings("ignore:Specified provider 'CUDAExecutionProvider'")
def test_onnxruntime_s_own_fall_back_to_the_cpu_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """It opens a session on the CPU and says so in its log only."""
    monkeypatch.setattr(ort, "get_available_providers", lambda: [providers.CUDA])
    monkeypatch.setattr(ort, "preload_dlls", lambda: None)

    with pytest.raises(Misconfigured, match=r"CUDA cannot be started .*NVIDIA driver"):
        open_(provider="cuda")
    assert open_(provider="cuda", fallback=True).provider.name == "cpu"


def test_cores_are_for_the_cpu() -> None:
    core = str(min(cores.allowed()))

    with pytest.raises(Misconfigured, match="which the provider cuda has no use for"):
        open_(provider="cuda", cores=core)


# --- the session with bound buffers, on the CPU


@pytest.mark.parametrize("folder", [TINY, TINY_POOLED], ids=["hidden", "pooled"])
@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_bound_buffers_change_nothing(folder: Path, pooling: str) -> None:
    _, (plain,) = open_cpu(folder / "model.onnx", 1, pooling)
    _, session = open_bound(folder / "model.onnx", "cpu", pooling)

    for rows, length in [(3, 5), (1, 2), (3, 5), (8, 5)]:
        given = batch(rows, length)
        np.testing.assert_allclose(session.run(*given), plain.run(*given), atol=1e-6)


def test_buffers_are_made_once_a_shape() -> None:
    _, session = open_bound(TINY_POOLED / "model.onnx", "cpu", "mean")
    session.run(*batch())
    made = session._buffers[(3, 5)]
    session.run(*batch())
    session.run(*batch(length=6))

    assert session._buffers[(3, 5)] is made
    assert set(session._buffers) == {(3, 5), (3, 6)}


def test_rows_are_the_caller_s_own() -> None:
    """The next run of the shape writes into the same buffer."""
    _, session = open_bound(TINY_POOLED / "model.onnx", "cpu", "mean")
    first = session.run(*batch())
    kept = first.copy()
    ids, mask = batch()
    session.run(ids + 1, mask)

    np.testing.assert_array_equal(first, kept)


def test_warm_up_makes_the_buffers_of_every_shape_within_the_budget() -> None:
    _, session = open_bound(TINY_POOLED / "model.onnx", "cpu", "mean")
    shapes = Shapes(lengths=(2, 4), counts=(1, 2, 4), batch_tokens=8)

    assert session.warm_up(shapes) == 5
    assert set(session._buffers) == {(1, 2), (2, 2), (4, 2), (1, 4), (2, 4)}


@pytest.mark.parametrize("folder", [TINY, TINY_POOLED], ids=["hidden", "pooled"])
def test_a_model_may_give_float16(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The buffer has the type that the model gives."""
    _, session = open_bound(folder / "model.onnx", "cpu", "mean")
    monkeypatch.setitem(bound.OUTPUTS, "tensor(float)", np.float16)
    _, half = open_bound(folder / "model.onnx", "cpu", "mean")

    assert session._made((3, 5)).output.data_type() == "tensor(float)"
    assert half._made((3, 5)).output.data_type() == "tensor(float16)"


def test_a_model_that_gives_another_type_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(bound.OUTPUTS, "tensor(float)")

    with pytest.raises(Misconfigured, match=r"gives sentence_embedding as tensor\(float\), not as"):
        open_bound(TINY_POOLED / "model.onnx", "cpu", "mean")


@pytest.mark.parametrize("max_tokens", [8, 16, 100, 256, 512])
def test_shapes_hold_every_batch_and_waste_at_most_half_of_it_each_way(max_tokens: int) -> None:
    shapes = shapes_for(bound_tokens := 4096, max_tokens)

    assert shapes.lengths[-1] == max_tokens
    for length in range(16, max_tokens + 1):
        assert length <= shapes.length(length) <= 2 * length
        most = max(1, bound_tokens // shapes.length(length))
        for texts in range(1, most + 1):
            count, _ = shapes.padded(texts, length)
            assert texts <= count <= min(2 * texts, most)


@pytest.fixture
def cuda_on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole way to a GPU, with the CPU in its place."""
    monkeypatch.setattr(providers, "CUDA", bound.PROVIDERS["cpu"])
    monkeypatch.setattr(ort, "preload_dlls", lambda: None)
    monkeypatch.setattr(
        providers, "open_bound", lambda model, _, pooling: open_bound(model, "cpu", pooling)
    )
    monkeypatch.setattr(providers, "CUDA_BATCH_TOKENS", 1024)


@pytest.mark.usefixtures("cuda_on_the_cpu")
async def test_an_encoder_with_bound_buffers_gives_the_same_vectors() -> None:
    budgets: list[int] = []
    plain = await opened(TINY_POOLED)
    encoder = await Encoder.open(
        TINY_POOLED,
        provider="cuda",
        sessions=0,
        batch_tokens=256,
        max_tokens=256,
        cache_bytes=0,
        queue_texts=4096,
        on_batch=lambda padded, _real, _seconds: budgets.append(padded),
    )
    rows = await encoder.encode([*TEXTS, *(f"{n} {'word ' * (n % 40)}" for n in range(400))])
    rows = rows[: len(TEXTS)]

    assert max(budgets) <= 1024  # padding to the shapes counts, or a run is one not warmed up
    assert encoder.provider == Provider("cuda", 1, "fp32")
    np.testing.assert_allclose(rows, await plain.encode(TEXTS), atol=1e-5)
    await encoder.close()
    await plain.close()


@pytest.mark.usefixtures("cuda_on_the_cpu")
def test_every_batch_of_a_gpu_was_warmed_up() -> None:
    found = open_(provider="cuda", batch_tokens=256, max_tokens=64)
    (session,) = found.sessions

    assert found.batch_tokens == 1024
    assert isinstance(session, bound.BoundSession)
    assert set(session._buffers) == set(found.shapes.all())


@pytest.mark.parametrize("max_tokens", [100, 256, 384])
@pytest.mark.parametrize("budget", [16_384, 20_000, 32_000])
def test_every_batch_within_any_budget_is_warmed_up(max_tokens: int, budget: int) -> None:
    """42 texts of 384 tokens were padded to 64, a shape that no run had prepared."""
    shapes = shapes_for(budget, max_tokens)
    warmed = set(shapes.all())

    assert max(count * length for count, length in warmed) <= budget
    for length in shapes.lengths:
        for texts in range(1, budget // length + 1):
            assert shapes.padded(texts, length) in warmed
    assert len(warmed) < 80


@pytest.mark.usefixtures("cuda_on_the_cpu")
def test_too_little_memory_for_warming_up_is_told_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Or the CPU takes over where that is allowed."""

    def exhausted(_self: bound.BoundSession, _shapes: Shapes) -> int:
        raise RuntimeError("Failed to allocate memory for requested buffer")

    monkeypatch.setattr(bound.BoundSession, "warm_up", exhausted)

    remedies = r"Failed to allocate.*lower INTERESTREAM_BATCH_TOKENS.*ENCODER_FALLBACK=true"
    with pytest.raises(Misconfigured, match=remedies):
        open_(provider="cuda")
    assert open_(provider="cuda", fallback=True).provider.name == "cpu"


def test_cuda_s_libraries_are_loaded_before_onnxruntime_is_asked_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    def providers_() -> list[str]:
        asked.append("providers")
        return []

    monkeypatch.setattr(ort, "preload_dlls", lambda: asked.append("preload"))
    monkeypatch.setattr(ort, "get_available_providers", providers_)

    with pytest.raises(Misconfigured, match="knows no CUDA"):
        open_(provider="cuda")
    assert asked == ["preload", "providers"]


@pytest.mark.usefixtures("cuda_on_the_cpu")
def test_a_gpu_wants_a_model_that_pools() -> None:
    with pytest.raises(Misconfigured, match=r"a vector for each token.*--dtype fp16"):
        open_(TINY, provider="cuda", fallback=True)


# --- OpenVINO

openvino_here = pytest.mark.skipif(
    find_spec("openvino") is None, reason="OpenVINO is not installed (extra openvino)"
)


@openvino_here
@pytest.mark.parametrize("folder", [TINY, TINY_POOLED], ids=["hidden", "pooled"])
def test_openvino_gives_the_vectors_of_onnxruntime(folder: Path) -> None:
    found = open_(folder, provider="openvino", sessions=2)
    (plain,) = open_(folder, sessions=1).sessions

    assert (found.provider.name, len(found.sessions)) == ("openvino", 2)
    assert found.provider.precision in ("bf16", "fp32")
    for session in found.sessions:
        for rows, length in [(3, 5), (1, 2), (8, 5)]:
            given = batch(rows, length)
            cosines = np.einsum("nd,nd->n", session.run(*given), plain.run(*given))
            assert cosines.min() >= 0.9999


@openvino_here
def test_openvino_s_rows_are_the_caller_s_own() -> None:
    (session,) = open_(provider="openvino", sessions=1).sessions
    first = session.run(*batch())
    kept = first.copy()
    ids, mask = batch()
    session.run(ids + 1, mask)

    np.testing.assert_array_equal(first, kept)


@openvino_here
def test_openvino_refuses_a_damaged_model(tmp_path: Path) -> None:
    model = tmp_path / "model.onnx"
    model.write_bytes((TINY / "model.onnx").read_bytes()[:4000])

    with pytest.raises(Misconfigured, match="cannot be loaded by OpenVINO"):
        open_openvino(model, 1, "mean")


# --- a GPU


@pytest.mark.gpu
@pytest.mark.skipif(not HAS_CUDA, reason="onnxruntime knows no CUDA: it is not onnxruntime-gpu")
async def test_cuda_gives_the_vectors_of_the_cpu() -> None:
    """INTERESTREAM_TEST_GPU_MODEL names an exported folder, fp32 or fp16; else a tiny model."""
    folder = Path(os.environ.get("INTERESTREAM_TEST_GPU_MODEL", TINY_POOLED))
    plain = await opened(folder)
    gpu = await Encoder.open(
        folder,
        provider="cuda",
        sessions=0,
        batch_tokens=256,
        max_tokens=256,
        cache_bytes=0,
        queue_texts=4096,
    )
    cosines = np.einsum("nd,nd->n", await gpu.encode(TEXTS), await plain.encode(TEXTS))

    assert gpu.provider.name == "cuda"
    assert cosines.min() >= 0.999
    await gpu.close()
    await plain.close()


def test_the_metric_says_what_really_runs_the_model() -> None:
    metrics = Metrics()
    metrics.encoder("openvino", "bf16", "all-MiniLM-L6-v2")
    labels = {"provider": "openvino", "dtype": "bf16", "model": "all-MiniLM-L6-v2"}

    assert metrics.registry.get_sample_value("interestream_encoder_info", labels) == 1
