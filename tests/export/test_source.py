"""What a model's own files say, and what they may not say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from export import source
from export.options import Options, Pooling
from export.source import PINNED, PrefixesFrom, Source
from stream.errors import Misconfigured


def described(folder: Path, **files: Any) -> Path:
    """A folder with config.json of a BERT, mean pooling and other files, `/` in their names
    written as `__`; None: not this file."""
    content = {"config": {}, "1_Pooling__config": {"pooling_mode": "mean"}, **files}
    content["config"] = {
        "model_type": "bert",
        "max_position_embeddings": 512,
        "pad_token_id": 0,
        **content["config"],
    }
    for name, value in content.items():
        if value is None:
            continue
        path = folder / f"{name.replace('__', '/')}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(value))
    return folder


def find(folder: Path, **more: Any) -> Source:
    options = Options(model=str(folder), out=folder / "out", **more)
    return source.find(options, lambda name: None)


def test_without_other_files_all_positions_and_no_prefixes(tmp_path: Path) -> None:
    found = find(described(tmp_path / "some-bert"))

    assert (found.name, found.label, found.family) == ("some-bert", "some-bert", "bert")
    assert (found.pooling, found.max_tokens) == (Pooling.MEAN, 512)
    assert (found.query, found.passage) == ("", "")


@pytest.mark.parametrize(
    ("pooling", "expected"),
    [
        ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}, "cls"),
        ({"pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True}, "mean"),
        ({"pooling_mode": "cls"}, "cls"),
        ({"pooling_mode": ["mean"]}, "mean"),
    ],
)
def test_pooling_as_sentence_transformers_writes_it(
    tmp_path: Path, pooling: dict[str, Any], expected: str
) -> None:
    folder = described(tmp_path, **{"1_Pooling__config": pooling})

    assert find(folder).pooling == expected
    assert find(folder, pooling=Pooling.MEAN).pooling == "mean"


@pytest.mark.parametrize(
    ("pooling", "named"),
    [
        ({"pooling_mode_max_tokens": True}, "max_tokens"),
        ({"pooling_mode": "lasttoken"}, "lasttoken"),
        ({"pooling_mode": ["mean", "max"]}, "mean and max"),
        ({}, "unknown"),
    ],
)
def test_other_poolings_are_refused(tmp_path: Path, pooling: dict[str, Any], named: str) -> None:
    with pytest.raises(Misconfigured, match=rf"the pooling {named}, mean and cls are known"):
        find(described(tmp_path, **{"1_Pooling__config": pooling}))


@pytest.mark.parametrize("modules", [None, [], [{"type": "sentence_transformers.models.Pooling"}]])
def test_pooling_that_nobody_says_is_asked_for(tmp_path: Path, modules: Any) -> None:
    """The mean was taken: wrong for a BGE that only transformers had fetched, and parity, which
    is with torch under the same pooling, passed."""
    folder = described(
        tmp_path / "bge-small-en-v1.5", **{"1_Pooling__config": None}, modules=modules
    )

    with pytest.raises(Misconfigured, match=r"how bge-small.*--pooling cls \(BGE, .* mean \(E5"):
        find(folder)
    assert find(folder, pooling=Pooling.CLS).pooling == "cls"


def test_the_pinned_models_pooling_is_known(tmp_path: Path) -> None:
    folder = described(tmp_path / PINNED, **{"1_Pooling__config": None})

    assert find(folder).pooling == "mean"


def test_pooling_is_read_where_the_modules_say_it_is(tmp_path: Path) -> None:
    modules = [{"type": "sentence_transformers.models.Pooling", "path": "2_Pooling"}]
    folder = described(tmp_path, **{"2_Pooling__config": {"pooling_mode": "cls"}}, modules=modules)

    assert find(folder).pooling == "cls"


@pytest.mark.parametrize("asked", [None, Pooling.MEAN])
def test_steps_that_the_graph_would_lack_are_refused(tmp_path: Path, asked: Pooling | None) -> None:
    """With --pooling they were not even looked at."""
    steps = [{"type": f"sentence_transformers.models.{n}"} for n in ("Transformer", "Dense")]

    with pytest.raises(Misconfigured, match="has the steps Dense"):
        find(described(tmp_path, modules=steps), pooling=asked)


@pytest.mark.parametrize(
    ("config", "declared", "asked", "expected"),
    [
        ({}, 256, None, 256),
        ({}, 256, 384, 384),  # what is asked for wins
        ({}, 1024, None, 512),
        ({"model_type": "roberta", "pad_token_id": 1}, None, None, 510),
        ({"model_type": "roberta", "pad_token_id": 1}, 512, None, 510),
    ],
)
def test_max_tokens(
    tmp_path: Path, config: dict[str, Any], declared: int | None, asked: int | None, expected: int
) -> None:
    """The RoBERTa family counts positions from the padding id on."""
    more = {"sentence_bert_config": {"max_seq_length": declared}} if declared else {}

    assert find(described(tmp_path, config=config, **more), max_tokens=asked).max_tokens == expected


@pytest.mark.parametrize(("declared", "expected"), [(128, 128), (10**30, 512), (None, 512)])
def test_max_tokens_of_the_tokenizer(tmp_path: Path, declared: int | None, expected: int) -> None:
    """10**30 is how transformers writes that there is no limit."""
    folder = described(
        tmp_path,
        tokenizer_config={"model_max_length": declared},
        sentence_bert_config={"module_output_name": "token_embeddings"},
    )

    assert find(folder).max_tokens == expected


def test_more_tokens_than_positions_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"--max-tokens is 513, the model has .* 512: lower"):
        find(described(tmp_path), max_tokens=513)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("e5-small-v2", ("query: ", "passage: ")),
        ("multilingual-e5-base", ("query: ", "passage: ")),
        ("multilingual-e5-large-instruct", ("", "")),  # wants a sentence of its own
        ("bge-small-en", ("", "")),
        ("re5earch", ("", "")),
        ("all-MiniLM-L12-v2", ("", "")),
    ],
)
def test_prefixes_by_name(tmp_path: Path, name: str, expected: tuple[str, str]) -> None:
    found = find(described(tmp_path / name))

    assert (found.query, found.passage) == expected


@pytest.mark.parametrize(
    ("name", "prompts", "options", "expected"),
    [
        ("e5-small-v2", {}, {}, "name"),
        ("all-MiniLM-L12-v2", {}, {}, "name"),
        ("our-model", {"query": "find: "}, {}, "prompts"),
        ("our-model", {"query": "", "document": ""}, {}, "nobody"),  # written for every model
        ("our-model", {}, {"query_prefix": ""}, "options"),
        ("our-model", {}, {}, "nobody"),
        ("multilingual-e5-large-instruct", {}, {}, "nobody"),
    ],
)
def test_who_says_the_prefixes(
    tmp_path: Path, name: str, prompts: dict[str, str], options: dict[str, Any], expected: str
) -> None:
    """A copy of an E5 under another name silently lost them."""
    folder = described(tmp_path / name, config_sentence_transformers={"prompts": prompts})

    assert find(folder, **options).prefixes_from == PrefixesFrom(expected)


def test_prefixes_by_prompts_and_by_options(tmp_path: Path) -> None:
    prompts = {"prompts": {"query": "find: ", "document": "text: "}}
    folder = described(tmp_path / "e5", config_sentence_transformers=prompts)

    assert (find(folder).query, find(folder).passage) == ("find: ", "text: ")
    asked = find(folder, query_prefix="", passage_prefix="p ")
    assert (asked.query, asked.passage) == ("", "p ")


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"model_type": "gpt2"}, r"of the type 'gpt2', which is no encoder of the BERT family"),
        ({"model_type": "vit"}, r"choose one of the types albert, bert"),
        ({"is_decoder": True}, r"configured as a decoder"),
    ],
)
def test_what_is_no_encoder_is_refused(
    tmp_path: Path, config: dict[str, Any], message: str
) -> None:
    with pytest.raises(Misconfigured, match=message):
        find(described(tmp_path, config=config))


def test_a_folder_without_config_or_with_a_broken_one(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"has no config\.json"):
        find(tmp_path)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(Misconfigured, match="cannot be read"):
        find(tmp_path)


def test_a_name_is_looked_up_and_never_fetched(tmp_path: Path) -> None:
    folder = described(tmp_path / "snapshot")
    options = Options(model="owner/e5-tiny", out=tmp_path / "out")

    found = source.find(options, {"owner/e5-tiny": folder}.get)
    assert (found.name, found.label, found.query) == ("e5-tiny", "owner/e5-tiny", "query: ")

    with pytest.raises(Misconfigured, match="nothing is downloaded here"):
        source.find(options, lambda name: None)
