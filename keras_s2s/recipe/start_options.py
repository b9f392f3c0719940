"""The options of a recipe that a trained translator settles."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from keras_s2s.recipe.config import FINE_TUNING_RATE, LEARNING_RATE, Recipe
from keras_s2s.recipe.model_options import ModelOptions
from keras_s2s.text.describe_pair import described_options
from keras_s2s.text.options import TextOptions

if TYPE_CHECKING:
    from keras_s2s.data.pairs import Pairs
    from keras_s2s.data.prepared_corpus import PreparedCorpus
    from keras_s2s.inference.translator import Translator
    from keras_s2s.recipe.start import Start

TEXT_NAMES = {field.name for field in fields(TextOptions)}


def settled_recipe(recipe: Recipe, start: Start, pairs: Pairs | PreparedCorpus) -> Recipe:
    """The recipe with what the start of a training settles.

    Args:
        recipe: The recipe as it was given.
        start: The start, with its translator loaded.
        pairs: The data; a prepared corpus settles the options of the text.

    Raises:
        ValueError: An option that was given contradicts the start.
    """
    from keras_s2s.data.prepared_corpus import PreparedCorpus

    translator: Any = start.translator
    if recipe.learning_rate is None:
        rate = LEARNING_RATE if translator is None else FINE_TUNING_RATE
        recipe = replace(recipe, learning_rate=rate)
    settled: dict[str, Any] = {}
    if translator is not None:
        settled = options_of_translator(translator)
        settled["vocabulary_size"] = _vocabulary_size(recipe, start)
        is_one = settled.get("target_tokenizer", "") is None
        if is_one and recipe.target_tokenizer == settled["source_tokenizer"]:  # As None says.
            recipe = replace(recipe, target_tokenizer=None)
        if isinstance(pairs, PreparedCorpus):
            settled = {name: one for name, one in settled.items() if name not in TEXT_NAMES}
    by, cure = "the model that training starts from", "train a new model"
    if start.teachers:
        by, cure = "the tokenizers of the teachers", "take other teachers"
        settled = options_of_teachers(start)
    for name, value in settled.items():
        _check_settled(recipe, start, name, value, by, cure)
    return with_dimension(_replaced(recipe, settled), start)


def options_of_teachers(start: Start) -> dict[str, Any]:
    """The options of the text that the tokenizers of the teachers settle; none without teachers."""
    if not start.teachers:
        return {}
    teacher: Any = start.teachers[0]
    tokenizers = teacher.source_tokenizer, teacher.target_tokenizer
    size = max(5, *(one.vocabulary_size for one in tokenizers))
    return {**described_options(*tokenizers), "vocabulary_size": size}


def _replaced(recipe: Recipe, settled: dict[str, Any]) -> Recipe:
    try:
        ModelOptions(**settled)
    except ValueError:  # A model of one's own may be none that options describe.
        settled = {name: one for name, one in settled.items() if name in TEXT_NAMES}
    return replace(recipe, **settled)


def is_given(recipe: Recipe, start: Start, name: str) -> bool:
    """Whether an option was given, rather than left at its default."""
    return name in start.given or getattr(recipe, name) != getattr(Recipe, name)


def _check_settled(recipe: Recipe, start: Start, name: str, value: Any, by: str, cure: str) -> None:
    given = getattr(recipe, name)
    if given != value and is_given(recipe, start, name):
        raise ValueError(
            f"`{name}` is settled by {by}: {value!r}. Received: {name}={given!r}. Leave it out, or "
            f"{cure}."
        )


def with_dimension(recipe: Recipe, start: Start) -> Recipe:
    """The recipe with the dimension of the embeddings that a training starts from.

    Raises:
        ValueError: They have another one than was given, differ, or are no embeddings.
        OSError: A file cannot be read.
    """
    from keras_s2s.data.embedding_file import read_layout

    sizes = {path: read_layout(path).dimension for _, path in start.files() if path is not None}
    if len(set(sizes.values())) > 1:
        found = " and ".join(f"{size} in {path}" for path, size in sizes.items())
        raise ValueError(
            "The embeddings of source and target must have one size, that of "
            f"`embedding_dimension`. Received: {found}. Give files of the same size."
        )
    if recipe.tie_embeddings == "three" and all(path is not None for _, path in start.files()):
        raise ValueError(
            "A matrix that both sides share is filled once. Received: `source_embeddings` and "
            "`target_embeddings` with tie_embeddings='three'. Give one of them."
        )
    for path, size in sizes.items():
        if start.translator is None:
            by, cure = f"the vectors of {path}", "give vectors of this size"
            _check_settled(recipe, start, "embedding_dimension", size, by, cure)
            recipe = replace(recipe, embedding_dimension=size)
        elif size != recipe.embedding_dimension:
            raise ValueError(
                "Embeddings must be as large as those of the model, "
                f"{recipe.embedding_dimension}. Received: {size} numbers in a vector of {path}."
            )
    return recipe


def _vocabulary_size(recipe: Recipe, start: Start) -> int:
    """The given maximum where it holds for the tokenizers, else their size."""
    translator: Any = start.translator
    tokenizers = translator.source_tokenizer, translator.target_tokenizer
    size = max(one.vocabulary_size for one in tokenizers)
    if not is_given(recipe, start, "vocabulary_size"):
        return max(size, 5)
    if start.vocabulary == "extend" and recipe.vocabulary_size < size:
        raise ValueError(
            f"`vocabulary_size` must be at least that of the vocabulary to extend, {size:,}. "
            f"Received: vocabulary_size={recipe.vocabulary_size}"
        )
    return recipe.vocabulary_size if recipe.vocabulary_size >= size else max(size, 5)


def options_of_translator(translator: Translator) -> dict[str, Any]:
    """The options of a recipe that describe a translator, as far as options can."""
    model = translator.model
    decoder: Any = model.decoder
    names = "units", "embedding_dimension", "num_layers", "residual", "input_feeding"
    found = {name: getattr(decoder, name) for name in names}
    found |= {"bridge": decoder.bridge.kind, "copying": decoder.needs_alignment}
    found["reverse_target"] = translator.reverse_target
    if isinstance(decoder.cell, str):
        found["cell"] = decoder.cell
    text = described_options(translator.source_tokenizer, translator.target_tokenizer)
    is_one = decoder.tie_embeddings and model.share_embeddings and text.get("joint_vocabulary")
    found["tie_embeddings"] = "three" if is_one else "two" if decoder.tie_embeddings else "none"
    return {**text, **found, **_direction(model.encoder), **_attention(decoder.attention)}


def _direction(encoder: Any) -> dict[str, str]:
    from keras_s2s.layers.encoder import Encoder

    if not isinstance(encoder, Encoder):
        return {}
    if encoder.bidirectional:
        return {"direction": "both"}
    if encoder.alternating:
        return {"direction": "alternating"}
    return {"direction": "reversed" if encoder.reverse_source else "forward"}


def _attention(attention: Any) -> dict[str, Any]:
    from keras_s2s.layers.bahdanau import BahdanauAttention
    from keras_s2s.layers.luong import LuongAttention
    from keras_s2s.layers.monotonic import BahdanauMonotonicAttention, LuongMonotonicAttention

    if attention is None:
        return {"attention": "none"}
    if type(attention) is BahdanauAttention:
        is_normalized = attention.normalized
        return {"attention": "normalized_bahdanau" if is_normalized else "bahdanau"}
    if type(attention) is BahdanauMonotonicAttention:
        return {"attention": "monotonic_bahdanau"}
    if type(attention) not in (LuongAttention, LuongMonotonicAttention):
        return {}
    score = f"{'scaled_' if attention.scaled else ''}{attention.score}"
    if type(attention) is LuongMonotonicAttention:
        return {"attention": "monotonic_luong", "score": score}
    found = {"attention": "luong", "score": score, "local": attention.local}
    if attention.local is not None:
        found["window"] = attention.window
    if attention.score == "location":
        found["maximum_source_length"] = attention.maximum_source_length
    return found
