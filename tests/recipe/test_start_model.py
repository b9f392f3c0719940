"""A model that is continued computes what it computed, and has rows for new ids."""

from typing import Any

import keras
import numpy as np
import pytest

from keras_s2s import Decoder, Encoder, LuongAttention, Seq2Seq, Translator
from keras_s2s.recipe.build_model import make_model
from keras_s2s.recipe.config import Recipe
from keras_s2s.recipe.start_model import continued_model, extended_rows
from keras_s2s.text.extend import extend_tokenizer, old_ids_of_new
from keras_s2s.text.tokenizers import CharacterTokenizer, SentencePieceTokenizer, Tokenizer

LINES = ["low lower lowest", "new newer newest", "slow slower"]
NEW = ["żow żower", "a new żow"] * 5
PIECES, LETTERS = SentencePieceTokenizer.train(LINES), CharacterTokenizer.train(LINES)
TINY: dict[str, Any] = {"units": 8, "embedding_dimension": 6}
INPUTS = np.array([[5, 6, 7, 3], [8, 3, 0, 0]]), np.array([[2, 9, 5], [2, 6, 0]])


class DoubledLuong(LuongAttention):
    """A class of one's own."""


def translator_of(tokenizers: tuple[Tokenizer, Tokenizer], **options: Any) -> Translator:
    sizes = [tokenizer.vocabulary_size for tokenizer in tokenizers]
    model = make_model(sizes[0], sizes[1], Recipe(**TINY, **options))
    return Translator(model, *tokenizers)


def own_translator() -> Translator:
    sizes = LETTERS.vocabulary_size, PIECES.vocabulary_size
    decoder = Decoder(sizes[1], 8, attention=DoubledLuong(8), num_layers=2, residual=True)
    return Translator(Seq2Seq(Encoder(sizes[0], 6), decoder, name="own"), LETTERS, PIECES)


CASES: dict[str, Any] = {
    "untied": lambda: translator_of((LETTERS, LETTERS), tie_embeddings="none"),
    "two": lambda: translator_of((LETTERS, PIECES), tie_embeddings="two", cell="gru"),
    "three": lambda: translator_of((PIECES, PIECES), tie_embeddings="three", precision="bfloat16"),
    "own": own_translator,
}


@pytest.mark.parametrize("case", CASES)
def test_old_ids_have_the_same_logits_and_new_rows_are_means(case: str) -> None:
    keras.utils.set_random_seed(1)
    translator = CASES[case]()
    old = translator.models[0]  # In float32.
    if translator.source_tokenizer is translator.target_tokenizer:
        both = extend_tokenizer(translator.source_tokenizer, NEW)
        tokenizers = both, both
    else:
        tokenizers = (
            extend_tokenizer(translator.source_tokenizer, NEW),
            extend_tokenizer(translator.target_tokenizer, NEW),
        )
    new = continued_model(translator, tokenizers, Recipe(dropout=0.25, word_dropout=0.1))
    size = translator.target_tokenizer.vocabulary_size
    found, expected = np.asarray(new(INPUTS)), np.asarray(old(INPUTS))
    assert found.shape[-1] == tokenizers[1].vocabulary_size > size
    np.testing.assert_allclose(found[..., :size], expected, atol=1e-6)
    assert new.encoder.dropout == new.decoder.dropout == 0.25
    assert new.encoder.word_dropout.rate == 0.1
    assert new.name == translator.model.name
    assert type(new.decoder.attention) is type(old.decoder.attention)
    assert new.share_embeddings == (new.decoder.embedding is new.encoder.embedding)
    matrix = np.asarray(new.decoder.embedding.embeddings)
    for row, ids in zip(
        matrix[size:], old_ids_of_new(translator.target_tokenizer, tokenizers[1]), strict=True
    ):
        mean = matrix[ids].mean(axis=0) if ids else matrix[4:size].mean(axis=0)
        np.testing.assert_allclose(row, mean, atol=1e-6)
    if not new.decoder.tie_embeddings:
        kernel = np.asarray(new.decoder.output_kernel)
        np.testing.assert_allclose(kernel[:, -1], kernel[:, 4:size].mean(axis=1), atol=1e-6)


def test_the_vocabulary_and_the_model_that_are_kept_are_equal_and_not_one() -> None:
    translator = CASES["two"]()
    new = continued_model(translator, (LETTERS, PIECES), Recipe(precision="bfloat16"))
    assert new.decoder.compute_dtype == "bfloat16"
    for mine, before in zip(new.weights, translator.model.weights, strict=True):
        assert mine is not before
        np.testing.assert_array_equal(np.asarray(mine), np.asarray(before))


def test_rows_and_columns_are_appended_as_means() -> None:
    matrix = np.arange(12.0).reshape(6, 2)  # Rows 0 to 3 are those of special ids.
    found = extended_rows(matrix, [[4], [4, 5], []], axis=0)
    assert found[6:].tolist() == [[8, 9], [9, 10], [9, 10]]
    np.testing.assert_array_equal(extended_rows(matrix.T, [[4], [4, 5], []], axis=1), found.T)
