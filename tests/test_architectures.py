"""The table of architectures names what exists."""

import inspect
import re
from pathlib import Path
from typing import Any

import keras
import pytest

import keras_s2s
import keras_s2s.evaluation.mbr
from keras_s2s.evaluation.alignment import align
from keras_s2s.evaluation.likelihood import pair_likelihoods
from keras_s2s.recipe.config import Recipe
from keras_s2s.text.option_fields import options_of

TABLE = Path(__file__).resolve().parents[1] / "docs" / "architectures.md"
NAMES: dict[str, Any] = {name: getattr(keras_s2s, name) for name in keras_s2s.__all__}
NAMES |= {"align": align, "pair_likelihoods": pair_likelihoods}


def expressions() -> list[str]:
    """What stands in backticks in the columns that say what a variant is called here."""
    found, column = [], 0
    for line in TABLE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if "in this package" in cells:
            column = cells.index("in this package")
        elif line.startswith("| ") and not line.startswith("| ---"):
            found += re.findall("`([^`]+)`", cells[column])
    assert "Decoder(8000, 512, attention=None)" in found
    return list(dict.fromkeys(found))


@pytest.mark.parametrize("expression", expressions())
def test_what_the_table_names_exists(expression: str) -> None:
    names = {**NAMES, "keras": keras, "keras_s2s": keras_s2s, "model": keras.Model()}
    if re.fullmatch(r"\w+(=\w+)?", expression) and expression.partition("=")[0] not in names:
        options = inspect.signature(keras_s2s.Translator.translate).parameters
        assert expression.partition("=")[0] in options
    else:
        assert eval(expression.partition("=")[0] if "(" not in expression else expression, names)


def test_every_kind_of_the_recipe_is_in_the_table() -> None:
    text = TABLE.read_text(encoding="utf-8")
    choices = {
        field.name: [one for one in stated.choices if one is not None]
        for field, stated in options_of(Recipe)
    }
    assert all(f'cell="{cell}"' in text for cell in choices["cell"])
    assert all(f'bridge="{bridge}"' in text for bridge in choices["bridge"])
    assert all(f'local="{local}"' in text for local in choices["local"])
    scores = {score.removeprefix("scaled_") for score in choices["score"]}
    assert all(f'score="{score}"' in text for score in scores)
    assert all(f'ScheduledSampling("{d}"' in text for d in choices["scheduled_sampling"])
