"""Given targets through an export: what `keras_s2s.inference.forced` asks of one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from keras_s2s.inference.forced_protocol import ForcedTarget
from keras_s2s.special_ids import START_ID

from .numpy_search import Step


class Starts(Protocol):
    """What an exported translator provides."""

    folder: Path

    @property
    def has_attention(self) -> bool:
        """Whether the model has attention weights to return."""
        ...

    def start(self, ids: list[int], width: int) -> tuple[Step, np.ndarray]:
        """Encode one source; see `ExportedTranslator`."""
        ...


class ExportForced:
    """Reads targets with `decode_step`, one pair after the other; see `ForcedBackend`.

    Args:
        translator: The translator that runs the model.
    """

    def __init__(self, translator: Starts) -> None:
        self._translator = translator
        self.has_attention = translator.has_attention

    def force(
        self, sources: list[list[int]], targets: list[list[int]], attention: bool
    ) -> Iterator[ForcedTarget]:
        """Compute a batch; a model file from elsewhere may raise any exception."""
        for source, target in zip(sources, targets, strict=True):
            try:
                yield self._force(source, target, attention)
            except MemoryError:
                raise
            except Exception as error:
                raise ValueError(
                    f"The model can't be run. Received: {self._translator.folder}: {error!r}. "
                    "Export it again."
                ) from error

    def _force(self, source: list[int], target: list[int], attention: bool) -> ForcedTarget:
        step, state = self._translator.start(source, 1)
        states, logs, weights = state[None], [], []
        for before, token in zip([START_ID, *target], target, strict=False):
            logits, states, seen = step(np.array([before], "int32"), states)
            values = logits[0].astype("float64")
            values -= values.max()
            logs.append(values[token] - np.log(np.exp(values).sum()))
            weights.append(_first(seen) if attention else None)
        return ForcedTarget(np.array(logs, "float32"), np.array(weights) if attention else None)


def _first(rows: Any) -> Any:
    """A copy: a runtime may write into its own array again."""
    return np.array(rows[0], "float32")
