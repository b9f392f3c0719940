"""Checks that token ids are in the vocabulary; backends look up others without an error."""

from __future__ import annotations

from typing import Any

import numpy as np


def check_token_ids(label: str, ids: Any, vocabulary_size: int | None) -> None:
    """Raise ValueError for ids outside of the vocabulary, as far as their values are known.

    Args:
        label: What they are, for the message.
        ids: Integers of any shape; symbols, tensors of a graph and floats pass.
        vocabulary_size: V; `None` where there is no vocabulary.

    Raises:
        ValueError: An id is negative or not below V.

    Example:
        >>> check_token_ids("source", np.array([[5, 6, 3]]), vocabulary_size=10)
    """
    if vocabulary_size is None:
        return
    values = _known(ids)
    if values is None or values.dtype.kind not in "iu" or not values.size:
        return
    least, most = int(values.min()), int(values.max())
    if least < 0 or most >= vocabulary_size:
        wrong = f"id {least if least < 0 else most} in `{label}`"
        raise ValueError(out_of_vocabulary(wrong, vocabulary_size))


def out_of_vocabulary(received: str, vocabulary_size: int) -> str:
    """The error message for ids outside of the vocabulary."""
    return (
        f"Token ids must be at least 0 and below the size of the vocabulary, {vocabulary_size}. "
        f"Received: {received}. Encode the text with the tokenizer that the model "
        "was made for."
    )


def _known(ids: Any) -> np.ndarray | None:
    """The values of ids; `None` for the symbols of a graph."""
    try:
        return np.asarray(ids)
    except (TypeError, ValueError, NotImplementedError, AttributeError):
        return None
