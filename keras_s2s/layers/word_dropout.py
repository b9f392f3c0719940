"""Word dropout: whole tokens hidden in training."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_s2s.layers.dropout import check_dropout
from keras_s2s.layers.row_random import row_uniform
from keras_s2s.special_ids import END_ID, UNK_ID


@keras.saving.register_keras_serializable("keras_s2s")
class WordDropout(keras.layers.Layer):
    """Replaces tokens by the unknown id, in training; special ids stay as they are.

    The model learns to do without every word, and it sees the unknown id, which a subword tokenizer
    hardly ever gives.

    Args:
        rate: Probability of hiding a token.
        name: Name of the layer.

    Call arguments:
        ids: int32, any shape, the batch's rows first.
        training: Whether to hide any.

    Returns:
        Ids of the same shape.

    Raises:
        ValueError: `rate` is no probability below 1.

    Example:
        >>> import numpy as np
        >>> hidden = WordDropout(0.999)(np.array([[2, 7, 3, 0]]), training=True)
        >>> np.asarray(hidden).tolist()
        [[2, 1, 3, 0]]

    Source: Bowman et al. 2016, section 3.1 (target); Iyyer et al. 2015, where a hidden word leaves
    the sentence.
    """

    def __init__(self, rate: float, name: str | None = None) -> None:
        super().__init__(name=name, dtype="float32")
        check_dropout("word_dropout", rate)
        self.rate = rate
        self.seeds = keras.random.SeedGenerator() if rate else None

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return {"rate": self.rate, "name": self.name}

    def call(self, ids: Any, training: bool = False) -> Any:
        """Hide tokens, see the class."""
        if not training or self.seeds is None:
            return ids
        draws = row_uniform(ops.shape(ids), 0, self.seeds)
        is_hidden = ops.logical_and(draws < self.rate, ids > END_ID)
        return ops.where(is_hidden, UNK_ID, ids)
