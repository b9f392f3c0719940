"""The notebooks are their programs, which run and write what they say, on public names alone."""

import ast
import importlib.util
import json
import runpy
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
NAMES = ("attentions", "bottleneck", "exposure", "reversal", "vanishing")
MAY_IMPORT = {"keras", "matplotlib", "numpy", "tensorflow"}
MAY_IMPORT_OF_OURS = {
    "keras_s2s",
    "keras_s2s.experiments.dates",
    "keras_s2s.experiments.comparison",
}
COLAB = """import sys

if "google.colab" in sys.modules:
    import subprocess

    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "keras-s2s"], check=True)"""
LARGEST = 300_000  # Bytes of a notebook with its picture.


def load_maker() -> Any:
    spec = importlib.util.spec_from_file_location("notebooks_make", FOLDER / "make.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


maker = load_maker()


def read_notebook(name: str) -> Any:
    return nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)


def numbers(value: Any) -> list[float]:
    """All numbers of a structure."""
    if isinstance(value, dict):
        value = list(value.values())
    return sum(map(numbers, value), []) if isinstance(value, list) else [value]


def summaries(value: Any) -> list[dict[str, Any]]:
    """All figures of several seeds in a structure."""
    if not isinstance(value, dict):
        return []
    return [value] if "runs" in value else sum(map(summaries, value.values()), [])


def test_every_program_is_one_of_these() -> None:
    assert [path.stem for path in maker.programs()] == list(NAMES)


@pytest.mark.slow  # Trains the models of an experiment: 20 s and more each.
@pytest.mark.parametrize(
    ("name", "seeds"),
    [
        ("reversal", 2),
        *(pytest.param(name, 1, marks=pytest.mark.slow) for name in NAMES if name != "reversal"),
    ],
)
def test_the_small_size_writes_figures_and_a_picture(
    name: str, seeds: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = ["--output", str(tmp_path), "--size", "small", "--seeds", str(seeds)]
    monkeypatch.setattr(sys, "argv", [f"{name}.py", *given])
    runpy.run_path(str(FOLDER / f"{name}.py"))
    assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    found = json.loads((tmp_path / f"{name}.json").read_text(encoding="utf-8"))
    seeds_used = list(range(1, seeds + 1))
    assert (found["experiment"], found["size"], found["seeds"]) == (name, "small", seeds_used)
    assert found["settings"]["training_pairs"] > 0
    several = summaries(found["figures"])
    assert several
    for one in several:
        assert set(one) == {"mean", "lowest", "highest", "runs"} and len(one["runs"]) == seeds
        triples = zip(*(numbers(one[key]) for key in ("lowest", "mean", "highest")), strict=True)
        assert all(low <= mean <= high for low, mean, high in triples)


@pytest.mark.parametrize("name", NAMES)
def test_the_notebook_is_the_program(name: str) -> None:
    notebook, program = read_notebook(name), maker.read_program(FOLDER / f"{name}.py")
    assert [(cell.cell_type, cell.id, cell.source) for cell in notebook.cells] == [
        (cell.cell_type, cell.id, cell.source) for cell in program.cells
    ], "run make notebooks"


@pytest.mark.parametrize("name", NAMES)
def test_the_notebook_shows_its_picture_and_is_small(name: str) -> None:
    outputs = [one for cell in maker.code(read_notebook(name)) for one in cell.outputs]
    assert any("image/png" in one.get("data", {}) for one in outputs)
    assert not any(one.output_type == "error" for one in outputs)
    assert (FOLDER / f"{name}.ipynb").stat().st_size < LARGEST


@pytest.mark.parametrize("name", NAMES)
def test_the_story_ends_with_a_conclusion(name: str) -> None:
    last = maker.read_program(FOLDER / f"{name}.py").cells[-1].source
    assert last.startswith("## Conclusion\n"), "write down what the full size has found"


@pytest.mark.parametrize("name", NAMES)
def test_only_public_names_are_imported(name: str) -> None:
    tree = ast.parse((FOLDER / f"{name}.py").read_text(encoding="utf-8"))
    modules = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            modules.append(node.module or "")
            assert not any(alias.name.startswith("_") for alias in node.names)
    for module in modules:
        root = module.split(".")[0]
        allowed = module in MAY_IMPORT_OF_OURS if root == "keras_s2s" else root in MAY_IMPORT
        assert allowed or root in sys.stdlib_module_names, f"{name}.py imports {module}"


@pytest.mark.parametrize("name", NAMES)
def test_the_first_code_cell_installs_the_package_in_colab_alone(name: str) -> None:
    first = maker.code(maker.read_program(FOLDER / f"{name}.py"))[0].source
    assert first == COLAB


def test_new_text_leaves_the_outputs_and_new_code_is_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maker, "FILES", tmp_path / "files")
    program = tmp_path / "sum.py"
    program.write_text("# %% [markdown]\n# Before\n\n# %%\nprint(1 + 1)\n", encoding="utf-8")
    assert maker.make(program, False) == "executed"
    program.write_text("# %% [markdown]\n# After\n\n# %%\nprint(1 + 1)\n", encoding="utf-8")
    assert maker.make(program, False) == "text renewed"
    text, cell = nbformat.read(program.with_suffix(".ipynb"), as_version=4).cells
    assert text.source == "After" and cell.outputs[0].text == "2\n"
    made = program.with_suffix(".ipynb").read_bytes()
    assert maker.make(program, True) == "executed"
    assert program.with_suffix(".ipynb").read_bytes() == made
    program.write_text("# %%\nprint(1 + 2)\n", encoding="utf-8")
    assert maker.make(program, False) == "executed"
