"""Each part of a model is frozen alone, and never all of them."""

from typing import Any

import keras
import numpy as np
import pytest

from keras_s2s.recipe.build_model import make_model
from keras_s2s.recipe.config import Recipe
from keras_s2s.recipe.fit import compile_model
from keras_s2s.recipe.freeze import PARTS, freeze

from ..budget import first

TINY: dict[str, Any] = {"units": 8, "embedding_dimension": 6, "batch_tokens": 50}
INPUTS = np.array([[5, 6, 7, 3], [8, 3, 0, 0]]), np.array([[2, 6, 5], [2, 6, 0]])
TARGETS = np.array([[6, 5, 3], [6, 3, 0]])


def paths(weights: list[Any]) -> set[str]:
    return {weight.path for weight in weights}


@pytest.mark.parametrize(
    ("part", "tie", "expected"),
    [
        ("source-embeddings", "none", ["encoder/embedding/embeddings"]),
        ("target-embeddings", "none", ["decoder/embedding/embeddings"]),
        ("output", "none", ["decoder/output_kernel"]),
        ("output", "two", ["decoder/embedding/embeddings"]),
        ("output", "three", ["encoder/embedding/embeddings"]),
        ("target-embeddings", "three", ["encoder/embedding/embeddings"]),
        ("attention", "two", ["decoder/stack/luong_attention/memory_kernel"]),
    ],
)
def test_a_part_is_its_weights(part: str, tie: str, expected: list[str]) -> None:
    keras.backend.clear_session()  # Names are numbered.
    model = make_model(9, 9, Recipe(**TINY, tie_embeddings=tie))
    freeze(model, [part])
    found = [weight for weight in model.weights if not weight.trainable]
    assert sorted(path.split("/")[-2:] for path in paths(found)) == sorted(
        path.split("/")[-2:] for path in expected
    )
    assert [weight.path.split("/")[0] for weight in found] == [p.split("/")[0] for p in expected]


def test_encoder_and_decoder_are_all_that_there_is() -> None:
    model = make_model(9, 9, Recipe(**TINY))
    assert paths(PARTS["encoder"](model)) | paths(PARTS["decoder"](model)) == paths(model.weights)
    assert not paths(PARTS["encoder"](model)) & paths(PARTS["decoder"](model))
    with pytest.raises(ValueError, match="encoder, decoder, which is the whole model"):
        freeze(model, ["encoder", "decoder"])


@pytest.mark.parametrize("tie", first(1, ["two", "none", "three"]))
def test_frozen_weights_keep_their_bits_and_their_average(tie: str) -> None:
    keras.utils.set_random_seed(1)
    recipe = Recipe(**TINY, tie_embeddings=tie, ema_momentum=0.5, learning_rate=0.1)
    model = make_model(9, 9, recipe)
    assert freeze(model, ["target-embeddings", "attention"]) == 9 * 6 + 8 * 8
    before = {weight.path: np.array(weight) for weight in model.weights}
    compile_model(model, recipe)
    for _ in range(3):
        model.train_on_batch(INPUTS, TARGETS)
    kept = {w.path for w in model.weights if np.array_equal(before[w.path], np.array(w))}
    assert kept == paths(PARTS["target-embeddings"](model) + PARTS["attention"](model))
    averaged = paths(model.optimizer._trainable_variables)
    assert averaged == before.keys() - kept


def test_a_part_that_is_unknown_or_has_no_weights_is_told() -> None:
    with pytest.raises(ValueError, match="encoder, decoder, embeddings, .*, output. Received: 'x'"):
        freeze(make_model(9, 9, Recipe(**TINY)), ["encoder", "x"])
    without: list[dict[str, Any]] = [{"attention": "none"}, {"score": "dot"}]
    for options in without:
        model = make_model(9, 9, Recipe(**TINY, **options))
        with pytest.raises(ValueError, match="Received: 'attention', which has none"):
            freeze(model, ["attention"])
    with pytest.raises(TypeError, match="`freeze` must be a list"):
        freeze(make_model(9, 9, Recipe(**TINY)), "encoder")


def test_nothing_is_frozen_by_no_part() -> None:
    model = make_model(9, 9, Recipe(**TINY))
    assert freeze(model, []) == 0
    assert len(model.trainable_weights) == len(model.weights)
