"""The embedding of encoder and decoder."""

from __future__ import annotations

from typing import Any

import keras


def make_embedding(vocabulary_size: int, dimension: int, dtype: Any) -> keras.layers.Embedding:
    """An embedding `[V, E]`, drawn from a normal distribution with standard deviation 0.1."""
    return keras.layers.Embedding(
        vocabulary_size,
        dimension,
        embeddings_initializer=keras.initializers.RandomNormal(stddev=0.1),
        name="embedding",
        dtype=dtype,
    )
