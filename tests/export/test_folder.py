"""The folder is there whole or not at all, and what was there is lost only to a whole one."""

from __future__ import annotations

from pathlib import Path

import pytest

from export.folder import refuse, whole
from stream.errors import Misconfigured


def model(folder: Path, content: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name in ("model.onnx", "tokenizer.json"):
        (folder / name).write_text(content)
    return folder


def test_it_appears_at_the_end(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"

    with whole(out, force=False) as made:
        model(made, "new")
        assert not out.exists()

    assert [path.name for path in out.parent.iterdir()] == ["out"]
    assert (out / "model.onnx").read_text() == "new"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
@pytest.mark.parametrize("force", [False, True])
def test_an_end_before_the_end_changes_nothing(
    tmp_path: Path, error: type[BaseException], force: bool
) -> None:
    out = tmp_path / "out"
    if force:
        model(out, "old")

    def ends() -> None:
        with whole(out, force=force) as made:
            model(made, "new")
            raise error

    with pytest.raises(error):
        ends()

    assert [path.name for path in tmp_path.iterdir()] == (["out"] if force else [])
    assert not force or (out / "model.onnx").read_text() == "old"


def test_force_replaces(tmp_path: Path) -> None:
    out = model(tmp_path / "out", "old")

    with whole(out, force=True) as made:
        model(made, "new")

    assert (out / "model.onnx").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_failed_second_rename_brings_the_old_one_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = model(tmp_path / "out", "old")
    rename = Path.rename

    def failing(self: Path, target: Path) -> Path:
        if self.name == "new":
            raise KeyboardInterrupt
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)

    with pytest.raises(KeyboardInterrupt), whole(out, force=True) as made:
        model(made, "new")

    assert (out / "model.onnx").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_an_existing_folder_is_refused(tmp_path: Path) -> None:
    out = model(tmp_path / "out", "old")

    with pytest.raises(Misconfigured, match="--force to replace it"), whole(out, force=False):
        pass


@pytest.mark.parametrize("beside", ["notes.txt", "model.onnx.bak", "runs/log", "config.json"])
def test_what_no_export_made_is_not_deleted(tmp_path: Path, beside: str) -> None:
    """Whatever else lay beside the model went with it."""
    out = model(tmp_path / "out", "old")
    (out / beside).parent.mkdir(exist_ok=True)
    (out / beside).write_text("dear")

    with (
        pytest.raises(Misconfigured, match=rf"out holds {beside.split('/')[0]}, which no export"),
        whole(out, force=True),
    ):
        pass

    assert (out / beside).read_text() == "dear"


def test_of_many_other_files_some_are_named(tmp_path: Path) -> None:
    for number in range(8):
        (tmp_path / f"letter-{number}").touch()

    with pytest.raises(Misconfigured, match=r"letter-0, .*letter-4 and 3 more, which no export"):
        refuse(tmp_path, force=True)


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json"])
def test_force_replaces_nothing_but_whole_models(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()

    with pytest.raises(Misconfigured, match="holds no whole model"):
        refuse(tmp_path, force=True)


def test_what_exports_make_is_replaced(tmp_path: Path) -> None:
    for name in ("model.onnx_data", "model.onnx.data", "manifest.json"):
        (model(tmp_path / "out", "old") / name).touch()

    with whole(tmp_path / "out", force=True) as made:
        model(made, "new")

    assert {path.name for path in (tmp_path / "out").iterdir()} == {"model.onnx", "tokenizer.json"}


def test_a_trained_head_is_carried_over(tmp_path: Path) -> None:
    """It was deleted with the model, and the labelled texts may be gone."""
    out = model(tmp_path / "out", "old")
    (out / "sentiment").mkdir()
    (out / "sentiment" / "head.onnx").write_text("head")

    with whole(out, force=True) as made:
        model(made, "new")

    assert (out / "model.onnx").read_text() == "new"
    assert (out / "sentiment" / "head.onnx").read_text() == "head"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_link_in_place_of_a_head_is_not_ours(tmp_path: Path) -> None:
    out = model(tmp_path / "out", "old")
    (out / "sentiment").symlink_to(tmp_path)

    with pytest.raises(Misconfigured, match="holds sentiment, which no export made"):
        refuse(out, force=True)


def test_a_file_or_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")

    for name in ("file", "link"):
        with (
            pytest.raises(Misconfigured, match="is not a folder"),
            whole(tmp_path / name, force=True),
        ):
            pass


def test_what_cannot_be_written_is_said_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")

    with (
        pytest.raises(Misconfigured, match="choose another --out"),
        whole(tmp_path / "file" / "out", force=False),
    ):
        pass
