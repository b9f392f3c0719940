"""What a right-to-left model cannot be trained with is told before anything is read."""

from typing import Any

import pytest

from keras_s2s.recipe.combinations import Given, check_combination
from keras_s2s.recipe.config import Recipe


@pytest.mark.parametrize(
    ("given", "options", "message"),
    [
        ({"prepared": True}, {}, "needs pairs in memory.* with a prepared corpus"),
        ({"alignments": True}, {}, "needs pairs without alignments"),
        ({"teachers": True}, {}, "needs training without teachers"),
        ({}, {"teachers": 2}, "needs training without teachers"),
        ({"start": True}, {"contrastive_margin": 0.1}, "needs usual"),
    ],
)
def test_what_does_not_go_with_a_reversed_target_is_told(
    given: dict[str, Any], options: dict[str, Any], message: str
) -> None:
    usual = Given(start=False, prepared=False, alignments=False, strategy=False)
    check_combination(Recipe(reverse_target=True), usual)
    with pytest.raises(ValueError, match=f"A right-to-left model {message}"):
        check_combination(Recipe(reverse_target=True, **options), usual._replace(**given))
