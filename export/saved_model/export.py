"""SavedModel for TensorFlow Serving: from texts to texts, in versions, with all a server reads.

Serving takes each folder with a number for a name as a version of the model, and the highest by
default; what else lies there it leaves alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ..artifact import EXPORT, check_given, versions_in, write_manifest
from .serving_files import (
    BATCHING,
    MODELS,
    WARM_UP,
    check_serving_api,
    write_configuration,
    write_warm_up,
)

LONGEST_SAMPLE = 64  # tokens
LARGEST_VERSION = 2**63 - 1  # Serving's are int64.
TIE = 1e-3  # Difference of two scores below which either answer may win.
# The search is the translator's and its steps are compared strictly; but rounding differs from
# batch to batch, and a recurrence can make much of it in a long answer to a strange text.
LEAST_SHARE = 0.9
TOKENIZERS = "assets/"


def saved_model(
    translator: Any,
    folder: str | Path,
    *,
    version: int | None = None,
    samples: Iterable[str] = (),
) -> dict[str, Any]:
    """Export a translator for TensorFlow Serving, as one version of a model.

    `FOLDER/VERSION` becomes a SavedModel with the signatures `serving_default` and `beam_search`
    (texts to texts), `align` (texts to pieces and attention), `encode` and `decode_step` (see
    `Contract`), with tokenizers and warm-up requests. `FOLDER` gets a `models.config` and a
    `batching_parameters.txt` to start from, unless they are there. What was written is loaded, run
    and compared with the model before it takes its place.

    Args:
        translator: A `Translator`; its beam and penalties become the server's.
        folder: Where the versions are; its name becomes the model's.
        version: From 1; one that is there is replaced. `None` for one more than the highest.
        samples: Sentences to compare with, to warm the server up, and to keep as examples.

    Returns:
        The manifest: version, signatures, sizes, the oldest server that can run it, and what the
        comparison found.

    Raises:
        ValueError: No version number, a folder of something else, or a model that does not agree.
        ImportError: A package is missing.
        OSError: The folder cannot be written.
    """
    samples = check_given(translator, samples)
    folder = Path(folder).resolve()
    is_next = version is None
    version = check_saved_model(folder, version)
    from ..contract import shapes
    from ..golden import sample_sources
    from .serving_operations import oldest_serving
    from .signatures import Served

    longest = min(LONGEST_SAMPLE, translator.maximum_source_length)
    texts, sources = sample_sources(translator, samples, longest)
    with EXPORT.replaced(folder / str(version)) as new:
        signatures = Served(translator).save(new)
        write_warm_up(new / WARM_UP, folder.name, texts, signatures)
        content = {
            "version": version,
            "signatures": {
                name: {
                    "inputs": shapes(one.inputs),
                    "outputs": shapes(one.call.structured_outputs),
                }
                for name, one in signatures.items()
            },
            "oldest_serving": oldest_serving(new),
            "bytes": _sizes(new, translator.model),
            **_prove(translator, new, texts, sources),
        }
        manifest = write_manifest(new, "saved_model", translator, content, TOKENIZERS)
        if is_next and version in versions_in(folder):
            raise ValueError(
                f"Version {version} must be a new one. Received: {str(folder)!r}, where another "
                "export has written it meanwhile. Export again."
            )
    write_configuration(folder)
    return manifest


def check_saved_model(folder: Path, version: int | None) -> int:
    """Raise unless a version can be exported into a folder; return its number."""
    check_serving_api()
    folder = folder.resolve()
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
                f"{highest}. Give `version`."
            )
        return highest + 1
    if isinstance(version, bool) or not isinstance(version, int):
        raise TypeError(f"`version` must be a whole number. Received: version={version!r}")
    if not 1 <= version <= LARGEST_VERSION:
        raise ValueError(f"`version` must be from 1 to 2**63 - 1. Received: version={version}")
    if (folder / str(version)).is_symlink():
        raise ValueError(f"A version must be no link. Received: {str(folder / str(version))!r}")
    return version


def _sizes(new: Path, model: Any) -> dict[str, int]:
    variables = sum(path.stat().st_size for path in (new / "variables").iterdir())
    graph = (new / "saved_model.pb").stat().st_size
    return {"saved_model.pb": graph, "variables": variables, "weights": 4 * model.count_params()}


def _prove(
    translator: Any, new: Path, texts: Sequence[str], sources: Sequence[Sequence[int]]
) -> dict[str, Any]:
    """Run what was written, by ids as the other formats and from text to text."""
    from ..proof import prove
    from .runtime import load_saved_model, signature_runner

    loaded = load_saved_model(new, is_trusted=True)
    run = signature_runner(loaded)
    proof = prove(translator, new, {"saved_model": run}, texts, sources)
    proof["parity"]["serving_default"] = _compare_texts(translator, run, [*texts, ""])
    return proof


def _compare_texts(translator: Any, run: Any, texts: list[str]) -> dict[str, Any]:
    """The answers from text to text beside the translator's, which searches in other batches."""
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
