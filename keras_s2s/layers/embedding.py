"""The embedding that encoder and decoder start from."""

from __future__ import annotations

from typing import Any

import keras


def check_embedding_dimension(value: int | None) -> None:
    """Raise ValueError if a size is given that is below 1."""
    if value is not None and value < 1:
        raise ValueError(
            f"`embedding_dimension` must be at least 1. Received: embedding_dimension={value}"
        )


def make_embedding(vocabulary_size: int, dimension: int, dtype: Any) -> keras.layers.Embedding:
    """An embedding `[V, E]` that starts at random numbers around 0, with deviation 0.1."""
    return keras.layers.Embedding(
        vocabulary_size,
        dimension,
        embeddings_initializer=keras.initializers.RandomNormal(stddev=0.1),
        name="embedding",
        dtype=dtype,
    )
