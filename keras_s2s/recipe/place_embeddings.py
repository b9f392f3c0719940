"""Pretrained embeddings in the model of a training."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_s2s.data.embeddings import load_embeddings
from keras_s2s.recipe.start import Start

if TYPE_CHECKING:
    from keras_s2s.model import Seq2Seq
    from keras_s2s.text.tokenizers import Tokenizer

COUNTED = 10_000  # Pairs whose tokens are counted for the report.


def place_embeddings(
    model: Seq2Seq,
    start: Start,
    tokenizers: tuple[Tokenizer, Tokenizer],
    pairs: Any,
    report: Callable[[str], None],
) -> None:
    """Copy pretrained embeddings into a model, and report how much of the vocabulary they cover.

    Of a model that was trained before, only the rows of ids that were appended are replaced.

    Args:
        model: A model that is built.
        start: Names the files.
        tokenizers: Those of source and target.
        pairs: The training data, of which tokens are counted; nothing is counted of a prepared
            corpus.
        report: Receives a line for each file.

    Raises:
        ValueError: A file is damaged, or the model has no such embedding.
        OSError: A file cannot be read.
    """
    layers: list[Any] = [model.encoder, model.decoder]
    translator: Any = start.translator
    for number, (side, path) in enumerate(start.files()):
        if path is None:
            continue
        tokenizer = tokenizers[number]
        matrix, mask = load_embeddings(path, tokenizer)
        share = _share_of_tokens(mask, tokenizer, pairs, number)
        covered = f"{mask.sum():,} of {len(mask):,} ids{share}"
        report(f"{side} embeddings: {covered} have a vector in {path}")
        if translator is not None:
            old = getattr(translator, f"{side}_tokenizer").vocabulary_size
            mask = mask & (np.arange(len(mask)) >= old)
        embedding = getattr(layers[number], "embedding", None)
        if embedding is None or tuple(embedding.embeddings.shape) != matrix.shape:
            raise ValueError(
                f"The model must have a {side} embedding of {list(matrix.shape)}. Received: "
                f"{None if embedding is None else list(embedding.embeddings.shape)} and vectors of "
                f"{path}."
            )
        weight = embedding.embeddings
        weight.assign(np.where(mask[:, None], matrix, np.asarray(weight)))


def _share_of_tokens(mask: np.ndarray, tokenizer: Tokenizer, pairs: Any, side: int) -> str:
    """How many of the training tokens have a vector, in words."""
    from keras_s2s.data.prepared_corpus import PreparedCorpus

    if isinstance(pairs, PreparedCorpus):
        return ""
    texts = [pair[side] for pair in pairs]
    texts = texts[:: len(texts) // COUNTED + 1]
    ids = np.concatenate([np.array(one, int) for one in tokenizer.encode_all(texts)])
    return f" ({100 * mask[ids].mean():.1f} % of the training tokens)"
