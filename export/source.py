"""The model that is exported, as its own files describe it; no torch is needed to read them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec

from export.options import Options, Pooling
from stream.embedded import archives
from stream.errors import Misconfigured

PINNED = "all-MiniLM-L6-v2"
#: model_type of configurations whose encoder, masks and positions the tests cover
FAMILIES = (
    "albert",
    "bert",
    "camembert",
    "distilbert",
    "electra",
    "mpnet",
    "roberta",
    "xlm-roberta",
)
#: their position ids begin after the padding id, so they take fewer tokens than positions
OFFSET_POSITIONS = frozenset({"camembert", "mpnet", "roberta", "xlm-roberta"})
STEPS_AFTER = frozenset({"Pooling", "Normalize", "Transformer"})
POOLING_FLAGS = {"pooling_mode_cls_token": "cls", "pooling_mode_mean_tokens": "mean"}
#: words in names of models that were trained on bare texts
BARE = frozenset({"minilm", "mpnet"})


class PrefixesFrom(StrEnum):
    """Who says what goes in front of a text."""

    OPTIONS = "options"
    PROMPTS = "prompts"
    NAME = "name"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Source:
    """A folder of weights and what is to become of it.

    name        for people
    label       what the manifest says of the origin: a package, a repository or a folder's name
    family      one of FAMILIES
    max_tokens  of a text, special ones included
    query, passage  prefixes; "": none
    prefixes_from   NOBODY: none were found, which need not mean that the model wants none
    """

    folder: Path
    name: str
    label: str
    family: str
    pooling: Pooling
    max_tokens: int
    query: str
    passage: str
    prefixes_from: PrefixesFrom


def find(options: Options, in_cache: Callable[[str], Path | None]) -> Source:
    """Read what a model's folder says, the options' values instead where they are given.

    in_cache  finds a name's folder among models that were fetched before

    Raises Misconfigured if there is no such model, or it is not one that can be exported.
    """
    folder, label = _folder(options, in_cache)
    config = _config(folder)
    family = _family(config, label)
    query, passage, said_by = _prefixes(
        options, folder, f"{label} {config.get('_name_or_path', '')}"
    )
    return Source(
        folder=folder,
        name=options.name or label.split("/")[-1].split("==")[0],
        label=label,
        family=family,
        pooling=_pooling(options.pooling, folder, label),
        max_tokens=_max_tokens(options.max_tokens, folder, config, family),
        query=query,
        passage=passage,
        prefixes_from=said_by,
    )


def _folder(options: Options, in_cache: Callable[[str], Path | None]) -> tuple[Path, str]:
    """A folder wins over a name, the pinned model over the transformers cache."""
    path = Path(options.model)
    if path.is_dir():
        return path, path.resolve().name
    if options.model.split("/")[-1] == PINNED:
        return archives.unpacked(archives.MODEL_WEIGHTS, options.cache_dir), options.model
    found = in_cache(options.model)
    if found is None:
        raise Misconfigured(
            f"--model {options.model} is neither a folder nor a model on this machine: give a "
            f"folder with config.json, tokenizer.json and weights, or {PINNED}; nothing is "
            "downloaded here"
        )
    return found, options.model


def _config(folder: Path) -> dict[str, Any]:
    config: dict[str, Any] | None = _json(folder / "config.json")
    if config is None:
        raise Misconfigured(f"{folder} has no config.json: give the folder of a transformers model")
    return config


def _family(config: dict[str, Any], label: str) -> str:
    family = str(config.get("model_type", ""))
    if family not in FAMILIES:
        raise Misconfigured(
            f"{label} is of the type {family or 'unknown'!r}, which is no encoder of the BERT "
            f"family: choose one of the types {', '.join(FAMILIES)}"
        )
    if config.get("is_decoder") or config.get("is_encoder_decoder"):
        raise Misconfigured(
            f"{label} is configured as a decoder, whose tokens see only what is before them: "
            "choose an encoder"
        )
    return family


def _pooling(asked: Pooling | None, folder: Path, label: str) -> Pooling:
    """What is asked for, else as sentence-transformers' files say. Their steps are looked at in
    any case: --pooling says how vectors become one, not that a Dense layer may be left out."""
    modules = _json(folder / "modules.json") or []
    kinds = [str(module.get("type", "")).split(".")[-1] for module in modules]
    if others := sorted(set(kinds) - STEPS_AFTER):
        raise Misconfigured(
            f"{folder / 'modules.json'} has the steps {', '.join(others)}, of which the graph "
            "would know nothing: choose a model of transformer, pooling and normalisation alone"
        )
    if asked is not None:
        return asked
    steps = zip(modules, kinds, strict=True)
    path = next((step.get("path") for step, kind in steps if kind == "Pooling"), None)
    return _declared_pooling(folder / (path or "1_Pooling") / "config.json", label)


def _declared_pooling(path: Path, label: str) -> Pooling:
    """There is no default: the wrong one gives vectors that look right, and parity, which is
    with torch under the same pooling, would not notice."""
    declared = _json(path)
    if declared is None and label.split("/")[-1] == PINNED:
        return Pooling.MEAN
    if declared is None:
        raise Misconfigured(
            f"{path} is not there, so nothing says how {label} makes one vector of a text's "
            "tokens: say --pooling cls (BGE, arctic-embed and mxbai were trained so) or --pooling "
            "mean (E5 and MiniLM), as the model's publisher does"
        )
    modes = _modes(declared)
    if modes not in (["mean"], ["cls"]):
        raise Misconfigured(
            f"{path} asks for the pooling {' and '.join(modes) or 'unknown'}, mean and cls are "
            "known: say --pooling mean or cls if the model stands it, or choose another one"
        )
    return Pooling(modes[0])


def _modes(declared: dict[str, Any]) -> list[str]:
    """Of the newer form, one word or a list, or of the older one, a flag for each."""
    mode = declared.get("pooling_mode")
    if mode is not None:
        return [mode] if isinstance(mode, str) else [str(each) for each in mode]
    flags = [key for key, on in declared.items() if key.startswith("pooling_mode_") and on]
    return [POOLING_FLAGS.get(flag, flag.removeprefix("pooling_mode_")) for flag in flags]


def _max_tokens(asked: int | None, folder: Path, config: dict[str, Any], family: str) -> int:
    """What is asked for, else what sentence-transformers' or the tokenizer's file says (newer
    versions write it there), else all positions."""
    positions = int(config.get("max_position_embeddings", 512))
    if family in OFFSET_POSITIONS:
        positions -= int(config.get("pad_token_id", 1)) + 1
    if asked is not None and asked > positions:
        raise Misconfigured(
            f"--max-tokens is {asked}, the model has positions for {positions}: lower it"
        )
    declared = (
        (_json(folder / "sentence_bert_config.json") or {}).get("max_seq_length")
        or (_json(folder / "tokenizer_config.json") or {}).get("model_max_length")
        or positions
    )
    return asked or min(int(declared), positions)


def _prefixes(options: Options, folder: Path, names: str) -> tuple[str, str, PrefixesFrom]:
    """Of queries and passages; an option takes the place of what is found."""
    query, passage, said_by = _found_prefixes(folder, names)
    if options.query_prefix is None and options.passage_prefix is None:
        return query, passage, said_by
    return (
        query if options.query_prefix is None else options.query_prefix,
        passage if options.passage_prefix is None else options.passage_prefix,
        PrefixesFrom.OPTIONS,
    )


def _found_prefixes(folder: Path, names: str) -> tuple[str, str, PrefixesFrom]:
    """The prompts of sentence-transformers' file, else E5's where a name has the word e5. Empty
    prompts say nothing: newer versions of sentence-transformers write them for every model."""
    prompts = (_json(folder / "config_sentence_transformers.json") or {}).get("prompts") or {}
    query = str(prompts.get("query") or "")
    passage = str(prompts.get("passage") or prompts.get("document") or "")
    if query or passage:
        return query, passage, PrefixesFrom.PROMPTS
    words = set(re.split(r"[^a-z0-9]+", names.lower()))
    if "e5" in words:
        if "instruct" in words:  # wants a sentence of the task's own
            return "", "", PrefixesFrom.NOBODY
        return "query: ", "passage: ", PrefixesFrom.NAME
    return "", "", PrefixesFrom.NAME if words & BARE else PrefixesFrom.NOBODY


def _json(path: Path) -> Any:
    """The content, None where there is no such file."""
    if not path.is_file():
        return None
    try:
        return msgspec.json.decode(path.read_bytes())
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Misconfigured(f"{path} cannot be read ({error}): fetch the model again") from error
