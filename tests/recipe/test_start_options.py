"""A translator settles the options that describe it, and others are free."""

from dataclasses import fields
from typing import Any

import pytest

from keras_s2s import Translator
from keras_s2s.recipe.build_model import make_model
from keras_s2s.recipe.config import Recipe
from keras_s2s.recipe.model_options import ModelOptions
from keras_s2s.recipe.start import Start
from keras_s2s.recipe.start_options import settled_recipe
from keras_s2s.text.tokenizers import CharacterTokenizer, SentencePieceTokenizer, WordTokenizer

LINES = ["low lower lowest", "new newer newest", "slow slower"]
PIECES = SentencePieceTokenizer.train(LINES)
TAGGED = SentencePieceTokenizer.train(LINES, protected=("<2de>", "<2fr>"))
OTHERS = SentencePieceTokenizer.train([*LINES, "x y z"])
WORDS, LETTERS = WordTokenizer.train(LINES), CharacterTokenizer.train(LINES, normalization="NFD")

TINY: dict[str, Any] = {"units": 8, "embedding_dimension": 6}
WORD: dict[str, Any] = {"source_tokenizer": "word"}
RECIPES: list[tuple[Any, Any, dict[str, Any]]] = [
    (PIECES, PIECES, {"tie_embeddings": "three", "cell": "gru", "num_layers": 2, "residual": True}),
    (PIECES, OTHERS, {"joint_vocabulary": False, "tie_embeddings": "none", "bridge": "copy"}),
    (PIECES, PIECES, {"copying": True, "attention": "bahdanau"}),
    (WORDS, WORDS, {**WORD, "attention": "none", "direction": "reversed"}),
    (WORDS, LETTERS, {**WORD, "target_tokenizer": "character", "target_normalization": "NFD"}),
    (WORDS, WORDS, {**WORD, "attention": "normalized_bahdanau", "direction": "alternating"}),
    (WORDS, WORDS, {**WORD, "attention": "bahdanau", "input_feeding": True}),
    (WORDS, WORDS, {**WORD, "score": "scaled_dot", "local": "predictive", "window": 3}),
    (WORDS, WORDS, {**WORD, "score": "location", "maximum_source_length": 7, "bridge": "zeros"}),
    (WORDS, WORDS, {**WORD, "attention": "monotonic_luong", "score": "dot"}),
    (TAGGED, TAGGED, {"protect": ("<2de>", "<2fr>"), "attention": "monotonic_bahdanau"}),
    (WORDS, WORDS, {**WORD, "cell": "rnn", "direction": "forward", "score": "concat"}),
]


def start_of(source: Any, target: Any, recipe: Recipe, **more: Any) -> Start:
    model = make_model(source.vocabulary_size, target.vocabulary_size, recipe)
    return Start(translator=Translator(model, source, target), **more)


@pytest.mark.parametrize(
    ("source", "target", "options"), RECIPES, ids=map(str, range(len(RECIPES)))
)
def test_the_options_of_the_model_are_found_in_it(source: Any, target: Any, options: dict) -> None:
    recipe = Recipe(**TINY, **options)
    found = settled_recipe(Recipe(dropout=0.1), start_of(source, target, recipe), [])
    size = max(source.vocabulary_size, target.vocabulary_size)
    for field in fields(ModelOptions):
        expected = size if field.name == "vocabulary_size" else getattr(recipe, field.name)
        assert getattr(found, field.name) == expected, field.name
    assert found.dropout == 0.1
    # A recipe that says the same is accepted.
    again = settled_recipe(Recipe(**TINY, **options), start_of(source, target, recipe), [])
    assert again.units == 8


def test_another_value_is_refused_also_a_default_that_was_given() -> None:
    recipe = Recipe(**TINY, **WORD)
    start = start_of(WORDS, WORDS, recipe)
    cases: list[tuple[dict[str, Any], str]] = [
        ({"units": 16}, "`units` is settled by the model .*: 8. Received: units=16. Leave it out"),
        ({"cell": "gru"}, "`cell` is settled .*: 'lstm'. Received: cell='gru'"),
        ({"source_tokenizer": "character"}, "`source_tokenizer` is settled"),
        ({"vocabulary_size": 5}, f"`vocabulary_size` is settled .*: {WORDS.vocabulary_size}. "),
    ]
    for wrong, message in cases:
        with pytest.raises(ValueError, match=message):
            settled_recipe(Recipe(**wrong), start, [])
    bahdanau = start_of(WORDS, WORDS, Recipe(**TINY, **WORD, attention="bahdanau"))
    with pytest.raises(ValueError, match="`score` must be left out"):
        settled_recipe(Recipe(score="concat"), bahdanau, [])
    mixed = start_of(WORDS, LETTERS, Recipe(**TINY, **RECIPES[3][2]))
    with pytest.raises(ValueError, match="`target_tokenizer` is settled .*: 'character'"):
        settled_recipe(Recipe(source_tokenizer="word", target_tokenizer="word"), mixed, [])
    given = start_of(WORDS, WORDS, recipe, given=["units"])
    with pytest.raises(ValueError, match="`units` is settled .*: 8. Received: units=512"):
        settled_recipe(Recipe(), given, [])


def test_the_learning_rate_is_lower_from_a_model_unless_it_is_given() -> None:
    start = start_of(WORDS, WORDS, Recipe(**TINY, **WORD))
    assert settled_recipe(Recipe(), Start(), []).learning_rate == 2e-3
    assert settled_recipe(Recipe(), start, []).learning_rate == 5e-4
    assert settled_recipe(Recipe(learning_rate=2e-3), start, []).learning_rate == 2e-3


def test_what_a_start_cannot_be_is_told() -> None:
    cases: list[tuple[dict[str, Any], str]] = [
        ({"vocabulary": "extend"}, "`vocabulary` 'extend' needs a trained .* without `translator`"),
        ({"vocabulary": "new", "translator": "x"}, "`vocabulary` must be one of"),
        ({"freeze": ["head"]}, "must name parts of a model: encoder, .* Received: 'head'"),
        ({"translator": "x", "source_embeddings": "y"}, "go to ids that are not trained yet"),
    ]
    for wrong, message in cases:
        with pytest.raises(ValueError, match=message):
            Start(**wrong)
    with pytest.raises(TypeError, match="`translator` must be a Translator, or its folder"):
        Start(translator=5).loaded()  # pyright: ignore[reportArgumentType]
