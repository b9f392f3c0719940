"""What a recipe says, its model has."""

from operator import attrgetter
from typing import Any

import pytest

from keras_s2s import CopyingDecoder, CopyingEncoder, Decoder, Encoder
from keras_s2s.recipe.build_model import make_model
from keras_s2s.recipe.config import Recipe

TINY: dict[str, Any] = {"units": 8, "embedding_dimension": 6, "num_layers": 2}


KINDS = "encoder.__class__ decoder.__class__"


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
def test_the_precision_is_that_of_the_layers(precision: str) -> None:
    model = make_model(9, 9, Recipe(**TINY, precision=precision))
    parts: Any = (model.encoder, model.decoder, model.decoder.attention)
    assert {part.compute_dtype for part in parts} == {precision}
    assert {weights.dtype for weights in model.weights} == {"float32"}


@pytest.mark.parametrize(
    ("options", "names", "expected"),
    [
        ({"cell": "rnn"}, "encoder.cell decoder.cell", ("rnn", "rnn")),
        ({"direction": "both"}, "encoder.bidirectional", True),
        ({"direction": "forward"}, "encoder.bidirectional", False),
        ({"direction": "reversed"}, "encoder.reverse_source", True),
        ({"direction": "alternating"}, "encoder.alternating", True),
        ({"residual": True}, "encoder.residual decoder.residual", (True, True)),
        ({"bridge": "zeros"}, "decoder.bridge.kind", "zeros"),
        ({"score": "dot"}, "decoder.attention.scaled", False),
        ({"score": "scaled_dot"}, "decoder.attention.scaled", True),
        ({"score": "scaled_dot"}, "decoder.attention.score", "dot"),
        (
            {"score": "location", "maximum_source_length": 7},
            "decoder.attention.maximum_source_length",
            7,
        ),
        (
            {"local": "predictive", "window": 4},
            "decoder.attention.local decoder.attention.window",
            ("predictive", 4),
        ),
        ({"attention": "bahdanau"}, "decoder.attention.normalized", False),
        ({"attention": "normalized_bahdanau"}, "decoder.attention.normalized", True),
        ({"attention": "none"}, "decoder.attention", None),
        ({"attention": "monotonic_luong"}, "decoder.attention.score", "general"),
        ({"attention": "monotonic_luong", "score": "scaled_dot"}, "decoder.attention.scaled", True),
        ({"attention": "monotonic_luong", "score": "concat"}, "decoder.attention.score", "concat"),
        ({"attention": "monotonic_bahdanau"}, "decoder.attention.normalized", True),
        ({"attention": "monotonic_bahdanau"}, "decoder.attention.sigmoid_noise", 1.0),
        (
            {"copying": True},
            "encoder.__class__ decoder.__class__",
            (CopyingEncoder, CopyingDecoder),
        ),
        ({}, "encoder.__class__ decoder.__class__", (Encoder, Decoder)),
        ({"tie_embeddings": "none"}, "decoder.tie_embeddings", False),
        ({"tie_embeddings": "two"}, "share_embeddings", False),
        ({"tie_embeddings": "three"}, "share_embeddings", True),
        ({"word_dropout": 0.2}, "encoder.word_dropout.rate", 0.2),
        ({"word_dropout": 0.2}, "decoder.word_dropout.rate", 0.2),
    ],
    ids=str,
)
def test_an_option_is_in_the_model(options: dict[str, Any], names: str, expected: Any) -> None:
    assert attrgetter(*names.split())(make_model(9, 9, Recipe(**TINY, **options))) == expected


@pytest.mark.parametrize(
    ("decay", "step", "share"),
    [
        ("linear", 1000, 0.5),
        ("linear", 5000, 0.25),
        ("exponential", 1000, 0.5),
        ("exponential", 3000, 0.125),
        ("inverse_sigmoid", 1000, 0.5),
        ("inverse_sigmoid", 0, 0.9947),  # k = 189.5
    ],
)
def test_after_a_thousand_sampling_steps_half_of_the_target_is_given(
    decay: str, step: int, share: float
) -> None:
    recipe = Recipe(**TINY, scheduled_sampling=decay, sampling_steps=1000)
    sampling = make_model(9, 9, recipe).decoder.scheduled_sampling
    assert sampling is not None
    assert float(sampling.probability(step)) == pytest.approx(share, abs=1e-3)
