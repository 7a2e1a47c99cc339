"""The model folders that are measured: given ones, or the default model exported anew."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from stream.embedded.archives import MODEL_WEIGHTS, unpacked
from stream.errors import Failed

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".cache"
MODEL = "all-MiniLM-L6-v2"
DTYPES = ("fp32", "int8")


def weights() -> Path:
    """A folder that transformers loads. Raises Misconfigured where it is not to be had."""
    return unpacked(MODEL_WEIGHTS, CACHE)


def models(given: Sequence[Path]) -> dict[str, Path]:
    """Folders by the name they have in the tables: their dtype, or else their own name.

    Without any, fp32 and int8 of the default model; they are exported where they are not yet.

    Raises Failed where that does not succeed.
    """
    folders = given or [_exported(dtype) for dtype in DTYPES]
    named: dict[str, Path] = {}
    for folder in folders:
        dtype = str(_manifest(folder).get("dtype", "fp32"))
        named[folder.name if dtype in named else dtype] = folder
    return named


def pooled(folder: Path) -> bool:
    """Whether the graph gives one row for each text: exported ones do."""
    return b"sentence_embedding" in (folder / "model.onnx").read_bytes()


def _exported(dtype: str) -> Path:
    folder = CACHE / "bench" / dtype
    if folder.is_dir():
        return folder
    command = [sys.executable, "-m", "export.cli", "--model", MODEL, "--dtype", dtype]
    done = subprocess.run([*command, "--out", str(folder)], cwd=ROOT, check=False)
    if done.returncode or not folder.is_dir():
        raise Failed(
            f"{dtype} of {MODEL} could not be exported (see above): mend that, or give folders "
            "with --model"
        )
    return folder


def _manifest(folder: Path) -> dict[str, object]:
    path = folder / "manifest.json"
    found: dict[str, object] = json.loads(path.read_bytes()) if path.is_file() else {}
    return found


def arguments(module: str, description: str | None) -> argparse.ArgumentParser:
    """What every benchmark of model folders takes: which ones."""
    parser = argparse.ArgumentParser(prog=f"python -m {module}", description=description)
    parser.add_argument(
        "--model",
        type=Path,
        action="append",
        default=[],
        metavar="DIR",
        help="model folder, may be repeated; without it the default model, fp32 and int8",
    )
    return parser
