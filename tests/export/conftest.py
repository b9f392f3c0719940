import itertools
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
    SentencePieceTokenizer,
    Seq2Seq,
    Translator,
    WordTokenizer,
)

ATTENTIONS: dict[str, Callable[[], Any]] = {
    "none": lambda: None,
    "bahdanau": lambda: BahdanauAttention(8),
    "general": lambda: LuongAttention(12, score="general"),
    "dot": lambda: LuongAttention(12, score="dot"),
    "scaled": lambda: LuongAttention(12, score="dot", scaled=True),
    "concat": lambda: LuongAttention(8, score="concat"),
}


SAMPLE: list[dict[str, Any]] = [
    {"attention": "general", "input_feeding": True},
    {"attention": "bahdanau", "cell": "gru", "num_layers": 2},
    {"attention": "none", "num_layers": 2, "bidirectional": False},
    {"attention": "dot", "cell": "gru"},
]
GRID: list[dict[str, Any]] = [
    {
        "attention": attention,
        "cell": cell,
        "num_layers": layers,
        "bidirectional": bidirectional,
        "input_feeding": feeding,
    }
    for attention, cell, layers, bidirectional, feeding in itertools.product(
        ATTENTIONS, ("lstm", "gru"), (1, 2), (True, False), (True, False)
    )
    if attention != "none" or not feeding
]


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


LINES = [
    "the dog runs",
    "a cat sleeps in the house near the snow",
    "개가 달린다",
    "고양이가 집에서 잔다",
    "naïve café …",
]


def make_translator_from_text(kind: str) -> Translator:
    """A translator with two tokenizers that differ, "sentencepiece" or "symbols"."""
    keras.utils.set_random_seed(2)
    if kind == "sentencepiece":
        source: Any = SentencePieceTokenizer.train(LINES)
        target: Any = SentencePieceTokenizer.train([*LINES, "und Hund"])
    else:
        source = CharacterTokenizer.train(LINES, normalization="NFD")
        target = WordTokenizer.train(LINES)
    decoder = Decoder(target.vocabulary_size, 12, attention=LuongAttention(12), input_feeding=True)
    model = Seq2Seq(Encoder(source.vocabulary_size, 12), decoder)
    random = np.random.default_rng(2)
    model.set_weights([random.normal(scale=0.6, size=w.shape) for w in model.get_weights()])
    return Translator(model, source, target)


@pytest.fixture(scope="session")
def make_from_text() -> Callable[[str], Translator]:
    return make_translator_from_text


@pytest.fixture(params=SAMPLE, ids=str)
def sample_shape(request: pytest.FixtureRequest) -> dict[str, Any]:
    """A few kinds of models that have one of everything."""
    return request.param


@pytest.fixture(params=GRID, ids=str)
def grid_shape(request: pytest.FixtureRequest) -> dict[str, Any]:
    """All kinds of models."""
    return request.param
