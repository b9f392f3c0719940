"""The package as a whole: its public names, who imports whom, and what an import costs."""

import ast
import importlib
import importlib.metadata
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

import keras_s2s

ROOT = Path(__file__).resolve().parents[1]
PACKAGE_FILES = sorted([*ROOT.glob("keras_s2s/**/*.py"), *ROOT.glob("export/**/*.py")])
TEST_FILES = sorted(ROOT.glob("tests/**/*.py"))

# The rooms of the package by floor: a room imports only rooms of the floors below its own.
FLOORS = (
    {"cli", "notebooks"},
    {"experiments"},
    {"recipe"},
    {"evaluation", "export"},
    {"inference"},
    {"model", "data"},
    {"layers", "training", "text"},
    {"search", "files", "special_ids"},
)
FLOOR_OF = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}

# These run under any Keras backend.
BACKEND_FREE = (
    "layers",
    "model",
    "search",
    "inference",
    "training.losses",
    "training.metrics",
)
# What `layers.scan`, `layers.dropout`, the loss and the translator load under that backend alone.
UNDER_TENSORFLOW_ALONE = {
    "keras_s2s.inference.forced_model",
    "keras_s2s.inference.graph_search",
    "keras_s2s.layers.scan_gradient",
    "keras_s2s.layers.scan_tensorflow",
    "keras_s2s.layers.random_tensorflow",
    "keras_s2s.layers.token_ids_tensorflow",
    "keras_s2s.training.replicas",
}
TENSORFLOW = {"tensorflow", "tensorflow_text"}
HEAVY = {
    "tensorflow",
    "tensorflow_text",
    "keras",
    "jax",
    "matplotlib",
    "nltk",
    "sacrebleu",
    "sentencepiece",
}


def module_name(path: Path) -> str:
    """`keras_s2s/text/corpus.py` -> `keras_s2s.data.corpus`; export/ goes by its installed name."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    parts = parts[:-1] if parts[-1] == "__init__" else parts
    return ".".join(("keras_s2s", *parts) if parts[0] == "export" else parts)


def imports(path: Path, nodes: Iterable[ast.AST] | None = None) -> Iterator[tuple[str, str]]:
    """The imports of a file, or of some of its nodes: the module, and the name taken from it."""
    package = module_name(path)
    package = package if path.name == "__init__.py" else package.rpartition(".")[0]
    for node in ast.walk(parse(path)) if nodes is None else nodes:
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package.split(".")[: len(package.split(".")) - node.level + 1]
            module = ".".join([*base, node.module or ""]).strip(".") if node.level else node.module
            yield from ((module or "", alias.name) for alias in node.names)


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def roots(path: Path, nodes: Iterable[ast.AST] | None = None) -> set[str]:
    """The top-level packages that a file, or some of its nodes, imports."""
    return {module.split(".")[0] for module, _ in imports(path, nodes)}


MODULES = {module_name(path): path for path in PACKAGE_FILES}


def imported_modules(path: Path, nodes: Iterable[ast.AST] | None = None) -> set[str]:
    """Our own modules that a file imports."""
    found = set()
    for module, name in imports(path, nodes):
        if module.split(".")[0] != "keras_s2s":
            continue
        found.add(f"{module}.{name}" if f"{module}.{name}" in MODULES else module)
    return found


def room(module: str) -> str:
    """`keras_s2s.text.corpus` -> `text`; the front door is ""."""
    return module.removeprefix("keras_s2s").removeprefix(".").split(".")[0]


@pytest.mark.parametrize("module", sorted(MODULES.keys() - {"keras_s2s"}))
def test_a_room_imports_only_rooms_of_the_floors_below(module: str) -> None:
    own = room(module)
    assert own in FLOOR_OF, f"{module} is a new room: give it a floor"
    wrong = {
        other
        for other in imported_modules(MODULES[module])
        if room(other) != own and FLOOR_OF.get(room(other), -1) <= FLOOR_OF[own]
    }
    assert not wrong, f"{module} may import rooms below floor {FLOOR_OF[own]}, not {sorted(wrong)}"


def test_no_module_imports_itself_through_others() -> None:
    graph = {module: imported_modules(path) for module, path in MODULES.items()}
    done: set[str] = set()

    def visit(module: str, trail: tuple[str, ...]) -> None:
        assert module not in trail, " -> ".join((*trail, module))
        if module not in done:
            for other in sorted(graph.get(module, set())):
                visit(other, (*trail, module))
            done.add(module)

    for module in graph:
        visit(module, ())


def test_notebooks_stand_on_public_names_and_on_experiments() -> None:
    for path in ROOT.glob("notebooks/*.py"):
        below = {room(module) for module in imported_modules(path)}
        assert below <= FLOOR_OF.keys() | {""} - {"cli"}, path.name


@pytest.mark.parametrize("module", MODULES)
def test_what_runs_under_every_backend_does_not_name_tensorflow(module: str) -> None:
    inner = module.removeprefix("keras_s2s.")
    if room(module) in BACKEND_FREE or inner in BACKEND_FREE:
        allowed = TENSORFLOW if module in UNDER_TENSORFLOW_ALONE else set()
        assert not roots(MODULES[module]) & TENSORFLOW - allowed


def test_the_text_pipeline_of_exports_loads_nothing_heavy() -> None:
    statement = "import keras_s2s.inference.pipeline_translator, keras_s2s.inference.protocol"
    assert loaded_after(statement) == set()


def test_layers_stand_on_keras_and_numpy_alone() -> None:
    for module, path in MODULES.items():
        if room(module) == "layers" and module not in UNDER_TENSORFLOW_ALONE:
            foreign = roots(path, parse(path).body) - set(sys.stdlib_module_names)
            assert foreign <= {"keras", "keras_s2s", "numpy"}, f"{module} imports {foreign}"


@pytest.mark.parametrize("path", [*PACKAGE_FILES, *TEST_FILES], ids=lambda path: path.name)
def test_nothing_imports_export_by_its_folder(path: Path) -> None:
    problem = "import keras_s2s.export: under its folder's name it is a second copy"
    assert "export" not in roots(path), problem


def test_export_imports_itself_relatively() -> None:
    for path in ROOT.glob("export/**/*.py"):
        absolute = [
            node
            for node in ast.walk(parse(path))
            if isinstance(node, ast.Import) or (isinstance(node, ast.ImportFrom) and not node.level)
        ]
        assert not {name for name in imported_modules(path, absolute) if room(name) == "export"}


def test_every_imported_distribution_is_declared() -> None:
    distributions = importlib.metadata.packages_distributions()
    requirements = importlib.metadata.requires("keras-s2s") or []
    shipped = [line for line in requirements if 'extra == "dev"' not in line]
    declared = {re.split(r"[^\w.-]", line.lower())[0] for line in shipped}
    for module, path in MODULES.items():
        for name in roots(path):
            if name in sys.stdlib_module_names or name == "keras_s2s":
                continue
            owners = {one.lower().replace("_", "-") for one in distributions.get(name, [name])}
            assert owners & declared, f"{module} imports {name}, which pyproject.toml does not name"


def loaded_after(statement: str) -> set[str]:
    """The heavy modules in a fresh interpreter after one statement."""
    code = f"import sys\n{statement}\nprint(*sys.modules)"
    names = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=ROOT
    ).stdout.split()
    return HEAVY & set(names)


@pytest.mark.parametrize(
    "statement", ["import keras_s2s", "import keras_s2s.export", "import keras_s2s.cli.main"]
)
def test_the_front_door_loads_nothing_heavy(statement: str) -> None:
    assert loaded_after(statement) == set()


def test_the_version_is_the_installed_one() -> None:
    assert keras_s2s.__version__ == importlib.metadata.version("keras-s2s")


PUBLIC_NAMES = sorted(set(keras_s2s.__all__) - {"export"})


@pytest.mark.parametrize("name", PUBLIC_NAMES)
def test_every_public_name_says_what_it_does(name: str) -> None:
    value = getattr(keras_s2s, name)
    assert name in dir(keras_s2s)
    assert vars(value)["__doc__"] if isinstance(value, type) else value.__doc__
    assert value.__name__ == name


def test_every_public_method_says_what_it_does() -> None:
    for name in PUBLIC_NAMES:
        value = getattr(keras_s2s, name)
        for attribute, member in vars(value).items() if isinstance(value, type) else ():
            if attribute.startswith("_") or not callable(member):
                continue
            inherited = (getattr(base, attribute, None) for base in value.__mro__)
            assert any(getattr(one, "__doc__", None) for one in inherited), f"{name}.{attribute}"


def test_a_name_that_does_not_exist_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="attribute Transformer"):
        keras_s2s.Transformer  # pyright: ignore[reportAttributeAccessIssue]  # noqa: B018


def test_the_export_room_opens_without_an_import_of_its_own() -> None:
    assert keras_s2s.export is importlib.import_module("keras_s2s.export")
