"""The strategies as objects."""

import math
from typing import Any

import pytest

from keras_s2s.search.strategies import Beam


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"beam_size": 0}, "`beam_size` must be at least 1. Received: beam_size=0"),
        ({"beam_size": 2.5}, "`beam_size` must be a whole number. Received: beam_size=2.5"),
        ({"beam_size": True}, "`beam_size` must be a whole number"),
        ({"beam_size": 10**7}, "`beam_size` must be at most 1,000,000"),
        ({"length_penalty": -1.0}, "`length_penalty` must be at least 0"),
        ({"length_penalty": -math.inf}, "`length_penalty` must be at least 0"),
        ({"length_penalty": math.nan}, "`length_penalty` must be a number below 1e.30"),
        ({"length_penalty": "long"}, "`length_penalty` must be a number below 1e.30"),
        ({"coverage_penalty": math.inf}, "`coverage_penalty` must be a number below 1e.30"),
    ],
)
def test_what_a_beam_cannot_be_is_told(arguments: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Beam(**arguments)
