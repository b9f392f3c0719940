"""MkDocs hooks: the pages that are made from the code rather than written.

The API reference lists the public names of `keras_s2s/__init__.pyi` by package; the command line's
reference comes from its options; the notebooks and CONTRIBUTING.md are shown where they are.
"""

from __future__ import annotations

import ast
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.plugins import event_priority
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
COPIES = ROOT / "build" / "docs"
# The pages of the API reference: file, title, the packages whose public names it lists.
PAGES = (
    ("text", "Text and tokenizers", ("text",)),
    ("data", "Data", ("data",)),
    ("layers", "Layers and model", ("layers", "model")),
    ("training", "Training", ("training",)),
    ("recipe", "Recipe", ("recipe",)),
    ("search", "Search", ("search",)),
    ("inference", "Translator", ("inference",)),
    ("evaluation", "Evaluation", ("evaluation",)),
    ("export", "Export", ("export",)),
)
EVALUATION = (
    "scores.score",
    "scores.Scores",
    "by_length.score_by_length",
    "by_length.length_table",
    "likelihood.likelihood",
    "likelihood.pair_likelihoods",
    "likelihood.PairLikelihood",
    "alignment.align",
    "alignment.alignment_error_rate",
    "mbr.minimum_bayes_risk",
    "plots.attention_heatmap",
    "plots.score_by_length_plot",
    "plots.training_curves",
)
EXPORT = (
    "litert.export.litert",
    "onnx.export.onnx",
    "saved_model.export.saved_model",
    "web.export.web",
    "runners.LiteRTTranslator",
    "runners.OnnxTranslator",
    "runners.SavedModelTranslator",
)


def public_names() -> Iterator[tuple[str, str]]:
    """Package and name of all that `keras_s2s/__init__.pyi` exports, in its order."""
    stub = ast.parse((ROOT / "keras_s2s" / "__init__.pyi").read_text(encoding="utf-8"))
    for node in stub.body:
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                yield node.module.split(".")[0], alias.asname or alias.name


def api_page(title: str, packages: tuple[str, ...]) -> str:
    """One page of the API reference, in Markdown."""
    names = [f"keras_s2s.{name}" for package, name in public_names() if package in packages]
    if "evaluation" in packages:
        names += [f"keras_s2s.evaluation.{name}" for name in EVALUATION]
    if "export" in packages:
        names += [f"keras_s2s.export.{name}" for name in EXPORT]
    if not names:
        return f"# {title}\n\nNothing here is public.\n"
    return f"# {title}\n\n" + "\n\n".join(f"::: {name}" for name in names) + "\n"


def api_index() -> str:
    """The table of contents of the API reference."""
    lines = ["# Python API", "", "The public names of `keras_s2s`, by package.", ""]
    for file, title, packages in PAGES:
        names = [name for package, name in public_names() if package in packages]
        prefix = ""
        if "evaluation" in packages or "export" in packages:
            prefix = "evaluation." if "evaluation" in packages else "export."
            modules = EVALUATION if "evaluation" in packages else EXPORT
            names = [name.rpartition(".")[2] for name in modules]
        listed = ", ".join(f"`{prefix}{name}`" for name in names)
        lines.append(f"- [{title}]({file}.md): {listed}")
    return "\n".join(lines) + "\n"


def cli_page() -> str:
    """The reference of the command line, made from its options."""
    sys.path.insert(0, str(ROOT))
    try:
        from keras_s2s.cli.reference import render
    finally:
        sys.path.remove(str(ROOT))
    return render()


def notebooks(config: Any) -> Iterator[File]:
    """The notebooks, as pages of `experiments`; mkdocs-jupyter wants them in a source folder."""
    shutil.rmtree(COPIES, ignore_errors=True)
    (COPIES / "experiments").mkdir(parents=True)
    for notebook in sorted((ROOT / "notebooks").glob("*.ipynb")):
        shutil.copy(notebook, COPIES / "experiments")
        name = f"experiments/{notebook.name}"
        yield File(name, str(COPIES), config.site_dir, config.use_directory_urls)


@event_priority(100)  # Before mkdocs-jupyter, which then finds the notebooks.
def on_files(files: Files, config: Any) -> Files:
    """Add the generated pages."""
    for file, title, packages in PAGES:
        page = api_page(title, packages)
        files.append(File.generated(config, f"reference/api/{file}.md", content=page))
    files.append(File.generated(config, "reference/api/index.md", content=api_index()))
    files.append(File.generated(config, "reference/cli.md", content=cli_page()))
    contributing = str(ROOT / "CONTRIBUTING.md")
    files.append(File.generated(config, "contributing.md", abs_src_path=contributing))
    for file in notebooks(config):
        files.append(file)
    return files
