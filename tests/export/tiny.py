"""Random encoders of two layers, with tokenizers of a few hundred words: exported in a second."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from export.texts import ORDINARY

DIMENSION = 32
POSITIONS = 64
BERT = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
ROBERTA = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")  # where its padding id is 1
COMMON: dict[str, Any] = {
    "hidden_size": DIMENSION,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "max_position_embeddings": POSITIONS,
}
DISTILBERT: dict[str, Any] = {
    "dim": DIMENSION,
    "n_layers": 2,
    "n_heads": 4,
    "hidden_dim": 64,
    "max_position_embeddings": POSITIONS,
}


def make(folder: Path, family: str = "bert", *, seed: int = 0, **config: Any) -> Path:
    """A folder as `save_pretrained` leaves it: config, weights, tokenizer."""
    import torch
    import transformers

    roberta = family in {"camembert", "mpnet", "roberta", "xlm-roberta"}
    tokenizer = _tokenizer(ROBERTA if roberta else BERT)
    values = {
        **(DISTILBERT if family == "distilbert" else COMMON),
        "vocab_size": tokenizer.get_vocab_size(),
        "pad_token_id": 1 if roberta else 0,
        **({"embedding_size": 16} if family in {"albert", "electra"} else {}),
        **config,
    }
    transformers.utils.logging.disable_progress_bar()
    torch.set_num_threads(1)  # models this small lose by more
    torch.manual_seed(seed)
    made = transformers.AutoConfig.for_model(family, **values)
    transformers.AutoModel.from_config(made).save_pretrained(folder)
    _save(tokenizer, folder, ROBERTA if roberta else BERT)
    return folder


def _tokenizer(special: tuple[str, ...]) -> Tokenizer:
    words = sorted({word for text in ORDINARY for word in text.lower().split()})
    letters = sorted({letter for text in ORDINARY for letter in text.lower()} - {" "})
    pieces = [*special, *letters, *(f"##{letter}" for letter in letters), *words]
    ids = {piece: number for number, piece in enumerate(dict.fromkeys(pieces))}
    unknown = "[UNK]" if "[UNK]" in special else "<unk>"
    tokenizer = Tokenizer(models.WordPiece(ids, unk_token=unknown))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    first, last = ("[CLS]", "[SEP]") if "[CLS]" in special else ("<s>", "</s>")
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{first} $A {last}", special_tokens=[(first, ids[first]), (last, ids[last])]
    )
    return tokenizer


def _save(tokenizer: Tokenizer, folder: Path, special: tuple[str, ...]) -> None:
    tokenizer.save(str(folder / "tokenizer.json"))
    names = ("pad", "unk", "cls", "sep", "mask")
    tokens = special if special is BERT else ("<pad>", "<unk>", "<s>", "</s>", "<mask>")
    content = {f"{name}_token": token for name, token in zip(names, tokens, strict=True)}
    content["tokenizer_class"] = "PreTrainedTokenizerFast"
    (folder / "tokenizer_config.json").write_text(json.dumps(content))
