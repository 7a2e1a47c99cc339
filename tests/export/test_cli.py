"""The command line without torch: help, and errors with their remedy."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from export import build, cli, extra
from export.options import Options, check
from export.parity import Parity
from export.progress import Reports
from stream.encoder.manifest import Manifest
from stream.errors import Misconfigured

OPTIONS = [
    *("--model", "--out", "--pooling", "--normalize", "--dtype", "--opset", "--max-tokens"),
    *("--query-prefix", "--passage-prefix", "--name", "--force"),
]


def test_help_names_every_option_and_needs_no_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("torch", "transformers", "onnx"):
        monkeypatch.setitem(sys.modules, module, None)  # importing it raises

    shown = CliRunner().invoke(cli.app, ["--help"], env={"COLUMNS": "200"}, color=False)

    assert shown.exit_code == 0
    assert not [option for option in OPTIONS if option not in shown.output]


@pytest.mark.parametrize("argv", [[], ["--model", "x"], ["--out", "y"]])
def test_model_and_out_are_needed(argv: list[str]) -> None:
    shown = CliRunner().invoke(cli.app, argv)

    assert shown.exit_code == 2
    assert "--model and --out are needed" in shown.stderr


def test_without_the_extra_the_message_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(extra, "find_spec", lambda name: None if name == "torch" else name)
    monkeypatch.setattr(sys, "argv", ["interestream-export", "--model", "x", "--out", "y"])
    monkeypatch.chdir(tmp_path)

    with pytest.raises(SystemExit) as left:
        cli.main()

    assert left.value.code == 2
    assert "needs torch, which is not installed: `pip install 'interestream[export]'`" in (
        capsys.readouterr().err
    )
    assert list(tmp_path.iterdir()) == []


def test_the_extra_is_complete_where_all_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extra, "find_spec", lambda name: name)

    extra.require()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"opset": 16}, r"--opset is 16, the exporter writes 17 to 20"),
        ({"opset": 21}, r"--opset is 21, the exporter writes 17 to 20"),
        ({"max_tokens": 2}, r"--max-tokens is 2, at least 8"),
    ],
)
def test_limits_that_need_no_model(more: dict[str, int], message: str) -> None:
    with pytest.raises(Misconfigured, match=message):
        check(Options(model="x", out=Path("y"), **more))  # type: ignore[arg-type]  # ints only


def test_the_models_own_folder_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    again = tmp_path / "model" / ".." / "model"

    with pytest.raises(Misconfigured, match="is the model's own folder"):
        check(Options(model=str(tmp_path / "model"), out=again, force=True))
    check(Options(model="a-name", out=Path("a-name")))


def exported(monkeypatch: pytest.MonkeyPatch, out: Path, **more: Any) -> Any:
    """What the command tells of an export that ended well."""
    content = {
        "name": "m",
        "dimension": 384,
        "max_tokens": 128,
        "pooling": "cls",
        "dtype": "fp32",
        "prefixes": {"query": "", "passage": ""},
        "model_sha256": "0" * 64,
        "tokenizer_sha256": "1" * 64,
        "source": {"prefixes_from": "name"},
        "parity": {"provider": "CPUExecutionProvider"},
        **more,
    }

    def ends_well(options: Options, reports: Reports) -> Parity:
        options.out.mkdir(exist_ok=True)
        (options.out / "manifest.json").write_text(json.dumps(content))
        return Parity(89, 0.99999, 1, 1, 0.9999, "", 1)

    monkeypatch.setattr(extra, "find_spec", lambda name: name)
    monkeypatch.setattr(signal, "signal", lambda number, handler: None)
    monkeypatch.setattr(build, "build", ends_well)
    shown = CliRunner().invoke(cli.app, ["--model", "x", "--out", str(out)])
    assert shown.exit_code == 0, shown.output
    return shown


def test_what_parity_cannot_judge_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """torch was told the same pooling and prefixes, so that they are wrong shows nowhere else."""
    shown = exported(monkeypatch, tmp_path / "a")
    assert "pooling cls, at most 128 tokens, no prefixes\n" in shown.stdout

    shown = exported(monkeypatch, tmp_path / "b", prefixes={"query": "q: ", "passage": "p: "})
    assert 'query prefix "q: ", passage prefix "p: "\n' in shown.stdout
    assert "--query-prefix" not in shown.stderr


def test_prefixes_that_nobody_says_are_a_warning(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shown = exported(monkeypatch, tmp_path / "out", source={"prefixes_from": "nobody"})

    (line,) = (line for line in shown.stderr.splitlines() if "prefix" in line)
    assert "give --query-prefix and --passage-prefix" in line


@pytest.mark.parametrize(
    ("dtype", "provider", "expected"),
    [
        ("fp16", "CPUExecutionProvider", True),
        ("fp16", "CUDAExecutionProvider", False),
        ("fp32", "CPUExecutionProvider", False),
    ],
)
def test_float16_compared_in_float32_is_a_warning(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, dtype: str, provider: str, expected: bool
) -> None:
    shown = exported(monkeypatch, tmp_path / "out", dtype=dtype, parity={"provider": provider})

    warning = "compared on the CPU, in float32 arithmetic: try it on the GPU before you trust it"
    assert (warning in shown.stderr) == expected


def test_a_head_that_was_carried_over_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "out" / "sentiment").mkdir(parents=True)

    shown = exported(monkeypatch, tmp_path / "out")

    (line,) = (line for line in shown.stderr.splitlines() if "sentiment" in line)
    assert "train it again" in line
    manifest = msgspec.json.decode((tmp_path / "out" / "manifest.json").read_bytes(), type=Manifest)
    assert line.endswith(f"names this encoder, {manifest.hash}")
