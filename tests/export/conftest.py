import contextlib
import itertools
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from keras_s2s import (
    BahdanauAttention,
    BahdanauMonotonicAttention,
    CharacterTokenizer,
    CopyingDecoder,
    CopyingEncoder,
    Decoder,
    Encoder,
    LuongAttention,
    LuongMonotonicAttention,
    SentencePieceTokenizer,
    Seq2Seq,
    Translator,
    WordTokenizer,
    export,
)
from keras_s2s.files.file_lock import locked
from keras_s2s.special_ids import END_ID

ATTENTIONS: dict[str, Callable[[], Any]] = {
    "none": lambda: None,
    "bahdanau": lambda: BahdanauAttention(8),
    "general": lambda: LuongAttention(12, score="general"),
    "dot": lambda: LuongAttention(12, score="dot"),
    "scaled": lambda: LuongAttention(12, score="dot", scaled=True),
    "concat": lambda: LuongAttention(8, score="concat"),
    "location": lambda: LuongAttention(12, score="location", maximum_source_length=40),
    "local-m": lambda: LuongAttention(12, local="monotonic", window=2),
    "local-p": lambda: LuongAttention(12, local="predictive", window=2),
    "normalized": lambda: BahdanauAttention(8, normalized=True),
    "monotonic": lambda: BahdanauMonotonicAttention(8),
    "monotonic-general": lambda: LuongMonotonicAttention(12),
}
DIRECTIONS: dict[str, dict[str, bool]] = {
    "both": {"bidirectional": True},
    "forward": {"bidirectional": False},
    "reversed": {"bidirectional": False, "reverse_source": True},
    "alternating": {"bidirectional": False, "alternating": True},
}


# An export is tried with these; without, with 40 texts drawn by chance, which takes longer.
SAMPLES = ["a", "jig", "b é", "cafe", "한국 어", "abcdefghij", "feed a hedgehog", "a" * 12]

SAMPLE: list[dict[str, Any]] = [
    {"attention": "general", "input_feeding": True},
    {"attention": "bahdanau", "cell": "gru", "num_layers": 2, "bridge": "copy"},
    {"attention": "none", "num_layers": 2, "direction": "reversed", "cell": "rnn"},
    {"attention": "local-m", "cell": "layer_norm_lstm", "input_feeding": True},
    {"attention": "local-p", "num_layers": 3, "direction": "alternating"},
    {"attention": "location", "tie_embeddings": True, "share_embeddings": True},
    {"attention": "dot", "bridge": "zeros"},
    {"attention": "monotonic"},
    {"attention": "general", "copying": True, "tie_embeddings": True},
]
OPTIONS: dict[str, list[Any]] = {
    "attention": ["general", *ATTENTIONS],
    "cell": ["lstm", "layer_norm_lstm", "gru", "rnn"],
    "num_layers": [2, 1],
    "direction": list(DIRECTIONS),
    "input_feeding": [False, True],
    "bridge": ["dense", "zeros"],
}


def make_grid() -> list[dict[str, Any]]:
    """Models that differ from the first values in two options at most: every two values meet."""
    base = [values[0] for values in OPTIONS.values()]
    found = []
    for values in itertools.product(*(dict.fromkeys(v) for v in OPTIONS.values())):
        shape = dict(zip(OPTIONS, values, strict=True))
        needs_attention = shape["input_feeding"] or shape["bridge"] == "zeros"
        is_odd = shape["attention"] == "none" and needs_attention
        is_odd |= shape["input_feeding"] and shape["attention"].startswith("monotonic")
        is_odd |= shape["direction"] == "alternating" and shape["num_layers"] == 1
        if not is_odd and sum(a != b for a, b in zip(values, base, strict=True)) <= 2:
            found.append(shape)
    return found


GRID = make_grid()


def set_random_weights(model: Seq2Seq, seed: int) -> None:
    """Weights by which translations differ, and end by themselves after some tokens."""
    random = np.random.default_rng(seed)
    weights = [random.normal(scale=0.6, size=w.shape) for w in model.get_weights()]
    model.set_weights(weights)
    decoder = model.decoder
    output = decoder.embedding.embeddings if decoder.tie_embeddings else decoder.output_kernel
    values = np.array(output)
    of_end = values[END_ID] if decoder.tie_embeddings else values[:, END_ID]
    of_end *= 1.7  # Twice the weights of the end mark, and half of the translations are blank.
    output.assign(values)


def make_translator(
    attention: str = "general",
    *,
    cell: str = "lstm",
    num_layers: int = 1,
    direction: str = "both",
    share_embeddings: bool = False,
    input_feeding: bool = False,
    copying: bool = False,
    seed: int = 1,
    **options: Any,
) -> Translator:
    """A translator between letters, with weights large enough to have something to say."""
    keras.utils.set_random_seed(seed)
    tokenizer = CharacterTokenizer.train(["abcdefghij é 한국어"])
    size = tokenizer.vocabulary_size
    shape: dict[str, Any] = {"num_layers": num_layers, "cell": cell, "embedding_dimension": 6}
    decoder = (CopyingDecoder if copying else Decoder)(
        size, 12, attention=ATTENTIONS[attention](), input_feeding=input_feeding, **shape, **options
    )
    encoder = (CopyingEncoder if copying else Encoder)(size, 12, **DIRECTIONS[direction], **shape)
    model = Seq2Seq(encoder, decoder, share_embeddings=share_embeddings)
    set_random_weights(model, seed)
    return Translator(model, tokenizer, tokenizer, samples=SAMPLES)


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
    set_random_weights(model, 2)
    return Translator(model, source, target)


@pytest.fixture(scope="session")
def make_from_text() -> Callable[[str], Translator]:
    return make_translator_from_text


@pytest.fixture(scope="session")
def exported_once(
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[str, Callable[[Path], Any]], Path]:
    """The folder of an export by its name, written by the process that asks for it first.

    Tests that change an export copy it.
    """
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:  # The processes' folders are side by side.
        base = base.parent

    def exported_once(name: str, write: Callable[[Path], Any]) -> Path:
        place = base / "exports" / name
        place.mkdir(parents=True, exist_ok=True)
        while not (place / "done").exists():
            with contextlib.suppress(ValueError), locked(place / "lock"):
                if not (place / "done").exists():
                    write(place / "model")
                    (place / "done").touch()
            time.sleep(0.05)
        return place / "model"

    return exported_once


EXPORTS: dict[str, dict[str, Any]] = {
    "litert": {"lengths": (8, 16), "samples": ["abc", "dead beef"]},
    "onnx": {"samples": ["abc", "dead beef"]},
    "saved_model": {"samples": ["abc", "한국 é", "", "j", "hhhhhhhhhhhh", "gab"]},
}


@pytest.fixture(scope="session")
def exported_as(exported_once: Callable) -> Callable[[str], Path]:
    """The folder of `make_translator(input_feeding=True)` in a format."""

    def write(form: str, folder: Path) -> None:
        getattr(export, form)(make_translator(input_feeding=True), folder, **EXPORTS[form])

    return lambda form: exported_once(form, lambda folder: write(form, folder))


@pytest.fixture(params=GRID, ids=str)
def grid_shape(request: pytest.FixtureRequest) -> dict[str, Any]:
    """All kinds of models."""
    return request.param
