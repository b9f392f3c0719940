"""What identifies a training, so that it resumes with the data and options that it began with."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_s2s.recipe.config import Recipe
from keras_s2s.recipe.old_names import renamed
from keras_s2s.text.option_fields import as_json

if TYPE_CHECKING:
    from keras_s2s.data.pairs import Pairs
    from keras_s2s.recipe.training_pairs import TrainingPairs

TRAINING = "training.json"

# What identifies a training: the options of its recipe, a digest of its pairs, and its start.
Identity = dict[str, Any]


def identity_of(
    recipe: Recipe,
    data: TrainingPairs,
    valid_pairs: Pairs | None = None,
    start: dict[str, Any] | None = None,
) -> Identity:
    """What identifies a training.

    Returns:
        "recipe", its options; "pairs", a digest of its data; and "start", what it starts from,
        unless it starts from nothing.
    """
    from keras_s2s.data.prepared_corpus import PREPARED, PreparedCorpus

    digest = hashlib.sha256()
    for pairs in (data.pairs, valid_pairs):
        if pairs is None:
            continue
        if isinstance(pairs, PreparedCorpus):  # Its description contains the digests of all shards.
            digest.update((pairs.folder / PREPARED.description).read_bytes())
            continue
        for pair in pairs:
            digest.update("\t".join((*pair, "\n")).encode("utf-8", "surrogatepass"))
        digest.update(b"\0")
    if data.sample_weight is not None:
        digest.update(json.dumps([float(weight) for weight in data.sample_weight]).encode())
    if data.alignments is not None:
        digest.update("\n".join(data.alignments).encode())
    found = {"recipe": as_json(recipe), "pairs": digest.hexdigest()}
    return {**found, "start": start} if start else found


def write_identity(folder: Path, identity: Identity) -> None:
    """Write the identity of a training into a folder, as a whole or not at all."""
    text = json.dumps(identity, indent=1, ensure_ascii=False) + "\n"
    part = folder / f".{TRAINING}.part"
    part.write_text(text, encoding="utf-8")
    part.replace(folder / TRAINING)


def differences(folder: Path, identity: Identity) -> str | None:
    """How the training that wrote a folder differs from this one, in words; "" if it is the same.

    Returns:
        `None` if no training wrote the folder.
    """
    try:
        found = json.loads((folder / TRAINING).read_bytes())
        # Options that are younger than the folder had their defaults.
        options, pairs = {**as_json(Recipe()), **renamed(found["recipe"])}, found["pairs"]
        start = dict(found.get("start", {}))
    except (OSError, ValueError, RecursionError, TypeError, KeyError, AttributeError):
        return None
    own = identity["recipe"]
    changed = [
        f"{name}={own.get(name)!r} instead of {options.get(name)!r}"
        for name in {**own, **options}
        if own.get(name) != options.get(name)
    ]
    changed += ["other pairs"] if pairs != identity["pairs"] else []
    begun = identity.get("start", {})
    names = [name for name in {**begun, **start} if begun.get(name) != start.get(name)]
    return ", ".join([*changed, *(f"another start ({name})" for name in names)])
