"""What no search can be asked for."""

from typing import Any

import numpy as np
import pytest
from keras import ops

from keras_s2s.search.beam import beam_search
from keras_s2s.search.greedy import greedy_search
from keras_s2s.search.strategies import Beam

START, END = 2, 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"search": Beam(2, coverage_penalty=0.1)},
            "need source_mask, bool .* Received: shape=None",
        ),
        ({"return_weights": True, "source_mask": np.ones(3, bool)}, "Received: shape=\\(3,\\)"),
        ({"return_weights": True, "source_mask": np.ones((2, 3), bool)}, "Received: weights=None"),
        ({"maximum_length": 0}, "maximum_length must be an integer, at least 1"),
        ({"maximum_length": np.ones((2, 1), int)}, "one integer for each row.*shape=\\(2, 1\\)"),
        ({"maximum_length": np.ones(3, int)}, "one integer for each row.*shape=\\(3,\\)"),
        ({"capacity": 0}, "capacity must be an integer, at least 1"),
        ({"end_id": START}, "The end mark must be allowed"),
        ({"forbidden_ids": [END]}, "The end mark must be allowed"),
        ({"pad_id": -1}, "Token ids count from 0"),
        ({"batch_size": 3}, "needs batch_size=3 rows. Received: shape=\\(2,\\)"),
        ({"batch_size": 0}, "batch_size must be an integer, at least 1"),
    ],
)
def test_arguments_out_of_range_are_told(arguments: Any, message: str) -> None:
    def step(token: Any, state: Any) -> Any:
        return ops.zeros((4, 6)), state, None

    complete = {"batch_size": 2, "search": Beam(2), "maximum_length": 5, **arguments}
    with pytest.raises(ValueError, match=message):
        beam_search(step, ops.zeros((2,)), **complete)


def test_a_step_that_is_no_step_is_told() -> None:
    with pytest.raises(TypeError, match="needs a step function .* Received: step=None"):
        greedy_search(None, (), 1, maximum_length=5)  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="must return logits .* Received: shape=\\(1, 1, 5\\)"):
        greedy_search(
            lambda token, state: (ops.zeros((1, 1, 5)), state, None), (), 1, maximum_length=5
        )
