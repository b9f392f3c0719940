"""Export to SavedModel for TensorFlow Serving: from text to text, one folder per version.

The server takes each folder whose name is a number as a version of the model, serves the highest by
default, and ignores the rest.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ..artifact import EXPORT, check_given, versions_in, write_manifest
from ..formats import SAVED_MODEL
from .serving_files import (
    BATCHING,
    MODELS,
    WARM_UP,
    write_configuration,
    write_warm_up,
)

LONGEST_SAMPLE = 64  # tokens
LARGEST_VERSION = 2**63 - 1  # Serving's are int64.
TIE = 1e-3  # Difference of two scores below which either hypothesis may win.
# The search is the translator's, and its steps are verified strictly. But rounding depends on the
# batch, and a recurrence can amplify it in a long translation of an unusual text.
LEAST_SHARE = 0.9


def saved_model(
    translator: Any,
    folder: str | Path,
    *,
    version: int | None = None,
    samples: Iterable[str] = (),
) -> dict[str, Any]:
    """Export a translator for TensorFlow Serving, as one version of a model.

    `FOLDER/VERSION` becomes a SavedModel with the signatures `serving_default` and `beam_search`
    (text to text), `align` (text to tokens and attention weights), `encode` and `decode_step` (see
    `Contract`), with tokenizers and warm-up requests. `FOLDER` gets a `models.config` and a
    `batching_parameters.txt` to start from, unless they exist. Before a version is renamed to its
    final name, it is loaded, run and numerically verified against the model.

    Args:
        translator: A `Translator`; its search becomes the server's. Its tokenizers must run in the
            graph: a class of your own implements `Tokenizer.make_in_graph`.
        folder: The folder of the versions; its name becomes the model's.
        version: From 1; an existing version is replaced. `None` for one more than the highest.
        samples: Sentences to verify with, to warm the server up, and to save as examples; by
            default the translator's own.

    Returns:
        The manifest: version, signatures, sizes, the oldest server that can run it, and the result
        of the verification.

    Raises:
        TypeError: `translator` is not a `Translator`, `samples` are not strings, `version` is not
            an integer, or a tokenizer does not run in the graph.
        ValueError: A version out of range, a folder of something else, or a model that does not
            agree.
        ImportError: A package is missing.
        OSError: The folder cannot be written.
    """
    samples = check_given(translator, samples)
    goal = check_saved_model(Path(folder), version=version)
    from ..golden import sample_sources
    from .signatures import Served

    longest = min(LONGEST_SAMPLE, translator.maximum_source_length)
    texts, sources = sample_sources(translator, samples, longest)
    served = Served(translator)
    with EXPORT.replaced(goal) as new:
        signatures = served.save(new)
        write_warm_up(new / WARM_UP, goal.parent.name, texts, signatures)
        content = {
            "version": int(goal.name),
            **_described(new, translator.model, signatures),
            **_verify(translator, new, texts, sources),
        }
        manifest = write_manifest(new, SAVED_MODEL, translator, content)
        if version is None and int(goal.name) in versions_in(goal.parent):
            raise ValueError(
                f"Version {goal.name} must be a new one. Received: {str(goal.parent)!r}, where "
                "another export has written it meanwhile. Export again."
            )
    write_configuration(goal.parent)
    return manifest


def check_saved_model(folder: Path, *, version: int | None = None) -> Path:
    """Raise unless the options are valid and the packages installed; see `Format.check`."""
    SAVED_MODEL.check_installed()
    folder = folder.resolve()
    return folder / str(_checked_version(folder, version))


def _checked_version(folder: Path, version: int | None) -> int:
    others = sorted(
        path.name
        for path in (folder.iterdir() if folder.is_dir() else ())
        if not path.name.startswith(".") and path.name not in (MODELS, BATCHING)
        if not (re.fullmatch("[1-9][0-9]*", path.name) and path.is_dir())
    )
    if not folder.name.isprintable():
        raise ValueError(
            f"A model's name must be printable. Received: {folder.name!r}. Name another folder."
        )
    if others:
        raise ValueError(
            "SavedModels go into a folder of their versions. "
            f"Received: {str(folder)!r}, which holds {others[0]!r}. Name another folder."
        )
    if version is None:
        highest = max(versions_in(folder), default=0)
        if highest >= LARGEST_VERSION:
            raise ValueError(
                f"No version comes after the highest. Received: {str(folder)!r}, which holds "
                f"{highest}. Name a lower version."
            )
        return highest + 1
    if isinstance(version, bool) or not isinstance(version, int):
        raise TypeError(f"`version` must be a whole number. Received: version={version!r}")
    if not 1 <= version <= LARGEST_VERSION:
        raise ValueError(f"`version` must be from 1 to 2**63 - 1. Received: version={version}")
    if (folder / str(version)).is_symlink():
        raise ValueError(f"A version must not be a link. Received: {str(folder / str(version))!r}")
    return version


def _described(new: Path, model: Any, signatures: dict[str, Any]) -> dict[str, Any]:
    """The manifest's entries on signatures, oldest server and sizes."""
    from ..contract import shapes
    from .serving_operations import oldest_serving

    variables = sum(path.stat().st_size for path in (new / "variables").iterdir())
    graph = (new / "saved_model.pb").stat().st_size
    return {
        "signatures": {
            name: {
                "inputs": shapes(one.inputs),
                "outputs": shapes(one.call.structured_outputs),
            }
            for name, one in signatures.items()
        },
        "oldest_serving": oldest_serving(new),
        "bytes": {
            "saved_model.pb": graph,
            "variables": variables,
            "weights": 4 * model.count_params(),
        },
    }


def _verify(
    translator: Any, new: Path, texts: Sequence[str], sources: Sequence[Sequence[int]]
) -> dict[str, Any]:
    """Run the SavedModel: from ids, as the other formats, and from text to text."""
    from ..parity import verify
    from .runtime import load_saved_model, signature_runner

    loaded = load_saved_model(new)
    run = signature_runner(loaded)
    found = verify(translator, new, {"saved_model": run}, texts, sources)
    from_text = _compare_texts(translator, run, [*texts, ""])
    return {**found, "parity": {**found["parity"], "serving_default": from_text}}


def _compare_texts(translator: Any, run: Any, texts: list[str]) -> dict[str, Any]:
    """Compare translations with the translator's, which searches in other batches."""
    import numpy as np

    from ..parity import Agreement

    given = np.array([text.encode() for text in texts], object)
    found = run("serving_default", {"text": given})
    same = ties = 0
    first = None
    for text, answer, score, expected in zip(
        texts, found["translation"], found["score"], translator.stream(texts), strict=True
    ):
        answer, gap = answer.decode(), abs(float(score) - expected[0].score)
        if answer == expected[0].text:
            same += 1
        elif gap < TIE:
            ties += 1
        elif first is None:
            first = (
                f"{text!r} becomes {answer!r} (score {score:.4f}), by the translator "
                f"{expected[0].text!r} (score {expected[0].score:.4f})"
            )
    agreement = Agreement(len(texts), same, ties, 0, first)
    if agreement.share < LEAST_SHARE:
        raise ValueError(f"The export and the translator must agree. Received: {first}")
    return agreement.to_dict()
