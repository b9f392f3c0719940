"""Checks the token ids of every batch of a `tf.data.Dataset`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from keras_s2s.layers.token_ids import out_of_vocabulary


def checked_dataset(
    dataset: tf.data.Dataset, parts: Callable[[Any, Any], list[tuple[str, Any, int | None]]]
) -> tf.data.Dataset:
    """The same batches, with an error in place of one whose ids are outside of the vocabulary.

    Args:
        dataset: Batches `x`, `(x, y)` or `(x, y, sample_weight)`.
        parts: From x and y to what is checked: names, ids and sizes of the vocabularies.
    """

    def check(*batch: Any) -> Any:
        asserted = []
        for label, ids, size in parts(batch[0], batch[1] if len(batch) > 1 else None):
            if size is not None and ids.dtype.is_integer:
                words = out_of_vocabulary(f"another id in `{label}`", size)
                asserted.append(tf.debugging.assert_non_negative(ids, words))
                asserted.append(tf.debugging.assert_less(ids, tf.cast(size, ids.dtype), words))
        with tf.control_dependencies(asserted):
            return tf.nest.map_structure(tf.identity, batch)

    if isinstance(dataset.element_spec, tuple):
        return dataset.map(check)
    return dataset.map(lambda batch: check(batch)[0])
