"""The reference lists every option of every command, as the help does."""

import re
from typing import Any

import pytest
import typer

from keras_s2s.cli.main import app
from keras_s2s.cli.reference import options_table, render
from keras_s2s.recipe.config import Recipe
from keras_s2s.recipe.resume import Run
from keras_s2s.text.option_fields import options_of

GROUP: Any = typer.main.get_command(app)
PAGE = render()


@pytest.mark.parametrize("name", GROUP.commands)
def test_a_command_has_its_section_with_every_option(name: str) -> None:
    (section,) = re.findall(rf"^## {name}\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE)
    for one in GROUP.commands[name].params:
        assert f"\n| `{one.opts[0]}`" in section
        assert str(one.help) in section


def test_a_table_of_the_options_has_a_row_for_each_field() -> None:
    table = options_table()
    names = [field.name for kind in (Recipe, Run) for field, _ in options_of(kind)]
    for name in names:
        assert table.count(f"\n| `--{name.replace('_', '-')}`") == 1
    assert re.findall("^### (.*)$", table, re.MULTILINE) == [
        f"{group} options" for group in ("Data", "Text", "Model", "Training", "Run")
    ]


def test_a_row_tells_default_values_and_what_it_goes_with() -> None:
    rows = options_table().splitlines()
    assert "| `--dropout` | `0.4` | at least 0 and below 1 | Dropout rate. |" in rows
    (window,) = [row for row in rows if row.startswith("| `--window` |")]
    assert "| `10` | positive, at most 1,000,000 |" in window
    assert window.endswith("Only with `--local` `monotonic` or `predictive`. |")
    (local,) = [row for row in rows if row.startswith("| `--local` |")]
    assert "| `none` | `monotonic`, `predictive`, `none` |" in local
    (residual,) = [row for row in rows if row.startswith("| `--residual`, `--no-residual` |")]
    assert "| `no` |  |" in residual


def test_every_row_has_four_cells() -> None:
    rows = [line for line in (PAGE + options_table()).splitlines() if line.startswith("|")]
    assert {row.count("|") for row in rows} == {5}
