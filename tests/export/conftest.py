from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest

from keras_s2s import (
    BahdanauAttention,
    CharacterTokenizer,
    Decoder,
    Encoder,
    LuongAttention,
    Seq2Seq,
    Translator,
)

ATTENTIONS: dict[str, Callable[[], Any]] = {
    "none": lambda: None,
    "bahdanau": lambda: BahdanauAttention(8),
    "general": lambda: LuongAttention(12, score="general"),
    "dot": lambda: LuongAttention(12, score="dot"),
    "scaled": lambda: LuongAttention(12, score="dot", scaled=True),
    "concat": lambda: LuongAttention(8, score="concat"),
}


def make_translator(
    attention: str = "general",
    *,
    cell: str = "lstm",
    num_layers: int = 1,
    bidirectional: bool = True,
    input_feeding: bool = False,
    seed: int = 1,
    **options: Any,
) -> Translator:
    """A translator between letters, with weights large enough to have something to say."""
    keras.utils.set_random_seed(seed)
    tokenizer = CharacterTokenizer.train(["abcdefghij é 한국어"])
    size = tokenizer.vocabulary_size
    shape: dict[str, Any] = {"num_layers": num_layers, "cell": cell, "embedding_dimension": 6}
    decoder = Decoder(
        size, 12, attention=ATTENTIONS[attention](), input_feeding=input_feeding, **shape, **options
    )
    model = Seq2Seq(Encoder(size, 12, bidirectional=bidirectional, **shape), decoder)
    random = np.random.default_rng(seed)
    model.set_weights([random.normal(scale=0.6, size=w.shape) for w in model.get_weights()])
    return Translator(model, tokenizer, tokenizer)


@pytest.fixture(scope="session")
def make() -> Callable[..., Translator]:
    return make_translator


@pytest.fixture(scope="session")
def attentions() -> list[str]:
    return list(ATTENTIONS)
