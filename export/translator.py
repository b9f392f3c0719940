"""What all that translate with an export share: texts to ids, the search, ids to texts."""

from __future__ import annotations

import sys
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from keras_s2s.inference.translation import Translation, too_long
from keras_s2s.inference.unknown import UnknownWords, unknown_words
from keras_s2s.special_ids import END_ID
from keras_s2s.text.normalization import without_surrogates
from keras_s2s.text.tokenizers import load_tokenizer

from .artifact import find_export, read_manifest
from .numpy_search import Hypothesis

MOST = {"beam_size": 1000, "n_best": 1000, "maximum_length": 1_000_000}


class ExportedTranslator(ABC):
    """Texts to texts by an export; what runs it is the business of those that derive from this."""

    kind: str
    longest: int

    def __init__(self, folder: str | Path, custom_objects: Mapping[str, Any] | None = None) -> None:
        self.manifest = read_manifest(folder)
        if self.manifest["kind"] != self.kind:
            raise ValueError(
                f"{type(self).__name__} runs {self.kind} exports. "
                f"Received: {str(folder)!r}, of kind {self.manifest['kind']!r}."
            )
        self.folder = find_export(folder)
        names = self.manifest["tokenizers"]
        self.source_tokenizer = load_tokenizer(self.folder / names["source"], custom_objects)
        self.target_tokenizer = load_tokenizer(self.folder / names["target"], custom_objects)
        logits = self.manifest["signatures"]["decode_step"]["outputs"].get("logits", {})
        size = self.target_tokenizer.vocabulary_size
        if logits.get("shape", [size])[-1] != size:
            raise ValueError(
                f"The model and its target tokenizer need the same vocabulary. Received: "
                f"{self.folder}, logits {logits} and a tokenizer of {size} ids. Export it again."
            )

    def translate(
        self,
        texts: Iterable[str],
        *,
        beam_size: int | None = None,
        maximum_length: int | None = None,
        replace_unknown: bool = False,
        dictionary: Mapping[str, str] | None = None,
        strict: bool = False,
    ) -> list[str]:
        """The best answer to each text, in order; see `stream`."""
        found = self.stream(
            texts,
            beam_size=beam_size,
            maximum_length=maximum_length,
            replace_unknown=replace_unknown,
            dictionary=dictionary,
            strict=strict,
        )
        return [answers[0].text for answers in found]

    def stream(
        self,
        texts: Iterable[str],
        *,
        beam_size: int | None = None,
        n_best: int = 1,
        length_penalty: float | None = None,
        coverage_penalty: float | None = None,
        maximum_length: int | None = None,
        attention: bool = False,
        replace_unknown: bool = False,
        dictionary: Mapping[str, str] | None = None,
        strict: bool = False,
        window: int = 1,
        progress: bool = False,
    ) -> Iterator[list[Translation]]:
        """All that a search found, for one text after the other, in order.

        Args:
            texts: Any number of texts.
            beam_size: Width of the beam, 1 for greedy; `None` for the translator's that was
                exported, as for the penalties.
            n_best: Number of answers to each text, at most `beam_size`.
            length_penalty: Exponent of the length penalty.
            coverage_penalty: Weight of the coverage penalty.
            maximum_length: Longest answer in tokens, end mark included; `None` for 20 more than
                three times the source's.
            attention: Whether to return the attention weights.
            replace_unknown: As for `Translator.translate`, like the next.
            dictionary: Translations of source words.
            strict: Whether a text that is too long is an error, and not cut with a warning.
            window: Of `Translator.stream`; an export answers each text before it reads the next.
            progress: Whether to count on the standard error stream.

        Returns:
            An iterator: for each text a list of up to `n_best` answers, the best first; one empty
            answer to a blank text.

        Raises:
            TypeError: `texts` is one string, or holds something else than strings, like
                `dictionary`.
            ValueError: A number is out of range, attention is asked of a model without, or a text
                is too long.
        """
        del window
        if isinstance(texts, (str, bytes)):
            raise TypeError(f"`texts` must be a list of strings. Received: texts={texts!r}")
        defaults = self.manifest["options"]
        options = {
            "beam_size": defaults["beam_size"] if beam_size is None else beam_size,
            "n_best": n_best,
            "length_penalty": defaults["length_penalty"]
            if length_penalty is None
            else length_penalty,
            "coverage_penalty": defaults["coverage_penalty"]
            if coverage_penalty is None
            else coverage_penalty,
        }
        _check(options, self.has_attention, attention, maximum_length)
        if options["beam_size"] == 1:  # The greedy search scores by probability alone.
            options |= {"length_penalty": 0.0, "coverage_penalty": 0.0}
        unknown = unknown_words(
            self.source_tokenizer,
            self.target_tokenizer,
            replace_unknown,
            dictionary,
            self.has_attention,
        )
        found = self._answers(texts, options, maximum_length, attention, unknown, strict)
        return _counted(found) if progress else found

    @property
    def has_attention(self) -> bool:
        """Whether the model has attention to show."""
        return "attention" in self.manifest["signatures"]["decode_step"]["outputs"]

    def _answers(
        self,
        texts: Iterable[str],
        options: dict[str, Any],
        maximum_length: int | None,
        attention: bool,
        unknown: UnknownWords | None,
        strict: bool,
    ) -> Iterator[list[Translation]]:
        for number, text in enumerate(texts, 1):
            if not isinstance(text, str):
                raise TypeError(f"Text {number} must be a string. Received: {text!r}")
            text = without_surrogates(text)
            ids = self.source_tokenizer.encode(text)
            if not ids:
                yield [Translation("", 0.0, 0.0, [], [], None)]
                continue
            if len(ids) >= self.longest and strict:
                raise ValueError(too_long(number, len(ids) + 1, self.longest))
            if len(ids) >= self.longest:
                warnings.warn(
                    f"Text {number} was cut to {self.longest} tokens, end mark included.",
                    stacklevel=2,
                )
            ids = [*ids[: self.longest - 1], END_ID]
            limit = 3 * len(ids) + 20 if maximum_length is None else maximum_length
            found = self._found(ids, limit, options)
            yield [self._translation(one, text, ids, attention, unknown) for one in found]

    def _found(self, ids: list[int], limit: int, options: dict[str, Any]) -> list[Hypothesis]:
        """What `search` finds; a file that was made or damaged elsewhere may fail in any way."""
        try:
            found = self.search(ids, limit, **options)
        except MemoryError:
            raise
        except Exception as error:
            raise ValueError(
                f"The model can't be run. Received: {self.folder}: {error!r}. Export it again."
            ) from error
        if not found:
            raise ValueError(
                f"The model must give numbers. Received: {self.folder}, which gives none to "
                f"{self.source_tokenizer.pieces(ids)}. Export it again."
            )
        return found

    @abstractmethod
    def search(self, ids: list[int], limit: int, **options: Any) -> list[Hypothesis]:
        """The hypotheses for source ids, end mark included; options as for `beam_search`."""

    def _translation(
        self,
        found: Hypothesis,
        source: str,
        source_ids: list[int],
        attention: bool,
        unknown: UnknownWords | None,
    ) -> Translation:
        if unknown is None or found.attention is None:
            text = self.target_tokenizer.decode(found.ids)
        else:
            text = unknown.text(source, found.ids, found.attention)
        return Translation(
            text=text,
            score=found.score,
            log_probability=found.log_probability,
            source_pieces=self.source_tokenizer.pieces(source_ids),
            target_pieces=self.target_tokenizer.pieces(found.ids),
            weights=found.attention if attention else None,
        )


def _counted(answers: Iterable[list[Translation]]) -> Iterator[list[Translation]]:
    for number, found in enumerate(answers, 1):
        print(f"\r{number:,} sentences", end="", file=sys.stderr, flush=True)
        yield found
    print(file=sys.stderr)


def _check(
    options: dict[str, Any], has_attention: bool, attention: bool, maximum_length: int | None
) -> None:
    wholes = {"beam_size": options["beam_size"], "n_best": options["n_best"]}
    if maximum_length is not None:
        wholes["maximum_length"] = maximum_length
    for name, value in wholes.items():
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
            raise ValueError(f"`{name}` must be a whole number of at least 1. Received: {value!r}")
        if value > MOST[name]:
            raise ValueError(f"`{name}` must be at most {MOST[name]:,}. Received: {value!r}")
    for name in ("length_penalty", "coverage_penalty"):
        if not 0 <= options[name] < 1e30:
            raise ValueError(f"`{name}` must be at least 0. Received: {options[name]!r}")
    if options["n_best"] > options["beam_size"]:
        raise ValueError(
            "`n_best` can be at most `beam_size`. Received: "
            f"n_best={options['n_best']}, beam_size={options['beam_size']}"
        )
    if not has_attention and (attention or options["coverage_penalty"]):
        raise ValueError(
            "A model without attention has none to show, and no coverage to reward. Received: "
            f"attention={attention}, coverage_penalty={options['coverage_penalty']}"
        )
