"""Translate with an exported model alone.

LiteRT and ONNX exports run without TensorFlow and Keras; a SavedModel needs TensorFlow. Any number
of threads may share a translator, and it can be pickled: the copy opens the same folder.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from keras_s2s.inference.translation import Hypothesis
from keras_s2s.layers.forks import check_not_forked
from keras_s2s.search.strategies import Beam

from .litert.runtimes import compiled_model, encode_signature, interpreter
from .numpy_search import beam_search
from .onnx.runtime import onnx_runtime
from .runtime_pool import Run, RuntimePool
from .translator import ExportBackend, ExportedTranslator


class LiteRTTranslator(ExportedTranslator):
    """Translates with a LiteRT export; needs only `ai-edge-litert`, NumPy and the tokenizers.

    Args:
        folder: What `keras_s2s.export.litert` wrote.
        runtime: "interpreter", or "compiled_model", the API of the newer Android, iOS and web
            runtimes.
        threads: Number of threads of an Interpreter; threads of yours that translate at the same
            time have one each, up to the number of processors.
        custom_objects: Tokenizer classes of your own by name, see `load_tokenizer`.

    Raises:
        ValueError: `folder` is no LiteRT export or a damaged one, or the runtime is unknown.
        ImportError: `ai-edge-litert` is missing.
    """

    kind = "litert"

    def __init__(
        self,
        folder: str | Path,
        *,
        runtime: str = "interpreter",
        threads: int = 1,
        custom_objects: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(folder, custom_objects)
        if runtime not in ("interpreter", "compiled_model"):
            raise ValueError(
                '`runtime` must be "interpreter" or "compiled_model". '
                f"Received: runtime={runtime!r}"
            )
        self._runtime, self._threads = runtime, threads
        self.lengths: list[int] = self.manifest["lengths"]
        self._inputs = set(self.manifest["signatures"]["decode_step"]["inputs"])
        self._run = self.open()

    def open(self) -> Run:
        """See the base class."""
        path = str(self.folder / self.manifest["file"])
        if self._runtime == "compiled_model":
            return RuntimePool(lambda: compiled_model(path))
        return RuntimePool(lambda: interpreter(path, self._threads))

    def decode(
        self, ids: list[int], limit: int, search: Beam, n_best: int, prefix: list[int]
    ) -> list[Hypothesis]:
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

        return beam_search(step, state[0], limit, search, n_best=n_best, prefix=prefix)


class _BatchTranslator(ExportedTranslator):
    """Computes each step for all live hypotheses of a sentence as one batch."""

    def decode(
        self, ids: list[int], limit: int, search: Beam, n_best: int, prefix: list[int]
    ) -> list[Hypothesis]:
        """See the base class."""
        length = np.array([len(ids)], "int32")
        fixed = self._run("encode", {"tokens": np.array([ids], "int32"), "length": length})
        state = fixed.pop("state")
        if self.has_attention:
            fixed["length"] = length
        rows = {name: value.repeat(search.beam_size, 0) for name, value in fixed.items()}

        def step(tokens: np.ndarray, states: np.ndarray) -> tuple[np.ndarray, np.ndarray, Any]:
            some = {name: value[: len(tokens)] for name, value in rows.items()}
            found = self._run("decode_step", {"token": tokens, "state": states, **some})
            return found["logits"], found["next_state"], found.get("attention")

        return beam_search(step, state[0], limit, search, n_best=n_best, prefix=prefix)


class OnnxTranslator(_BatchTranslator):
    """Translates with an ONNX export; needs only `onnxruntime`, NumPy and the tokenizers.

    Args:
        folder: What `keras_s2s.export.onnx` wrote.
        threads: Number of threads within one operator.
        custom_objects: As for `LiteRTTranslator`.

    Raises:
        ValueError: `folder` is no ONNX export or a damaged one.
        ImportError: `onnxruntime` is missing.
    """

    kind = "onnx"

    def __init__(
        self,
        folder: str | Path,
        *,
        threads: int = 1,
        custom_objects: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(folder, custom_objects)
        self._threads = threads
        self._run = self.open()

    def open(self) -> Run:
        """See the base class."""
        return RuntimePool(lambda: onnx_runtime(self.folder, self._threads), shared=True)


class SavedModelTranslator(_BatchTranslator):
    """Translates with the `encode` and `decode_step` of a SavedModel export, without Keras.

    Args:
        folder: What `keras_s2s.export.saved_model` wrote: a folder of versions, of which the
            highest is used, or one of them.
        custom_objects: As for `LiteRTTranslator`.

    Raises:
        ValueError: `folder` is no such export, a damaged one, or has operations that do more than
            compute.
        ImportError: TensorFlow or tensorflow-text is missing.
    """

    kind = "saved_model"

    def __init__(
        self, folder: str | Path, *, custom_objects: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(folder, custom_objects)
        self._run = self.open()

    def search_backend(self) -> ExportBackend:
        """See the base class.

        Raises:
            RuntimeError: The process was forked after the translator had been made.
        """
        check_not_forked()
        return super().search_backend()

    def open(self) -> Run:
        """See the base class."""
        check_not_forked()
        from .saved_model.runtime import load_saved_model, signature_runner

        return signature_runner(load_saved_model(self.folder))
