"""What is no strategy."""

from typing import Any

import pytest

from keras_s2s.search.strategies import Beam
from keras_s2s.search.strategy_checks import check_strategy


@pytest.mark.parametrize("wrong", [None, 5, {"beam_size": 5}, Beam])
def test_a_search_is_one_of_three_objects(wrong: Any) -> None:
    with pytest.raises(TypeError, match="`search` must be a Greedy, Beam or Sample object"):
        check_strategy(wrong)
