"""The snapshot's folder: begun, unfinished, whole, damaged."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from stream.backup import folder, manifest
from stream.backup.manifest import File, Kind, Manifest, Positions, Saved
from stream.errors import Failed, Misconfigured
from stream.store.moves import EncoderId

CONTENT = b"content of a file"


def saved(into: Path, name: str = "users.snapshot") -> Saved:
    with folder.writing(into / name) as out:
        out.write(CONTENT)
    return Saved("users", "ns_users_e1", Kind.SNAPSHOT, 3, out.file, {}, {})


def some(*collections: Saved) -> Manifest:
    return Manifest(
        format=1,
        snapshot="s1",
        service="1",
        at="2026-01-01T00:00:00+00:00",
        namespace="ns",
        qdrant="1.18.0",
        encoder=EncoderId("e1", 8),
        schema=1,
        collections=collections,
        aliases={"ns_users": "ns_users_e1"},
        positions=Positions("c1", "ns", ()),
    )


def test_a_manifest_is_read_as_it_was_written(tmp_path: Path) -> None:
    folder.begin(tmp_path)
    written = some(saved(tmp_path))
    manifest.write(tmp_path, written)

    assert manifest.read(tmp_path) == written
    assert folder.damaged(tmp_path, written.collections, lambda _: None) == []
    assert not (tmp_path / manifest.UNFINISHED).exists()


def test_a_folder_is_made_where_it_is_missing(tmp_path: Path) -> None:
    folder.begin(tmp_path / "a" / "b")

    assert (tmp_path / "a" / "b").is_dir()


def test_an_unfinished_snapshot_is_recognised_and_made_anew(tmp_path: Path) -> None:
    folder.begin(tmp_path)
    saved(tmp_path)
    with pytest.raises(Misconfigured, match="was not finished"):
        manifest.read(tmp_path)

    folder.begin(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [manifest.UNFINISHED]


def test_a_folder_that_holds_anything_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letters.txt").write_text("dear")
    with pytest.raises(Misconfigured, match=r"letters\.txt"):
        folder.begin(tmp_path)
    with pytest.raises(Misconfigured, match="holds no snapshot"):
        manifest.read(tmp_path)

    assert (tmp_path / "letters.txt").read_text() == "dear"


def test_a_whole_snapshot_is_not_written_over(tmp_path: Path) -> None:
    folder.begin(tmp_path)
    manifest.write(tmp_path, some(saved(tmp_path)))

    with pytest.raises(Misconfigured, match="already"):
        folder.begin(tmp_path)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda path: path.write_bytes(CONTENT[:-1] + b"?"), "sha256"),
        (lambda path: path.write_bytes(CONTENT[:-1]), f"{len(CONTENT) - 1} bytes"),
        (lambda path: path.unlink(), "missing"),
    ],
)
def test_a_file_that_changed_is_told(tmp_path: Path, change: object, told: str) -> None:
    one = saved(tmp_path)
    change(tmp_path / one.file.name)  # type: ignore[operator]

    (found,) = folder.damaged(tmp_path, [one], lambda _: None)
    assert told in found


def test_a_file_that_could_not_be_written_leaves_nothing(tmp_path: Path) -> None:
    def write() -> None:
        with folder.writing(tmp_path / "file") as out:
            out.write(CONTENT)
            raise OSError(28, "No space left on device")

    with pytest.raises(Failed, match="make room"):
        write()

    assert list(tmp_path.iterdir()) == []


def test_a_manifest_of_a_newer_format_is_refused(tmp_path: Path) -> None:
    newer = msgspec.to_builtins(some()) | {"format": 2}
    (tmp_path / manifest.MANIFEST).write_bytes(msgspec.json.encode(newer))

    with pytest.raises(Misconfigured, match="format 2"):
        manifest.read(tmp_path)


def test_a_manifest_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / manifest.MANIFEST).write_bytes(b"{}")

    with pytest.raises(Misconfigured, match="cannot be read"):
        manifest.read(tmp_path)


def test_a_file_knows_its_size_and_checksum(tmp_path: Path) -> None:
    one = saved(tmp_path)

    assert one.file == File("users.snapshot", len(CONTENT), one.file.sha256)
    assert len(one.file.sha256) == 64
