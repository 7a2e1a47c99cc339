"""Token ids: no padding, our own cut."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stream.encoder.tokens import Tokenizer
from stream.errors import Misconfigured
from tests.encoder.parts import TINY

CLS, SEP = 2, 3


def tiny(max_tokens: int = 32) -> Tokenizer:
    return Tokenizer.from_file(TINY / "tokenizer.json", max_tokens=max_tokens)


def test_the_files_own_padding_and_cut_do_not_apply() -> None:
    """The file pads to 128 and cuts at 8."""
    short, longer = tiny().encode(["ab", "a b c d e f g h i j k l"])

    assert len(short) == 4
    assert len(longer) == 14
    assert not longer.cut


def test_the_empty_text_is_its_special_tokens() -> None:
    (empty,) = tiny().encode([""])

    assert empty.ids.tolist() == [CLS, SEP]
    assert not empty.cut


def test_a_longer_text_keeps_its_start_and_its_end_token() -> None:
    whole, fits, cut = (
        *tiny(64).encode(["a b c d e f g h i"]),
        *tiny(8).encode(["a b c d e f", "a b c d e f g h i"]),
    )

    assert len(fits) == 8
    assert not fits.cut
    assert cut.cut
    assert cut.ids.tolist() == [*whole.ids[:7].tolist(), SEP]


def test_padding_id_is_the_models_own(tmp_path: Path) -> None:
    """The position ids of some models count what is not padding, so 0 would not do."""
    content = json.loads((TINY / "tokenizer.json").read_text())
    content["padding"]["pad_id"] = 9
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(content))

    assert Tokenizer.from_file(path, max_tokens=8).pad_id == 9
    content["padding"] = None
    path.write_text(json.dumps(content))
    assert Tokenizer.from_file(path, max_tokens=8).pad_id == 0


@pytest.mark.parametrize("content", [b"{}", b"not json", b"\xff\xfe"])
def test_a_damaged_file_says_what_to_do(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_bytes(content)

    with pytest.raises(Misconfigured, match=r"tokenizer\.json is not a tokenizer .*fetch"):
        Tokenizer.from_file(path, max_tokens=8)
