"""Checks of the prefixes that a search is given."""

from numbers import Integral

import numpy as np
from keras import ops

from keras_s2s.search.inputs import Tensor


def checked_prefix(
    prefix_ids: Tensor | None,
    batch_size: int | Tensor,
    limits: Tensor,
    *,
    start_id: int,
    end_id: int,
    pad_id: int,
) -> Tensor:
    """Return prefixes as a search reads them: int32 `[B, P]`, or () where nothing is forced.

    Args:
        prefix_ids: what was given.
        batch_size: B.
        limits: int32 `[B]`.
        start_id: start mark.
        end_id: end mark.
        pad_id: padding.

    Raises:
        ValueError: They have another shape or, where their values are known, one is too long, or
            holds a mark or padding between its tokens.
    """
    if prefix_ids is None:
        return ()
    prefix = ops.convert_to_tensor(prefix_ids, dtype="int32")
    shape = tuple(prefix.shape)
    is_fixed = isinstance(batch_size, Integral)
    if len(shape) != 2 or (is_fixed and shape[0] not in (None, batch_size)):
        raise ValueError(
            f"prefix_ids must be one row of tokens for each sentence, [B, P]. Received: "
            f"shape={shape}. Pad short ones on the right, those without prefix whole."
        )
    if shape[1] == 0:
        return ()
    try:
        values, most = np.asarray(prefix), np.asarray(limits)
    except (TypeError, NotImplementedError):  # Tensors without a value yet, in a traced function.
        return prefix
    is_pad = values == pad_id
    if (is_pad[:, :-1] & ~is_pad[:, 1:]).any() or np.isin(values, [start_id, end_id]).any():
        raise ValueError(
            "prefix_ids must hold tokens, then padding, and no start or end mark. Received: "
            f"prefix_ids={values.tolist()}. Leave the marks out."
        )
    lengths = (~is_pad).sum(axis=1)
    is_long = (lengths >= most) & (lengths > 0) & (most > 0)
    if is_long.any():
        row = int(is_long.argmax())
        raise ValueError(
            "A prefix must be shorter than its row's limit, which counts the end mark. Received: "
            f"{lengths[row]} tokens in row {row}, limit={most[row]}. Raise the limit or shorten it."
        )
    return prefix
