"""The model of a recipe."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from keras_s2s.recipe.config import POLICIES

if TYPE_CHECKING:
    from keras_s2s.layers.scheduled_sampling import ScheduledSampling
    from keras_s2s.model import Seq2Seq
    from keras_s2s.recipe.config import Recipe

# Lower end of a linear decay: a decoder that never sees the reference learns little from it.
LEAST_GIVEN = 0.25


def make_model(source_size: int, target_size: int, recipe: Recipe) -> Seq2Seq:
    """The untrained model of a recipe, for vocabularies of these sizes."""
    from keras_s2s.layers.copying import CopyingDecoder, CopyingEncoder
    from keras_s2s.layers.decoder import Decoder
    from keras_s2s.layers.encoder import Encoder
    from keras_s2s.model import Seq2Seq

    shared: dict[str, Any] = {
        "embedding_dimension": recipe.embedding_dimension,
        "num_layers": recipe.num_layers,
        "cell": recipe.cell,
        "residual": recipe.residual,
        "dropout": recipe.dropout,
        "word_dropout": recipe.word_dropout,
        "dtype": POLICIES[recipe.precision],
    }
    encoder = (CopyingEncoder if recipe.copying else Encoder)(
        source_size,
        recipe.units,
        bidirectional=recipe.direction == "both",
        reverse_source=recipe.direction == "reversed",
        alternating=recipe.direction == "alternating",
        name="encoder",
        **shared,
    )
    decoder = (CopyingDecoder if recipe.copying else Decoder)(
        target_size,
        recipe.units,
        attention=_make_attention(recipe, shared["dtype"]),
        input_feeding=recipe.input_feeding,
        bridge=recipe.bridge,
        tie_embeddings=recipe.tie_embeddings != "none",
        scheduled_sampling=make_sampling(recipe),
        name="decoder",
        **shared,
    )
    return Seq2Seq(encoder, decoder, share_embeddings=recipe.tie_embeddings == "three")


def _make_attention(recipe: Recipe, dtype: str) -> Any:
    from keras_s2s.layers.bahdanau import BahdanauAttention
    from keras_s2s.layers.luong import LuongAttention
    from keras_s2s.layers.monotonic import BahdanauMonotonicAttention, LuongMonotonicAttention

    if recipe.attention == "none":
        return None
    if recipe.attention == "monotonic_bahdanau":
        return BahdanauMonotonicAttention(recipe.units, dtype=dtype)
    if "bahdanau" in recipe.attention:
        is_normalized = recipe.attention == "normalized_bahdanau"
        return BahdanauAttention(recipe.units, normalized=is_normalized, dtype=dtype)
    score, scaled = recipe.score.removeprefix("scaled_"), recipe.score.startswith("scaled_")
    if recipe.attention == "monotonic_luong":
        return LuongMonotonicAttention(recipe.units, score, scaled, dtype=dtype)
    is_by_location = score == "location"
    return LuongAttention(
        recipe.units,
        score=score,
        scaled=scaled,
        local=recipe.local,
        window=recipe.window,
        maximum_source_length=recipe.maximum_source_length if is_by_location else None,
        dtype=dtype,
    )


def make_sampling(recipe: Recipe) -> ScheduledSampling | None:
    """The scheduled sampling of a recipe."""
    from keras_s2s.layers.scheduled_sampling import ScheduledSampling

    steps, decay = recipe.sampling_steps, recipe.scheduled_sampling
    if decay is None:
        return None
    if decay == "linear":
        return ScheduledSampling(decay, k=1.0, c=0.5 / steps, minimum=LEAST_GIVEN)
    if decay == "exponential":
        return ScheduledSampling(decay, k=0.5 ** (1 / steps))
    return ScheduledSampling(decay, k=_inverse_sigmoid_k(steps))


def _inverse_sigmoid_k(steps: int) -> float:
    """The k whose inverse sigmoid is 0.5 at a step: k ln k = steps, by Newton's method."""
    k = float(max(steps, 2))
    for _ in range(50):
        k = (k + steps) / (math.log(k) + 1)
    return k
