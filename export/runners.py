"""Translate with an exported artifact alone.

For LiteRT and ONNX neither TensorFlow nor Keras is imported; a SavedModel takes TensorFlow.
"""

from __future__ import annotations

import sys
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from keras_s2s import Translation, load_tokenizer

from .artifact import END_ID, find_export, read_manifest
from .litert_runtimes import compiled_model, encode_signature, interpreter
from .numpy_search import Hypothesis, beam_search
from .onnx_runtime import onnx_runtime

MOST = {"beam_size": 1000, "n_best": 1000, "maximum_length": 1_000_000}


class _ExportedTranslator(ABC):
    """What the runners share: texts to ids, the search, ids to texts."""

    kind: str
    longest: int

    def __init__(self, folder: str | Path) -> None:
        self.manifest = read_manifest(folder)
        if self.manifest["kind"] != self.kind:
            raise ValueError(
                f"{type(self).__name__} runs {self.kind} exports. "
                f"Received: {str(folder)!r}, of kind {self.manifest['kind']!r}."
            )
        self.folder = find_export(folder)
        names = self.manifest["tokenizers"]
        self.source_tokenizer = load_tokenizer(self.folder / names["source"])
        self.target_tokenizer = load_tokenizer(self.folder / names["target"])
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
    ) -> list[str]:
        """The best answer to each text, in order; see `stream`."""
        found = self.stream(texts, beam_size=beam_size, maximum_length=maximum_length)
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
            window: Of `Translator.stream`; an export answers each text before it reads the next.
            progress: Whether to count on the standard error stream.

        Returns:
            An iterator: for each text a list of up to `n_best` answers, the best first; one empty
            answer to a blank text.

        Raises:
            TypeError: `texts` is one string, or holds something else than strings.
            ValueError: A number is out of range, or attention is asked of a model without.
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
        found = self._answers(texts, options, maximum_length, attention)
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
    ) -> Iterator[list[Translation]]:
        for number, text in enumerate(texts, 1):
            if not isinstance(text, str):
                raise TypeError(f"Text {number} must be a string. Received: {text!r}")
            ids = self.source_tokenizer.encode(text)
            if not ids:
                yield [Translation("", 0.0, 0.0, [], [], None)]
                continue
            if len(ids) >= self.longest:
                warnings.warn(
                    f"Text {number} was cut to {self.longest} tokens, end mark included.",
                    stacklevel=2,
                )
            ids = [*ids[: self.longest - 1], END_ID]
            limit = 3 * len(ids) + 20 if maximum_length is None else maximum_length
            pieces = self.source_tokenizer.pieces(ids)
            found = self.search(ids, limit, **options)
            yield [self._translation(one, pieces, attention) for one in found]

    @abstractmethod
    def search(self, ids: list[int], limit: int, **options: Any) -> list[Hypothesis]:
        """The hypotheses for source ids, end mark included; options as for `beam_search`."""

    def _translation(
        self, found: Hypothesis, source_pieces: list[str], attention: bool
    ) -> Translation:
        return Translation(
            text=self.target_tokenizer.decode(found.ids),
            score=found.score,
            log_probability=found.log_probability,
            source_pieces=source_pieces,
            target_pieces=self.target_tokenizer.pieces(found.ids),
            weights=found.attention if attention else None,
        )


class LiteRTTranslator(_ExportedTranslator):
    """Translates with a LiteRT export, by `ai-edge-litert`, NumPy and the tokenizer alone.

    Args:
        folder: What `keras_s2s.export.litert` wrote.
        runtime: "interpreter", or "compiled_model", the API of the newer Android, iOS and web
            runtimes.
        threads: Of the Interpreter.

    Raises:
        ValueError: No LiteRT export, a damaged one, or an unknown runtime.
        ImportError: `ai-edge-litert` is missing.
    """

    kind = "litert"

    def __init__(
        self, folder: str | Path, *, runtime: str = "interpreter", threads: int = 1
    ) -> None:
        super().__init__(folder)
        if runtime not in ("interpreter", "compiled_model"):
            raise ValueError(
                '`runtime` must be "interpreter" or "compiled_model". '
                f"Received: runtime={runtime!r}"
            )
        path = str(self.folder / self.manifest["file"])
        is_interpreter = runtime == "interpreter"
        self._run = interpreter(path, threads) if is_interpreter else compiled_model(path)
        self.lengths: list[int] = self.manifest["lengths"]
        self.longest = self.lengths[-1]
        self._inputs = set(self.manifest["signatures"]["decode_step"]["inputs"])

    def search(self, ids: list[int], limit: int, **options: Any) -> list[Hypothesis]:
        """See the base class."""
        name, room = encode_signature(len(ids), self.lengths)
        tokens = np.zeros((1, room), "int32")
        tokens[0, : len(ids)] = ids
        length = np.array([len(ids)], "int32")
        encoded = self._run(name, {"tokens": tokens, "length": length})
        state = encoded.pop("state")
        fixed = {k: v for k, v in {**encoded, "length": length}.items() if k in self._inputs}

        def step(tokens: np.ndarray, states: np.ndarray) -> tuple[np.ndarray, np.ndarray, Any]:
            found = [
                self._run(
                    "decode_step", {"token": tokens[i : i + 1], "state": states[i : i + 1]} | fixed
                )
                for i in range(len(tokens))
            ]
            logits, after = (
                np.concatenate([one[name] for one in found]) for name in ("logits", "next_state")
            )
            if "attention" not in found[0]:
                return logits, after, None
            attention = np.concatenate([one["attention"] for one in found])
            return logits, after, attention[:, : len(ids)]

        return beam_search(step, state[0], limit, **options)


class _BatchTranslator(_ExportedTranslator):
    """One that takes all beams of a sentence at once."""

    _run: Callable[[str, dict[str, np.ndarray]], dict[str, np.ndarray]]

    def search(self, ids: list[int], limit: int, **options: Any) -> list[Hypothesis]:
        """See the base class."""
        length = np.array([len(ids)], "int32")
        fixed = self._run("encode", {"tokens": np.array([ids], "int32"), "length": length})
        state = fixed.pop("state")
        if self.has_attention:
            fixed["length"] = length
        rows = {name: value.repeat(options["beam_size"], 0) for name, value in fixed.items()}

        def step(tokens: np.ndarray, states: np.ndarray) -> tuple[np.ndarray, np.ndarray, Any]:
            some = {name: value[: len(tokens)] for name, value in rows.items()}
            found = self._run("decode_step", {"token": tokens, "state": states, **some})
            return found["logits"], found["next_state"], found.get("attention")

        return beam_search(step, state[0], limit, **options)


class OnnxTranslator(_BatchTranslator):
    """Translates with an ONNX export, by `onnxruntime`, NumPy and the tokenizer alone.

    Args:
        folder: What `keras_s2s.export.onnx` wrote.
        threads: That a product may use.

    Raises:
        ValueError: No ONNX export, or a damaged one.
        ImportError: `onnxruntime` is missing.
    """

    kind = "onnx"

    def __init__(self, folder: str | Path, *, threads: int = 1) -> None:
        super().__init__(folder)
        self._run = onnx_runtime(self.folder, threads)
        self.longest = self.manifest["options"]["maximum_source_length"]


class SavedModelTranslator(_BatchTranslator):
    """Translates with a SavedModel export, by its `encode` and `decode_step`; Keras is not used.

    Args:
        folder: What `keras_s2s.export.saved_model` wrote: a folder of versions, of which the
            highest is taken, or one of them.

    Raises:
        ValueError: No such export, a damaged one, or one that could do more than compute.
        ImportError: TensorFlow or tensorflow-text is missing.
    """

    kind = "saved_model"

    def __init__(self, folder: str | Path) -> None:
        super().__init__(folder)
        from .saved_model_runtime import load_saved_model, signature_runner

        self._loaded = load_saved_model(self.folder)  # The functions live as long as this.
        self._run = signature_runner(self._loaded)
        self.longest = self.manifest["options"]["maximum_source_length"]


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
