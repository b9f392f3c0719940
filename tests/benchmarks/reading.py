"""Count the lines that one has to read to understand a training step and decoding.

    python tests/benchmarks/reading.py [CHECKOUT ...]     # this one by default

The files are not a list made by hand: they are all modules of the package that are reached by
imports from the entry points, including imports inside functions but not those for types only,
except the modules in `excluded`, each with its reason. All lines count, including docstrings and
comments.

- A training step: model, loss and optimizer of the default recipe (LSTM, Luong's attention).
- Decoding: from `Translator` to the search, in the subpackages `inference` and `search`; the layers
  that a decoding step uses are counted under training.

Files of more than 300 lines and functions of more than 40, without their docstring, are listed too.
The exit status is 1 if a bound is exceeded.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

LONGEST_FILE, LONGEST_FUNCTION = 300, 40


class Reading(NamedTuple):
    """What is read for one purpose: entry points, subpackages, and the most lines allowed."""

    title: str
    entries: tuple[str, ...]  # without `keras_s2s.`
    rooms: tuple[str, ...]
    excluded: dict[str, str]  # last part of a module's name: why it is not read
    bound: int  # lines


READINGS = (
    Reading(
        "A training step",
        (
            "model",
            "layers.encoder",
            "layers.luong",
            "training.losses",
            "training.optimizers",
        ),
        ("model", "layers", "training", "special_ids"),
        {
            "bahdanau": "another attention than the default recipe's",
            "layer_norm": "another cell than the default recipe's",
            "gru": "another cell than the default recipe's",
            "rnn": "another cell than the default recipe's",
            "sample_weights": "not given in the default recipe",
            "forks": "checks of the process",
            "output_specs": "speed: shapes that Keras would find by tracing",
            "luong_local": "off in the default recipe",
            "copying": "off in the default recipe",
            "monotonic": "another attention than the default recipe's",
            "scheduled_sampling": "off in the default recipe",
            "word_dropout": "off in the default recipe",
            "dropout": "`keras.layers.Dropout`, the same on one device and on several",
            "replicas": "several devices",
            "scan_tensorflow": "a faster way to what `scan` defines",
            "scan_unrolled": "for exports",
            "optimizers": "a faster way to Keras' Adam",
            "cell_names": "the table of names",
            "saving": "the saved folder",
            "checks": "checks of arguments",
            "token_ids": "checks of arguments",
            "base_model": "checks of arguments, copies",
            "token_ids_tensorflow": "checks of arguments",
        },
        1800,
    ),
    Reading(
        "Decoding",
        ("inference.translator", "inference.pipeline_translator", "search.candidates"),
        ("inference", "search", "special_ids"),
        {
            "ensemble": "several models",
            "right_to_left": "the other direction, off by default",
            "forced_model": "given targets, without a search",
            "forced_protocol": "given targets, without a search",
            "greedy": "another search than the default one",
            "sample": "another search than the default one",
            "sample_strategy": "another search than the default one",
            "single": "another search than the default one",
            "coverage": "the coverage penalty, off by default",
            "constrain": "constraints and forced prefixes, off by default; else `best_tokens`",
            "constraints": "constraints, off by default",
            "prefixes": "forced prefixes, where asked for",
            "prefix_checks": "checks of arguments",
            "attention_history": "attention weights of the results, returned where asked for",
            "unknown": "replacement of unknown words, where asked for",
            "checks": "checks of arguments",
            "input_checks": "checks of arguments",
            "strategy_checks": "checks of arguments",
            "parts": "checks of what a translator is made of",
            "storage": "the saved folder",
            "saved_translator": "the saved folder",
            "model_file": "the saved folder",
            "forks": "checks of the process",
            "graph_search": "speed: the same function, traced once",
            "length_batches": "speed: which texts share a batch",
            "ended_rows": "speed: rows that have ended leave the batch",
            "top_values": "speed: what ops.top_k returns",
            "structure": "ops.while_loop and tree.map_structure where parts may be missing",
        },
        1300,
    ),
)


def find_modules(checkout: Path) -> dict[str, Path]:
    """The modules of the package by name, without the prefix `keras_s2s` and `__init__` files."""
    found = {}
    for folder, prefix in ((checkout / "keras_s2s", ()), (checkout / "export", ("export",))):
        for path in sorted(folder.rglob("*.py")):
            parts = path.relative_to(folder).with_suffix("").parts
            if parts[-1] != "__init__":
                found[".".join((*prefix, *parts))] = path
    return found


def imported(path: Path, modules: dict[str, Path]) -> set[str]:
    """The modules of the package that a file imports at run time."""
    found = set()
    for node in _running(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        found |= {name.removeprefix("keras_s2s.") for name in names}
    return found & modules.keys()


def _running(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes except those under `if TYPE_CHECKING:`."""
    yield node
    for child in ast.iter_child_nodes(node):
        is_for_types = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test)
        if not is_for_types:
            yield from _running(child)


def reached(reading: Reading, modules: dict[str, Path]) -> tuple[list[str], list[str]]:
    """The modules to read and those that are excluded, both sorted by name."""
    found, excluded, waiting = set(), set(), list(reading.entries)
    while waiting:
        module = waiting.pop()
        if module in found or module.split(".")[0] not in reading.rooms:
            continue
        if module.rpartition(".")[2] in reading.excluded:
            excluded.add(module)
            continue
        found.add(module)
        waiting += imported(modules[module], modules)
    return sorted(found), sorted(excluded)


def count_lines(path: Path) -> int:
    """Lines of a file, as `wc -l` counts them."""
    return path.read_text(encoding="utf-8").count("\n")


def long_functions(path: Path, most: int = LONGEST_FUNCTION) -> Iterator[tuple[str, int]]:
    """Functions that are longer than allowed, without their docstrings: name and lines."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            first = node.body[0]
            has_docstring = ast.get_docstring(node) is not None
            docstring = (first.end_lineno or 0) - first.lineno + 1 if has_docstring else 0
            lines = (node.end_lineno or 0) - node.lineno + 1 - docstring
            if lines > most:
                yield node.name, lines


def print_reading(reading: Reading, modules: dict[str, Path]) -> bool:
    """Print a table of what is read; return whether it is within the bound."""
    read, excluded = reached(reading, modules)
    lines = {module: count_lines(modules[module]) for module in (*read, *excluded)}
    total = sum(lines[module] for module in read)
    print(f"\n{reading.title}: {total:,} lines, {reading.bound:,} allowed\n")
    print("| file | lines |\n| --- | --- |")
    for module in read:
        print(f"| {module.replace('.', '/')}.py | {lines[module]} |")
    for module in excluded:
        reason = reading.excluded[module.rpartition(".")[2]]
        print(f"| not {module.replace('.', '/')}.py: {reason} | ({lines[module]}) |")
    print(f"\nLeft out: {sum(lines[module] for module in excluded):,} lines")
    return total <= reading.bound


def print_long(checkout: Path, paths: Iterable[Path]) -> bool:
    """Print files and functions that are too long; return whether there are none."""
    files, functions = [], []
    for path in paths:
        name = str(path.relative_to(checkout))
        files += [(name, count_lines(path))] if count_lines(path) > LONGEST_FILE else []
        functions += [(f"{name}: {found}", lines) for found, lines in long_functions(path)]
    for title, found in (
        (f"Files of more than {LONGEST_FILE} lines", files),
        (f"Functions of more than {LONGEST_FUNCTION} lines", functions),
    ):
        print(f"\n{title}: {len(found)}\n")
        for name, lines in found:
            print(f"- {name}: {lines}")
    return not files and not functions


def main() -> None:
    """Print the figures of each checkout."""
    here = Path(__file__).resolve().parents[2]
    is_kept = []
    for checkout in [Path(name).resolve() for name in sys.argv[1:]] or [here]:
        print(f"# {checkout}")
        modules = find_modules(checkout)
        is_kept += [print_reading(reading, modules) for reading in READINGS]
        is_kept.append(print_long(checkout, modules.values()))
        print()
    sys.exit(not all(is_kept))


if __name__ == "__main__":
    main()
