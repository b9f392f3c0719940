"""The model of a training that starts from a trained one: its layers, weights and new rows."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_s2s.recipe.build_model import make_sampling
from keras_s2s.recipe.config import POLICIES, Recipe
from keras_s2s.special_ids import SPECIAL_IDS
from keras_s2s.text.extend import old_ids_of_new

if TYPE_CHECKING:
    from keras_s2s.inference.translator import Translator
    from keras_s2s.model import Seq2Seq
    from keras_s2s.text.tokenizers import Tokenizer


def continued_model(
    translator: Translator, tokenizers: tuple[Tokenizer, Tokenizer], recipe: Recipe
) -> Seq2Seq:
    """A model with the architecture and the weights of a translator's, for a new training.

    The dropout rates, scheduled sampling and the precision are those of the recipe.

    Args:
        translator: The translator; its model is not changed.
        tokenizers: Its tokenizers, or those that `extend_tokenizer` made of them.
        recipe: The options of the new training.

    Returns:
        The model. The rows of ids that were appended are means of old ones, see `Start`.

    Raises:
        ValueError: The layers of a model of one's own cannot have more ids.
    """
    old: Any = translator.model
    old_tokenizers = translator.source_tokenizer, translator.target_tokenizer
    config = _with_dtype(old.get_config(), POLICIES[recipe.precision])
    for side, tokenizer in zip(("encoder", "decoder"), tokenizers, strict=True):
        _change(config[side]["config"], tokenizer.vocabulary_size, recipe)
    new = type(old).from_config(config, old.custom_objects)
    parts = [old_ids_of_new(*pair) for pair in zip(old_tokenizers, tokenizers, strict=True)]
    rows = _vocabulary_axes(new, parts)
    if len(old.weights) != len(new.weights):
        raise ValueError(_refusal(f"{len(old.weights)} weights became {len(new.weights)}"))
    for before, weight in zip(old.weights, new.weights, strict=True):
        value = np.asarray(before)
        axis, added = rows.get(id(weight), (0, []))
        if added:
            value = extended_rows(value, added, axis)
        if value.shape != tuple(weight.shape):
            raise ValueError(_refusal(f"{value.shape} became {tuple(weight.shape)}"))
        weight.assign(value)
    return new


def extended_rows(matrix: np.ndarray, added: list[list[int]], axis: int) -> np.ndarray:
    """A matrix with a row, or a column, for each new id: the mean of those of some old ids.

    Args:
        matrix: `[V, E]`, or `[E, V]` with `axis=1`.
        added: Old ids for each new one; an empty list for all but the special ones.
        axis: The axis of the ids.

    Returns:
        `[V + N, E]` or `[E, V + N]`.
    """
    rows = matrix if axis == 0 else matrix.T
    mean = rows[len(SPECIAL_IDS) :].mean(axis=0)
    new = np.stack([rows[ids].mean(axis=0) if ids else mean for ids in added])
    found = np.concatenate([rows, new.astype(rows.dtype)])
    return found if axis == 0 else found.T


def _vocabulary_axes(model: Any, parts: list[list[list[int]]]) -> dict[int, tuple[int, list]]:
    """The weights that have a row for each id: which axis, and what the new rows are means of."""
    found: dict[int, tuple[int, list]] = {}
    for layer, added in zip((model.encoder, model.decoder), parts, strict=True):
        embedding = getattr(layer, "embedding", None)
        if embedding is not None:
            found[id(embedding.embeddings)] = 0, added
    if not model.decoder.tie_embeddings:
        found[id(model.decoder.output_kernel)] = 1, parts[1]
    return found


def _with_dtype(value: Any, dtype: str) -> Any:
    """A copy of a configuration with another dtype everywhere."""
    if isinstance(value, dict):
        return {k: dtype if k == "dtype" else _with_dtype(v, dtype) for k, v in value.items()}
    return copy.copy(value)


def _change(config: dict[str, Any], vocabulary_size: int, recipe: Recipe) -> None:
    """Set in a layer's configuration what a new training chooses, as far as the layer has it."""
    import keras

    sampling = keras.saving.serialize_keras_object(make_sampling(recipe))
    changes = {
        "vocabulary_size": vocabulary_size,
        "dropout": recipe.dropout,
        "word_dropout": recipe.word_dropout,
        "scheduled_sampling": sampling,
    }
    config |= {name: value for name, value in changes.items() if name in config}


def _refusal(found: str) -> str:
    return (
        "A model is continued if its layers can be made again with the same weights. Received: "
        f"{found}. Have `get_config` of each class return all arguments of its constructor."
    )
