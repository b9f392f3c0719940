"""Convert a SavedModel to LiteRT: a program of its own, as the converter leaks and may crash."""

from __future__ import annotations

import os
import threading
from pathlib import Path


def convert(saved_model: str, goal: str, quantize: str) -> None:
    """Write one LiteRT file with all signatures of a SavedModel.

    Args:
        saved_model: The folder.
        goal: The file.
        quantize: "none", "float16", or "int8" for weights in int8 (dynamic range).
    """
    import tensorflow as tf

    signatures = list(tf.saved_model.load(saved_model).signatures)
    converter = tf.lite.TFLiteConverter.from_saved_model(saved_model, signature_keys=signatures)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    if quantize != "none":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if quantize == "float16":
        converter.target_spec.supported_types = [tf.float16]
    Path(goal).write_bytes(converter.convert())


def main(arguments: list[str]) -> None:
    """Convert, and end when the standard input does: whoever asked has died.

    Args:
        arguments: Those of `convert`.
    """
    threading.Thread(target=lambda: (os.read(0, 1), os._exit(1)), daemon=True).start()
    convert(*arguments)
