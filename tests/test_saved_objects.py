"""Whatever has `save` and `load`: what was saved loads, and is the same."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_s2s import (
    BahdanauAttention,
    Beam,
    CharacterTokenizer,
    Decoder,
    Encoder,
    Greedy,
    LuongAttention,
    Recipe,
    ScheduledSampling,
    Seq2Seq,
    Translator,
    WordTokenizer,
    load_tokenizer,
)
from keras_s2s.inference.storage import as_beam
from keras_s2s.text.normalization import NORMALIZATION_FORMS
from keras_s2s.text.option_fields import SEVERAL, as_json, options_of

TOKENIZER = CharacterTokenizer.train(["abcd "])
ID_COUNT = TOKENIZER.vocabulary_size
BUDGET = settings(max_examples=8, deadline=None)
TINY = settings(max_examples=40, deadline=None)

luong = st.builds(
    lambda score, scaled, **rest: {
        "score": score,
        "scaled": scaled and score == "general",
        "maximum_source_length": 9 if score == "location" else None,
        **rest,
    },
    score=st.sampled_from(["general", "concat", "location"]),
    scaled=st.booleans(),
    local=st.sampled_from([None, "monotonic", "predictive"]),
    window=st.integers(1, 5),
)
bahdanau = st.builds(lambda normalized: {"normalized": normalized}, st.booleans())
attentions = st.one_of(
    st.none(),
    st.tuples(st.just(LuongAttention), luong),
    st.tuples(st.just(BahdanauAttention), bahdanau),
)
inverse_sigmoid = ScheduledSampling("inverse_sigmoid", 9, sampled=True)
sampling = st.sampled_from([None, ScheduledSampling("linear", 1.0, 1e-3), inverse_sigmoid])
common = {
    "num_layers": st.integers(1, 2),
    "cell": st.sampled_from(["lstm", "layer_norm_lstm", "gru", "rnn"]),
    "residual": st.booleans(),
    "dropout": st.floats(0, 0.9),
    "word_dropout": st.floats(0, 0.9),
}


DIRECTIONS = [
    {"bidirectional": True},
    {"bidirectional": False},
    {"bidirectional": False, "alternating": True},
    {"bidirectional": False, "reverse_source": True},
]


@st.composite
def architectures(draw: st.DrawFn) -> dict[str, Any]:
    """The arguments of a model of any of the architectures."""
    dimension = {"embedding_dimension": draw(st.integers(1, 6))}
    encoder = {name: draw(one) for name, one in common.items()}
    decoder = {name: draw(one) for name, one in common.items()}
    attention = draw(attentions)
    decoder |= {
        "input_feeding": attention is not None and draw(st.booleans()),
        "bridge": draw(st.sampled_from(["dense"] if attention is None else ["dense", "zeros"])),
        "tie_embeddings": draw(st.booleans()),
        "scheduled_sampling": draw(sampling),
    }
    return {
        "encoder": {**encoder, **dimension, **draw(st.sampled_from(DIRECTIONS))},
        "decoder": {**decoder, **dimension},
        "attention": attention,
        "share_embeddings": draw(st.booleans()),
        "name": draw(st.sampled_from(["seq2seq", "mein_modell", "번역"])),
    }


def make_model(parts: dict[str, Any]) -> Seq2Seq:
    kind, options = parts["attention"] or (None, {})
    attention = None if kind is None else kind(4, **options)
    decoder = Decoder(ID_COUNT, 4, attention=attention, **parts["decoder"])
    rest = {name: parts[name] for name in ("share_embeddings", "name")}
    return Seq2Seq(Encoder(ID_COUNT, 4, **parts["encoder"]), decoder, **rest)


def arguments(value: Any) -> Any:
    """A configuration without the shapes that layers were built with."""
    if isinstance(value, dict):
        return {key: arguments(one) for key, one in value.items() if key != "build_config"}
    return [arguments(one) for one in value] if isinstance(value, (list, tuple)) else value


def assert_same(model: Any, again: Any) -> None:
    assert arguments(again.get_config()) == arguments(model.get_config())
    for one, other in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@BUDGET
@given(architectures())
def test_a_model_in_keras_own_file(architecture: dict[str, Any]) -> None:
    model = make_model(architecture)
    with tempfile.TemporaryDirectory() as folder:
        model.save(Path(folder) / "model.keras")
        assert_same(model, keras.saving.load_model(Path(folder) / "model.keras"))


searches = st.one_of(
    st.just(Greedy()),
    st.builds(
        Beam,
        st.integers(1, 10**6),
        st.floats(0, 1e29),
        st.floats(0, 1e29),
    ),
)
any_text = st.text(st.characters(exclude_categories=[]), max_size=9)  # Lone surrogates too.


@BUDGET
@given(architectures(), searches, st.integers(2, 10**6), st.lists(any_text, max_size=4))
def test_a_translator(
    architecture: dict[str, Any],
    search: Greedy | Beam,
    maximum_source_length: int,
    samples: list[str],
) -> None:
    model = make_model(architecture)
    translator = Translator(
        model,
        TOKENIZER,
        TOKENIZER,
        search=search,
        maximum_source_length=maximum_source_length,
        samples=samples,
    )
    with tempfile.TemporaryDirectory() as folder:
        translator.save(Path(folder) / "model")
        again = Translator.load(Path(folder) / "model")
    assert_same(model, again.model)
    # A beam of one is the greedy search, and is what it is saved as.
    assert (again.search, again.maximum_source_length) == (as_beam(search), maximum_source_length)
    assert again.samples == samples
    assert again.source_tokenizer.get_config() == TOKENIZER.get_config()


normalizations = st.sampled_from(NORMALIZATION_FORMS)
plain_text = st.text(max_size=12)


@TINY
@given(st.lists(plain_text, max_size=4), normalizations, st.booleans(), plain_text)
def test_tokenizers_of_symbols(
    texts: list[str], form: Any, split_punctuation: bool, other: str
) -> None:
    texts = [*texts, "a"]  # One symbol at least.
    words = {"split_punctuation": split_punctuation, "normalization": form}
    for tokenizer in (
        CharacterTokenizer.train(texts, normalization=form),
        WordTokenizer.train(texts, **words),
    ):
        with tempfile.TemporaryDirectory() as folder:
            tokenizer.save(Path(folder) / "tokenizer")
            again = load_tokenizer(Path(folder) / "tokenizer")
        assert type(again) is type(tokenizer)
        assert again.get_config() == tokenizer.get_config()
        for text in [*texts, other]:
            assert again.encode(text) == tokenizer.encode(text)


NUMBERS: dict[str, list[Any]] = {
    "int": [0, 1, 2, 3, 7, 64, 1000, 10**7],
    "float": [0, 0.0, 1e-300, 0.1, 1 / 3, 1 - 1e-16, 1, 1.5, 7, 1e30],
    "bool": [False, True],
}


def values_of(kind: str, stated: Any) -> st.SearchStrategy:
    """Values that an option may have."""
    if stated.choices:
        return st.sampled_from(stated.choices)
    if kind == SEVERAL:
        return st.lists(st.sampled_from(["<2de>", "<a>", "#"]), unique=True).map(tuple)
    numbers = NUMBERS[kind.split(" | ")[0]]
    return st.sampled_from([n for n in numbers if all(bound.holds(n) for bound in stated.bounds)])


def leave_out_unused(options: dict[str, Any]) -> None:
    """Take out what is refused, as another option leaves it without effect."""
    default = Recipe()
    stated_options = [(field.name, stated.only_with) for field, stated in options_of(Recipe)]
    for name, only_with in stated_options * 2:  # What goes first may be what another needs.
        if only_with is not None:
            other, values = only_with
            if options.get(other, getattr(default, other)) not in values:
                options.pop(name, None)


@TINY
@given(st.data())
def test_a_recipe(data: st.DataObject) -> None:
    options: dict[str, Any] = {}
    for field, stated in options_of(Recipe):
        if data.draw(st.booleans(), label=f"whether {field.name} is given"):
            options[field.name] = data.draw(values_of(str(field.type), stated), label=field.name)
    leave_out_unused(options)
    try:
        recipe = Recipe(**options)
    except ValueError:
        return  # They do not go together.
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "recipe.json"
        path.write_text(json.dumps(as_json(recipe)))
        assert Recipe.from_json(path) == recipe
