"""Sampling as an object."""

from typing import Any

import pytest

from keras_s2s.search.sample_strategy import Sample


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"temperature": 0.0}, "`temperature` must be above 0 .* Received: temperature=0.0"),
        ({"top_k": -1}, "`top_k` must be an integer, at least 0"),
        ({"top_p": 0.0}, "`top_p` must be above 0"),
        ({"top_p": 1.1}, "`top_p` must be above 0 and at most 1. Received: top_p=1.1"),
        ({"seed": -1}, "`seed` must be at least 0"),
        ({"seed": 2**32}, "`seed` must be at least 0"),
    ],
)
def test_what_sampling_cannot_do_is_told(arguments: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Sample(**arguments)
