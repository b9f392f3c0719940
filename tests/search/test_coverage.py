"""The coverage penalty, against NumPy."""

import numpy as np
from keras import ops

from keras_s2s.search.coverage import COVERAGE_FLOOR, coverage_penalties
from keras_s2s.search.strategies import Beam


def test_the_penalty_is_the_sum_of_logs_over_real_tokens_that_got_too_little() -> None:
    coverage = np.array([[0.5, 2.0, 9.0], [0.0, 1.0, 9.0]], "float32")  # Two beams of a sentence.
    mask = np.array([[True, True, False]])
    search = Beam(2, coverage_penalty=0.1)
    found = coverage_penalties(ops.array(coverage), ops.array(mask), search)
    expected = [[0.1 * np.log(0.5), 0.1 * np.log(COVERAGE_FLOOR)]]
    np.testing.assert_allclose(found, expected, rtol=1e-6)
