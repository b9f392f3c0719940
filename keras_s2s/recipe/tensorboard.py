"""What TensorBoard shows of a training: scalars, translations of a few texts, attention."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_s2s.evaluation.plots import attention_heatmap
from keras_s2s.inference.translator import Translator
from keras_s2s.search.strategies import Greedy

SAMPLES = 5
MOST_PIECES_DRAWN = 60


class TensorBoard(keras.callbacks.Callback):
    """Writes the history after each epoch, and how the model translates a few pairs by then.

    Keras' own `TensorBoard` writes scalars only. This callback comes after those that validate,
    whose metrics it reads from the logs.

    Args:
        folder: Folder of the event files.
        translator: Translator of the model that is trained; `None` for scalars only.
        pairs: Sources and references, of which the first few are translated greedily.
    """

    def __init__(
        self,
        folder: str | Path,
        translator: Translator | None = None,
        pairs: Sequence[tuple[str, str]] = (),
    ) -> None:
        super().__init__()
        self.folder = folder
        self.translator = translator
        self.pairs = list(pairs[:SAMPLES])
        self._writer: Any = None

    def on_train_begin(self, logs: Any = None) -> None:
        """Open an event file."""
        import tensorflow as tf

        self._writer = tf.summary.create_file_writer(str(self.folder))

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Write what the epoch gave; step n is the end of epoch n, from 1."""
        import tensorflow as tf

        rate = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        with self._writer.as_default(step=epoch + 1):
            for name, value in {**(logs or {}), "learning_rate": rate}.items():
                tf.summary.scalar(f"epoch/{name}", float(value))
            if self.translator is not None and self.pairs:
                self._write_translations(self.translator)
        self._writer.flush()

    def on_train_end(self, logs: Any = None) -> None:
        """Close the event file."""
        self._writer.close()

    def _write_translations(self, translator: Translator) -> None:
        import tensorflow as tf

        has_attention = translator.model.decoder.attention is not None
        sources = [source for source, _ in self.pairs]
        found = translator.stream(sources, search=Greedy(), attention=has_attention)
        answers = [best for best, *_ in found]
        rows = [
            f"| {_cell(source)} | {_cell(reference)} | {_cell(answer.text)} |"
            for (source, reference), answer in zip(self.pairs, answers, strict=True)
        ]
        head = ["| source | reference | translation |", "| --- | --- | --- |"]
        tf.summary.text("translations", "\n".join([*head, *rows]))
        drawn = next((answer for answer in answers if answer.weights is not None), None)
        if drawn is not None:
            tf.summary.image("attention", _picture(drawn)[None])


def _cell(text: str) -> str:
    """A text as a cell of a Markdown table."""
    return text.replace("\\", "\\\\").replace("|", "\\|")


def _picture(answer: Any) -> np.ndarray:
    """The attention weights of a translation, uint8 `[height, width, 4]`."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    most = MOST_PIECES_DRAWN
    source, target = answer.source_pieces[:most], answer.target_pieces[:most]
    canvas = FigureCanvasAgg(attention_heatmap(answer.weights[:most, :most], source, target))
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())
