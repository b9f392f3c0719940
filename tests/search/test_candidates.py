"""The best tokens of a row, against NumPy."""

import numpy as np
import pytest
from keras import ops

from keras_s2s.search.candidates import best_tokens


@pytest.mark.parametrize("size", [6, 3000])
def test_best_tokens_are_sorted_allowed_and_keep_the_models_log_probabilities(size: int) -> None:
    logits = np.random.default_rng(size).normal(size=(5, size), scale=4.0).astype("float32")
    logits[:, 2] = 40.0
    exact = logits.astype("float64")
    exact -= np.log(np.exp(exact).sum(1, keepdims=True))
    exact[:, [0, 2]] = -np.inf
    order = np.argsort(-exact, axis=1)[:, :4]
    found, tokens = best_tokens(ops.array(logits), 4, (0, 2))
    np.testing.assert_array_equal(tokens, order)
    np.testing.assert_allclose(found, np.take_along_axis(exact, order, 1), rtol=1e-5)


def test_there_are_no_more_best_tokens_than_the_vocabulary_has() -> None:
    found, tokens = best_tokens(ops.zeros((1, 4)), 9, (0,))
    assert np.sort(tokens).tolist() == [[0, 1, 2, 3]]
    assert np.isneginf(found).tolist() == [[False, False, False, True]]
