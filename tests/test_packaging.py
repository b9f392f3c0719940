"""The built distributions, installed into fresh environments: slow, run by `make packaging`."""

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
VERSIONS = ["3.10", "3.11", "3.12"]
SHIPPED = ["keras_s2s", "export", "pyproject.toml", "README.md", "LICENSE"]
PROGRAM = (
    "import keras_s2s, keras_s2s.export; print(keras_s2s.__version__, keras_s2s.export.__file__)"
)

pytestmark = pytest.mark.packaging


def run(*command: str | Path, folder: Path) -> str:
    """The standard output of a command; its failure shows all that it wrote."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        [str(word) for word in command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def find_python(version: str) -> Path:
    """A Python of this version that really runs (pyenv leaves commands that do not), or skip."""
    candidates = [sys.executable, shutil.which(f"python{version}")]
    candidates += sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
    program = "import ensurepip, sys; print('{}.{}'.format(*sys.version_info))"
    for candidate in filter(None, candidates):
        done = subprocess.run([str(candidate), "-c", program], capture_output=True, text=True)
        if done.stdout.strip() == version:
            return Path(candidate)
    pytest.skip(f"no python{version} with its venv module runs here")


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project, so that nothing is built inside the checkout."""
    folder = tmp_path_factory.mktemp("tree")
    ignore = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in SHIPPED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=ignore)
        else:
            shutil.copy(ROOT / name, folder / name)
    runtime = folder / "export" / "clients" / "web" / "litert" / "wasm"  # As `make web` leaves it.
    runtime.mkdir(parents=True, exist_ok=True)
    (runtime / "a.wasm").write_bytes(b"wasm")
    return folder


@pytest.fixture(scope="module")
def distributions(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the sdist."""
    folder = tmp_path_factory.mktemp("distributions")
    run(sys.executable, "-m", "build", "--outdir", folder, tree, folder=folder)
    return folder


def wheel_files(distributions: Path) -> list[str]:
    with zipfile.ZipFile(next(distributions.glob("*.whl"))) as wheel:
        return wheel.namelist()


def test_the_wheel_holds_keras_s2s_alone_with_its_types(distributions: Path) -> None:
    names = wheel_files(distributions)
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"keras_s2s"}
    assert "keras_s2s/py.typed" in names
    assert "keras_s2s/export/__init__.py" in names
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)


def test_the_wheel_holds_every_module_of_the_checkout(tree: Path, distributions: Path) -> None:
    modules = {str(path.relative_to(tree)) for path in tree.glob("keras_s2s/**/*.py")}
    modules |= {f"keras_s2s/{path.relative_to(tree)}" for path in tree.glob("export/**/*.py")}
    assert {name for name in wheel_files(distributions) if name.endswith(".py")} == modules


def test_both_distributions_hold_the_clients_with_the_runtime_that_was_built_in(
    tree: Path, distributions: Path
) -> None:
    kinds = {".css", ".html", ".java", ".js", ".json", ".wasm"}
    clients = (path for path in tree.glob("export/clients/**/*") if path.suffix in kinds)
    files = {str(path.relative_to(tree)) for path in clients}
    assert {"export/clients/web/index.html", "export/clients/web/litert/wasm/a.wasm"} <= files
    assert {f"keras_s2s/{name}" for name in files} <= set(wheel_files(distributions))
    with tarfile.open(next(distributions.glob("*.tar.gz"))) as archive:
        assert files <= {name.partition("/")[2] for name in archive.getnames()}


def test_the_source_distribution_holds_what_a_build_needs(distributions: Path) -> None:
    with tarfile.open(next(distributions.glob("*.tar.gz"))) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    needed = {"pyproject.toml", "README.md", "LICENSE", "export/__init__.py", "keras_s2s/py.typed"}
    assert needed <= names


@pytest.fixture(scope="module", params=VERSIONS)
def fresh_python(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment with what an import of the package needs, and no more."""
    python = find_python(request.param)
    environment = tmp_path_factory.mktemp("environment")
    run(python, "-m", "venv", environment, folder=environment)
    fresh = environment / "bin" / "python"
    run(fresh, "-m", "pip", "install", "lazy-loader", folder=environment)
    return fresh


@pytest.mark.parametrize("kind", ["wheel", "source", "editable"])
def test_an_installation_imports_from_the_root_and_elsewhere(
    kind: str, fresh_python: Path, tree: Path, distributions: Path, tmp_path: Path
) -> None:
    goal = {
        "wheel": [next(distributions.glob("*.whl"))],
        "source": [next(distributions.glob("*.tar.gz"))],
        "editable": ["--editable", tree],
    }[kind]
    pip = (fresh_python, "-m", "pip")
    run(*pip, "install", "--no-deps", "--force-reinstall", *goal, folder=tmp_path)
    version = next(distributions.glob("*.whl")).name.split("-")[1]
    for folder in (tree, tmp_path):
        printed, file = run(fresh_python, "-c", PROGRAM, folder=folder).split()
        assert printed == version
        assert (Path(file) == tree / "export" / "__init__.py") == (kind == "editable")
    run(*pip, "uninstall", "--yes", "keras-s2s", folder=tmp_path)


def test_an_editable_installation_sees_a_new_file(
    fresh_python: Path, tree: Path, tmp_path: Path
) -> None:
    run(fresh_python, "-m", "pip", "install", "--no-deps", "--editable", tree, folder=tmp_path)
    new = tree / "export" / "brand_new.py"
    new.write_text("NUMBER = 42\n", encoding="utf-8")
    program = "from keras_s2s.export.brand_new import NUMBER; print(NUMBER)"
    try:
        assert run(fresh_python, "-c", program, folder=tmp_path).strip() == "42"
    finally:
        new.unlink()
