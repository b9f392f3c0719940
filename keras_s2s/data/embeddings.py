"""Pretrained embeddings for the ids of a tokenizer."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from keras_s2s.data.embedding_file import read_vectors
from keras_s2s.special_ids import PAD_ID, SPECIAL_PIECES
from keras_s2s.text.normalization import normalize
from keras_s2s.text.sentencepiece_tokenizer import SentencePieceTokenizer
from keras_s2s.text.symbol_tokenizers import CharacterTokenizer, WordTokenizer
from keras_s2s.text.tokenizer import Tokenizer
from keras_s2s.text.words import JOINER

BLANK = "\u2581"  # SentencePiece's mark of a space.


class Embeddings(NamedTuple):
    """Vectors for the ids of a tokenizer.

    Attributes:
        matrix: float32 `[V, E]`; zeros where there is no vector.
        mask: Boolean `[V]`, True = there is a vector.
    """

    matrix: np.ndarray
    mask: np.ndarray


def load_embeddings(path: str | Path, tokenizer: Tokenizer) -> Embeddings:
    r"""Read pretrained embeddings, and keep those of a tokenizer's vocabulary.

    The file is word2vec's as text or binary, GloVe's or fastText's (`.vec`), plain or gzipped; the
    format is found by the content. It is read line by line, and the vectors of other words do not
    stay in memory. A word of the vocabulary takes the vector of the same word, or else that of its
    lower-case form. A SentencePiece piece at the beginning of a word, such as "▁house", takes that
    of "▁house", or else of "house"; a piece inside of a word, such as "ing", that of "ing". The
    special ids take those of "<unk>", "<s>" and "</s>".

    Args:
        path: The file, in UTF-8.
        tokenizer: The tokenizer.

    Returns:
        The matrix, and which rows have a vector.

    Raises:
        ValueError: The file is damaged or no such file, or has no word of the vocabulary.
        OSError: It cannot be read.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "vectors.vec"
        >>> _ = path.write_text("2 3\nhouse 1 2 3\ntree 4 5 6\n")
        >>> matrix, mask = load_embeddings(path, WordTokenizer.train(["House door"]))
        >>> matrix[mask].tolist()
        [[1.0, 2.0, 3.0]]

    Source: Mikolov et al. 2013, "Distributed Representations of Words and Phrases and their
    Compositionality"; Pennington et al. 2014, GloVe; Bojanowski et al. 2017, fastText.
    """
    size = tokenizer.vocabulary_size
    forms = [_forms(tokenizer, index) for index in range(size)]
    wanted = {form for several in forms for form in several}

    def key(word: str) -> str | None:
        if word not in wanted and not word.isascii():
            word = normalize(word, tokenizer.normalization)
        return word if word in wanted else None

    layout, found = read_vectors(Path(path), key)
    matrix = np.zeros((size, layout.dimension), np.float32)
    mask = np.zeros(size, bool)
    for index, several in enumerate(forms):
        form = next((form for form in several if form in found), None)
        if form is not None:
            matrix[index], mask[index] = found[form], True
    if not mask[len(SPECIAL_PIECES) :].any():
        raise ValueError(
            "A file of embeddings must have words of the vocabulary. Received: none of them in "
            f"{path}. Give vectors of the same language."
        )
    return Embeddings(matrix, mask)


def _forms(tokenizer: Tokenizer, index: int) -> list[str]:
    """The words of a file that stand for an id, the best first."""
    if index < len(SPECIAL_PIECES):
        return [] if index == PAD_ID else [SPECIAL_PIECES[index]]
    if isinstance(tokenizer, (WordTokenizer, CharacterTokenizer)):
        text = tokenizer.symbols[index - len(SPECIAL_PIECES)].replace(JOINER, "")
    else:
        text = tokenizer.piece(index)
    forms = [text]
    if isinstance(tokenizer, SentencePieceTokenizer) and len(text) > 1:
        forms.append(text.removeprefix(BLANK))
    forms += [form.lower() for form in forms]
    return [form for form in dict.fromkeys(forms) if form and form not in SPECIAL_PIECES]
