"""What a training starts from: trained translators, pretrained embeddings, or nothing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_s2s.data.pairs import Pairs
from keras_s2s.files.artifact_folder import digest
from keras_s2s.inference.storage import TRANSLATOR, read_description
from keras_s2s.recipe.freeze import check_parts
from keras_s2s.text.option_fields import need
from keras_s2s.text.tokenizers import Tokenizer, have_same_files, saved_files

if TYPE_CHECKING:
    from keras_s2s.data.prepared_corpus import PreparedCorpus
    from keras_s2s.inference.translator import Translator
    from keras_s2s.recipe.config import Recipe

VOCABULARIES = ("keep", "extend")
SIDES = ("source", "target")


@dataclass(frozen=True, kw_only=True)
class Start:
    """What a training starts from, and what it leaves as it is.

    Args:
        translator: A trained `Translator`, or its folder, that the training continues or
            fine-tunes: its architecture, weights and tokenizers are used. `None` for a new model.
        vocabulary: "keep" uses its tokenizers as they are; "extend" appends what they lack for the
            new data, see `extend_tokenizer`. The embedding of a new piece starts as the mean of
            those of the pieces that spelled it before, that of a new word or character as the mean
            of all old ones; output layers alike.
        freeze: Parts whose weights stay as they are: "encoder" and "decoder" (with their
            embeddings), "embeddings", "source-embeddings", "target-embeddings", "attention" and
            "output", the projection to the vocabulary. A matrix that is shared is frozen wherever
            it is used.
        source_embeddings: File of pretrained embeddings of the source, see `load_embeddings`.
        target_embeddings: File of those of the target.
        teachers: Trained translators, or their folders, that are distilled into a new model: it
            is trained on their mean probabilities as well as on the data, with their tokenizers.
        given: Names of options of the recipe that were given although they have their default
            values: what contradicts them is an error.

    Raises:
        TypeError: `freeze` is no list of parts.
        ValueError: A part is unknown, or an option would have no effect.

    Example:
        >>> Start(freeze=["encoder"]).vocabulary
        'keep'
    """

    translator: Translator | str | Path | None = None
    vocabulary: str = "keep"
    freeze: Sequence[str] = ()
    source_embeddings: str | Path | None = None
    target_embeddings: str | Path | None = None
    teachers: Sequence[Translator | str | Path] = ()
    given: Collection[str] = ()

    def __post_init__(self) -> None:
        kind = self.vocabulary
        need(kind in VOCABULARIES, f"one of {VOCABULARIES}", "vocabulary", kind)
        check_parts(self.freeze)
        self._check_teachers()
        if self.translator is None and self.vocabulary != "keep":
            raise ValueError(
                "`vocabulary` 'extend' needs a trained model to start from. "
                f"Received: vocabulary={self.vocabulary!r} without `translator`"
            )
        has_files = any(path is not None for _, path in self.files())
        if has_files and self.translator is not None and self.vocabulary == "keep":
            raise ValueError(
                "Embeddings from a file go to ids that are not trained yet. Received: embeddings "
                "and a trained model whose vocabulary is kept. Leave them out, or give "
                "vocabulary='extend'."
            )

    def _check_teachers(self) -> None:
        if isinstance(self.teachers, (str, Path)) or not isinstance(self.teachers, Sequence):
            raise TypeError(
                "`teachers` must be a list of Translator or of their folders. Received: "
                f"teachers={self.teachers!r}"
            )
        if self.teachers and self.translator is not None:
            raise ValueError(
                "A model that is distilled from teachers is a new one. Received: `teachers` and "
                "`translator`. Leave one of them out."
            )

    def files(self) -> Iterator[tuple[str, Path | None]]:
        """The side and the file of the embeddings, for both sides."""
        for side in SIDES:
            path = getattr(self, f"{side}_embeddings")
            yield side, None if path is None else Path(path)

    def settled_options(self) -> dict[str, Any]:
        """The options that files of embeddings settle: their size, and one matrix for each side."""
        from keras_s2s.data.embedding_file import read_layout

        sizes = [read_layout(path).dimension for _, path in self.files() if path is not None]
        found: dict[str, Any] = {"embedding_dimension": sizes[0]} if sizes else {}
        return found if len(sizes) < len(SIDES) else {**found, "tie_embeddings": "two"}

    def loaded(self) -> Start:
        """The same with its translators loaded.

        Raises:
            ValueError: A folder holds none, or a damaged or newer one; or the tokenizers of the
                teachers differ.
            TypeError: One is something else.
        """
        from keras_s2s.inference.parts import checked_translators
        from keras_s2s.inference.translator import Translator

        def load(name: str, given: Any) -> Any:
            _check_folder(name, given)
            return Translator.load(given) if isinstance(given, (str, Path)) else given

        translator = None if self.translator is None else load("translator", self.translator)
        teachers = [load("teachers", one) for one in self.teachers]
        if teachers:
            checked_translators(teachers, Translator, any_direction=True)
        return replace(self, translator=translator, teachers=teachers)

    def check_folders(self) -> None:
        """Raise, as `loaded` does, unless the folders of the translators describe some."""
        for name, given in self._named():
            _check_folder(name, given)

    def _named(self) -> Iterator[tuple[str, Any]]:
        """The translators, with the argument that names them."""
        if self.translator is not None:
            yield "translator", self.translator
        yield from (("teachers", one) for one in self.teachers)

    def check_output(self, folder: str | Path) -> None:
        """Raise ValueError if a training would replace a model that it needs."""
        for _, own in self._named():
            if isinstance(own, (str, Path)) and Path(own).resolve() == Path(folder).resolve():
                raise ValueError(
                    "The model that training starts from is not replaced. Received: "
                    f"{str(folder)!r} for both. Name another folder for the new model."
                )

    def identity(self) -> dict[str, Any]:
        """What distinguishes this start from others: options, and digests of model and files."""
        found: dict[str, Any] = {}
        if self.translator is not None:
            found |= {"model": _digest_of(self.translator), "vocabulary": self.vocabulary}
        if self.teachers:
            found["teachers"] = [_digest_of(teacher) for teacher in self.teachers]
        if self.freeze:
            found["freeze"] = sorted(set(self.freeze))
        for side, path in self.files():
            if path is not None:
                found[f"{side}_embeddings"] = digest(path)
        return found

    @property
    def kept_options(self) -> dict[str, Any]:
        """The search options of the translator, which a fine-tuned one keeps."""
        translator: Any = self.translator
        if translator is None:
            return {}
        names = "search", "maximum_source_length"
        return {name: getattr(translator, name) for name in names}


def _check_folder(name: str, given: Any) -> None:
    """Raise unless a translator, or a folder that describes one, is given."""
    if not isinstance(given, (str, Path)):
        from keras_s2s.inference.translator import Translator

        if isinstance(given, Translator):
            return
        raise TypeError(f"`{name}` must be a Translator, or its folder. Received: {name}={given!r}")
    if (Path(given) / "manifest.json").exists():
        raise ValueError(
            f"An export cannot be trained further. Received: {name}={str(given)!r}. Give the "
            "folder of the trained model."
        )
    read_description(TRANSLATOR.find(Path(given)))


def _digest_of(translator: Any) -> str:
    """A digest of the model and the tokenizers of a translator, wherever it is saved."""
    import numpy as np

    model, found = translator.model, hashlib.sha256()
    for tokenizer in (translator.source_tokenizer, translator.target_tokenizer):
        found.update(repr(sorted(saved_files(tokenizer).items())).encode())
    config = json.dumps(_unnamed(model.get_config()), sort_keys=True, default=lambda one: "")
    found.update(config.encode())
    for weight in model.get_weights():
        found.update(np.ascontiguousarray(weight).data)
    return found.hexdigest()


def _unnamed(value: Any) -> Any:
    """A configuration without the names that Keras numbers, and without dtypes."""
    if isinstance(value, dict):
        return {k: _unnamed(one) for k, one in value.items() if k not in ("name", "dtype")}
    return [_unnamed(one) for one in value] if isinstance(value, (list, tuple)) else value


def start_tokenizers(
    start: Start,
    pairs: Pairs | PreparedCorpus,
    recipe: Recipe,
    report: Callable[[str], None],
) -> tuple[Tokenizer, Tokenizer] | None:
    """The tokenizers of the translators that a training starts from, extended if that is wanted.

    Args:
        start: The start, with its translator loaded.
        pairs: The new data.
        recipe: The options, settled by the start; a `vocabulary_size` that is larger than that of
            the translator limits the extended one.
        report: Told how much was appended.

    Returns:
        One object twice for tokenizers that are equal; `None` without a translator.

    Raises:
        ValueError: A prepared corpus has other tokenizers.
    """
    from keras_s2s.data.prepared_corpus import PreparedCorpus
    from keras_s2s.text.extend import extend_tokenizer

    translator: Any = start.translator or next(iter(start.teachers), None)
    if translator is None:
        return None
    source, target = translator.source_tokenizer, translator.target_tokenizer
    if isinstance(pairs, PreparedCorpus):
        _check_prepared(start, pairs, source, target)
        return source, target
    size = max(source.vocabulary_size, target.vocabulary_size)
    most = recipe.vocabulary_size if recipe.vocabulary_size > size else None
    is_one = have_same_files(source, target)
    if start.vocabulary == "keep":
        return source, source if is_one else target
    sources, targets = zip(*pairs, strict=True)
    if is_one:
        both = extend_tokenizer(source, (*sources, *targets), most)
        _report_growth("source and target", source, both, report)
        return both, both
    new = (
        extend_tokenizer(source, sources, most),
        extend_tokenizer(target, targets, most),
    )
    for side, old, one in zip(SIDES, (source, target), new, strict=True):
        _report_growth(side, old, one, report)
    return new


def _report_growth(
    side: str, old: Tokenizer, new: Tokenizer, report: Callable[[str], None]
) -> None:
    added = new.vocabulary_size - old.vocabulary_size
    report(f"{side} vocabulary: {added:,} ids appended to {old.vocabulary_size:,}")


def _check_prepared(
    start: Start, prepared: PreparedCorpus, source: Tokenizer, target: Tokenizer
) -> None:
    if start.vocabulary != "keep":
        raise ValueError(
            "A prepared corpus has its vocabulary already. Received: vocabulary='extend' with "
            f"{prepared.folder}. Give the sentence pairs instead, or keep the vocabulary."
        )
    own = prepared.source_tokenizer, prepared.target_tokenizer
    for side, tokenizer, other in zip(SIDES, (source, target), own, strict=True):
        if not have_same_files(tokenizer, other):
            raise ValueError(
                "A prepared corpus must have the tokenizers of the model that training starts "
                f"from. Received: {prepared.folder}, whose {side} tokenizer is another one. "
                "Prepare the corpus with the tokenizers of this model."
            )
