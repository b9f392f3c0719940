"""Makes the notebooks from the programs beside them: `python notebooks/make.py [NAME ...]`.

The program is the source. Its notebook is executed at full size when its code has changed since, or
with `--execute`; a new text around the same code leaves the outputs as they are. Two runs differ at
most in what the code itself makes different: cells are numbered, and no times are recorded.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

import jupytext
import nbformat

FOLDER = Path(__file__).resolve().parent
FILES = FOLDER.parent / "build" / "notebooks"  # Where the notebooks write their JSON and PNG.
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def programs() -> list[Path]:
    """The experiments."""
    return sorted(path for path in FOLDER.glob("*.py") if path.name != "make.py")


def read_program(path: Path) -> Any:
    """The notebook that a program is, without outputs."""
    notebook = jupytext.read(path, fmt="py:percent")
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"
        cell.metadata = {}
    notebook.metadata = nbformat.from_dict(METADATA)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    return notebook


def code(notebook: Any) -> list[Any]:
    """The code cells of a notebook."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def make(path: Path, always_execute: bool) -> str:
    """Write the notebook of a program; say what was done."""
    goal = path.with_suffix(".ipynb")
    notebook = read_program(path)
    old = code(nbformat.read(goal, as_version=4)) if goal.exists() else []
    is_same = [cell.source for cell in old] == [cell.source for cell in code(notebook)]
    if is_same and not always_execute:
        for cell, before in zip(code(notebook), old, strict=True):
            cell.outputs, cell.execution_count = before.outputs, before.execution_count
    else:
        execute(notebook)
    nbformat.validate(notebook)
    nbformat.write(notebook, goal)
    return "text renewed" if is_same and not always_execute else "executed"


def execute(notebook: Any) -> None:
    """Run all cells, in a folder where the files that they write are ignored by git."""
    from nbclient import NotebookClient

    FILES.mkdir(parents=True, exist_ok=True)
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    place = {"metadata": {"path": str(FILES)}}
    NotebookClient(notebook, timeout=None, record_timing=False, resources=place).execute()
    notebook.metadata = nbformat.from_dict(METADATA)  # The kernel told its version.
    for cell in code(notebook):
        cell.metadata = {}
        # What TensorFlow says of the machine it runs on is no part of the story.
        cell.outputs = [one for one in cell.outputs if one.get("name") != "stderr"]


def main() -> None:
    """Make the notebooks that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="without any: all of them")
    parser.add_argument("--execute", action="store_true", help="even where no code has changed")
    given = parser.parse_args()
    known = {path.stem: path for path in programs()}
    for name in given.names or known:
        if name not in known:
            parser.error(f"there is no {name!r}; there are {', '.join(known)}")
        print(f"{name}: {make(known[name], given.execute)}", flush=True)


if __name__ == "__main__":
    main()
