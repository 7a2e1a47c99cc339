"""From texts to vectors, and from reviews to strengths."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from stream.settings.units import Share


class Encoding(BaseModel):
    """The model, what runs it, and how texts are batched."""

    model_dir: Path | None = Field(
        None, description="folder with model.onnx, tokenizer.json and manifest.json"
    )
    encoder_provider: Literal["cpu", "cuda", "openvino"] = Field(
        "cpu", description="what runs the model; cuda needs the extra gpu, openvino its own"
    )
    encoder_fallback: bool = Field(
        False, description="run on the CPU where the provider cannot be had, instead of refusing"
    )
    encoder_sessions: Annotated[int, Field(ge=0)] = Field(
        0, description="sessions of one thread on the CPU; 0: one a core, or what a quota gives"
    )
    encoder_cores: str = Field(
        "", description="cores that sessions are bound to, such as 0-3,6; empty: not bound"
    )
    batch_tokens: Annotated[int, Field(ge=64)] = Field(
        256,
        description="padded tokens of one run of the model; on a GPU less than 16384 counts as "
        "16384",
    )
    max_tokens: Annotated[int, Field(ge=8, le=512)] = Field(
        256,
        description="texts are cut here, or where the model ends; what is stored stays as it is",
    )
    max_wait_ms: Annotated[float, Field(ge=0, le=1000)] = Field(
        0.0, description="that a batch which is not full waits for more while others run"
    )
    encoder_cache_bytes: Annotated[int, Field(ge=0)] = Field(
        64 << 20, description="vectors kept by text; 0: none"
    )
    encoder_queue_texts: Annotated[int, Field(ge=1)] = Field(
        4096,
        description="texts that may wait in each of the encoder's two lanes; at least "
        "chunk_records",
    )


class Reviews(BaseModel):
    """How the words of a review are read."""

    sentiment: Literal["vader", "head", "off"] = Field(
        "vader", description="who reads how a review is meant: VADER (English), a trained head"
    )
    sentiment_dir: Path | None = Field(
        None, description="folder of the trained head; unset: `sentiment` in the model's folder"
    )
    review_lang: str = Field("en", description="language of reviews that do not say theirs")
    review_sentiment_weight: Share = Field(
        0.3, description="share of the text's sentiment in a review's strength beside its rating"
    )
