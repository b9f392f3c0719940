"""What the documents say holds: code runs, commands parse, links lead somewhere."""

import ast
import json
import random
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from keras_s2s.recipe.config import Recipe
from keras_s2s.text.option_fields import as_json

from .documents import NAMES, ROOT, anchors, blocks, links, measured_tables, sections

LANGUAGES = {"python", "python3", "sh", "yaml", "js", "kotlin", "swift", "text", ""}
# Made when the site is built, by docs/hooks.py.
GENERATED = {"contributing.md", "reference/cli.md", "reference/api/index.md"}
GENERATED |= {path.name for path in (ROOT / "notebooks").glob("*.ipynb")}
SMALLER = {
    r"units=512": "units=16",
    r"embedding_dimension=256": "embedding_dimension=8",
    r"LuongAttention\(512": "LuongAttention(16",
    r"epochs=20": "epochs=1",
    r"batches, 20,": "batches, 1,",
    r'"multi_worker"': '"mirrored"',
    r", 6000\)": ", 50)",
    r"Recipe\(vocabulary_size=6000\)": "Recipe(vocabulary_size=50), workers=1",
    r"Recipe\((?=\n|units)": "Recipe(vocabulary_size=50, subword_sampling=0.0, ",
}
ENGLISH = "a dog runs in the snow while two men play guitar near red house".split()
GERMAN = "ein Hund rennt im Schnee und zwei Männer spielen Gitarre am roten Haus".split()


def write_corpus(folder: Path, name: str, lines: int) -> None:
    generator = random.Random(lines)
    sides = []
    for language, words in (("en", ENGLISH), ("de", GERMAN)):
        side = [" ".join(generator.sample(words, 6)) + "." for _ in range(lines)]
        text = "".join(f"{line}\n" for line in side)
        (folder / f"{name}.{language}").write_text(text, encoding="utf-8")
        sides.append(side)
    both = "".join(f"{source}\t{target}\n" for source, target in zip(*sides, strict=True))
    (folder / f"{name}.tsv").write_text(both, encoding="utf-8")


def smaller(program: str) -> str:
    for pattern, replacement in SMALLER.items():
        program = re.sub(pattern, replacement, program)
    return program


def run(name: str, number: int, names: dict[str, Any]) -> None:
    """Run a Python block of a page, in small."""
    program = smaller(blocks(NAMES[name], "python")[number].text)
    exec(compile(program, f"{name}, block {number + 1}", "exec"), names)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("documents")
    for name, lines in (("train", 40), ("valid", 5), ("new", 12)):
        write_corpus(folder, name, lines)
    return folder


@pytest.fixture(scope="module")
def readme(folder: Path) -> dict[str, Any]:
    """The names that the README's program leaves behind; what it trained serves the other pages."""
    names: dict[str, Any] = {"__name__": "__main__"}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        run("README.md", 0, names)
    return names


def copied(model: Any) -> Any:
    """A model of the same kind, compiled the same way."""
    copy = type(model).from_config(model.get_config())
    copy.compile("adam", loss=model.loss)
    return copy


def test_the_program_of_the_readme_trains_translates_and_saves(
    readme: dict[str, Any], folder: Path
) -> None:
    (program,) = blocks(NAMES["README.md"], "python")
    assert all(re.search(pattern, program.text) for pattern in list(SMALLER)[:4])
    assert len(readme["translator"].translate(["a dog runs.", ""])) == 2
    assert "40 pairs read" in str(readme["corpus"].report)
    assert (folder / "english-german" / "translator.json").is_file()


def test_the_korean_readme_shows_the_same_code() -> None:
    def code(name: str) -> list[str]:
        texts = [block.text for block in blocks(NAMES[name])]
        return [re.sub(r" *#.*", "", text) for text in texts]

    assert code("README.ko.md") == code("README.md")


# They convert models or train several of them; other tests cover what they show.
SLOW = (
    "docs/deployment/mobile.md",
    "docs/deployment/onnx.md",
    "docs/guides/extending.md",
    "docs/guides/training.md",
    "docs/guides/translation.md",
)
PROGRAMS = [
    pytest.param(name, marks=pytest.mark.slow if name in SLOW else ())
    for name, page in NAMES.items()
    if name.startswith("docs/") and blocks(page, "python")
]


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_python_of_a_page_runs(
    name: str, readme: dict[str, Any], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = blocks(NAMES[name], "python")
    monkeypatch.chdir(folder)
    if any('"phone' in program.text for program in programs):
        export_phone(readme["translator"], folder / "phone")
    names = {**readme, "make_my_model": lambda: copied(readme["model"])}
    for number in range(len(programs)):
        run(name, number, names)


def export_phone(translator: Any, folder: Path) -> None:
    pytest.importorskip("ai_edge_litert", reason="LiteRT's runtime is not installed.")
    from keras_s2s import export

    export.litert(translator, folder, lengths=(32,))


def commands() -> dict[str, Any]:
    """The commands of the command line, as Click knows them."""
    import typer.main

    from keras_s2s.cli.main import app

    return typer.main.get_command(app).commands  # pyright: ignore


def shell_lines(text: str) -> Iterator[list[str]]:
    """The words of each simple command in a shell block; pipes and loops are taken apart."""
    for line in text.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars="|;&")
        lexer.whitespace_split, lexer.commenters = True, "#"
        words: list[str] = []
        for word in [*lexer, ";"]:
            if set(word) <= set("|;&"):
                if words:
                    yield words
                words = []
            else:
                words.append(word)


@pytest.mark.parametrize("name", NAMES)
def test_the_commands_of_a_page_exist(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The files that `--config` names are read by the command line's parser.
    monkeypatch.chdir(tmp_path)
    for block in blocks(NAMES[name], "yaml"):
        (tmp_path / "english-german.yaml").write_text(block.text)
        (tmp_path / "english-german").mkdir()
        recipe = json.dumps(as_json(Recipe()))
        (tmp_path / "english-german" / "recipe.json").write_text(recipe)
    for block in blocks(NAMES[name], "sh"):
        for program, *arguments in shell_lines(block.text):
            check_command(Path(program).name, arguments)


def check_command(program: str, arguments: list[str]) -> None:
    """Fail if a command of ours is not understood, or names a file that is not in the tree."""
    if program == "keras-s2s":
        name, *options = arguments
        known = commands()
        assert name in known, f"there is no command {name}"
        known[name].make_context(name, options)  # Click's own parser: it raises.
    elif program == "make":
        makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
        assert all(re.search(rf"^{target}:", makefile, flags=re.M) for target in arguments)
    elif program in ("python", "bash"):
        files = [word for word in arguments if word.endswith((".py", ".sh"))]
        assert all((ROOT / file).is_file() for file in files), files
        tests = [word for word in arguments if word.startswith("tests/")]
        assert all((ROOT / word).exists() for word in tests), tests
    elif program == "pip":
        extras = re.findall(r"\[(.*?)\]", " ".join(arguments))
        project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
        assert all(re.search(rf"^{extra} = \[", project, flags=re.M) for extra in extras)


@pytest.mark.parametrize("name", NAMES)
def test_the_blocks_of_a_page_are_in_languages_that_some_test_runs(name: str) -> None:
    assert {block.language for block in blocks(NAMES[name])} <= LANGUAGES


@pytest.mark.parametrize("name", NAMES)
def test_the_links_of_a_page_lead_somewhere(name: str) -> None:
    page = NAMES[name]
    for file, anchor in links(page):
        goal = page if not file else (page.parent / file).resolve()
        if goal.is_relative_to(ROOT / "docs") and is_generated(goal):
            continue
        assert goal.exists(), f"{file} does not exist"
        if anchor:
            assert anchor in anchors(goal), f"{file} has no heading #{anchor}"


def is_generated(goal: Path) -> bool:
    within = goal.relative_to(ROOT / "docs").as_posix()
    return within in GENERATED or goal.name in GENERATED or within.startswith("reference/api/")


@pytest.mark.parametrize("name", NAMES)
def test_figures_stand_beside_the_command_that_printed_them(name: str) -> None:
    command = r"^(?:\.venv/bin/)?(?:python|keras-s2s) |^\.venv/bin/python -m pytest "
    for heading, text in sections(NAMES[name]):
        if measured_tables(text):
            assert re.search(command, text, flags=re.M), f"{heading} has figures without a command"


def test_the_readme_is_short() -> None:
    for name in ("README.md", "README.ko.md"):
        assert len(NAMES[name].read_text(encoding="utf-8").splitlines()) <= 200


def test_the_picture_is_small() -> None:
    assert (ROOT / "docs" / "images" / "page.png").stat().st_size < 300_000


def test_every_page_is_in_the_navigation() -> None:
    nav = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:\n")[2]
    pages = set(re.findall(r"[\w/-]+\.(?:md|ipynb)", nav))
    written = {name.removeprefix("docs/") for name in NAMES if name.startswith("docs/")}
    assert written <= pages
    notebooks = {f"experiments/{path.name}" for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert notebooks <= pages


def test_every_public_name_is_in_the_reference() -> None:
    import keras_s2s

    hooks = ast.parse((ROOT / "docs" / "hooks.py").read_text(encoding="utf-8"))
    (pages,) = (
        ast.literal_eval(node.value)
        for node in hooks.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "PAGES"
    )
    packages = {package for _, _, several in pages for package in several}
    for name in set(keras_s2s.__all__) - {"export"}:
        module = getattr(keras_s2s, name).__module__
        assert module.split(".")[1] in packages, f"no page lists {module}.{name}"
    assert all(hasattr(keras_s2s.export, name) for name in ("LiteRTTranslator", "litert", "web"))


@pytest.mark.parametrize("path", sorted((ROOT / ".github" / "workflows").glob("*.yml")), ids=str)
def test_a_workflow_is_yaml_with_jobs_that_have_steps(path: Path) -> None:
    import yaml

    workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert True in workflow, "`on`, which YAML reads as a truth"
    for job in workflow["jobs"].values():
        assert job["runs-on"] and job["timeout-minutes"] and job["steps"]
        assert all(("uses" in step) != ("run" in step) for step in job["steps"])


def test_the_map_is_that_of_the_folders() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    rooms = set(re.findall(r"^\| `([\w/]+)` \|", text, flags=re.M))
    there = {
        path.relative_to(ROOT).as_posix()
        for top in ("keras_s2s", "export")
        for path in (ROOT / top).iterdir()
        if path.is_dir() and any(path.glob("**/*.*")) and path.name != "__pycache__"
    }
    assert rooms == there | {"export", "notebooks"}


def test_blocks_of_all_languages_are_found() -> None:
    found = {block.language for page in NAMES.values() for block in blocks(page)}
    assert found == LANGUAGES
    assert [block.section for block in blocks(NAMES["README.md"], "python")] == [
        "Python in twenty lines"
    ]
