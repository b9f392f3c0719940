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
    Path(goal).write_bytes(without_ballast(converter.convert()))


def without_ballast(model: bytes) -> bytes:
    """A LiteRT file without what no runtime reads, and with equal lists written once.

    An encoder that is unrolled has thousands of tensors. Their names, an empty buffer for each, and
    lists that say the same can be as large as a small model's weights. In int8 a tied embedding is
    written once, see `share_tied`.

    Args:
        model: The file's content.

    Returns:
        A smaller file that computes the same.
    """
    import flatbuffers
    import numpy as np
    from tensorflow.lite.python import schema_py_generated as schema

    from .tied_embeddings import share_tied

    class Builder(flatbuffers.Builder):
        """Points to what it has written before rather than writing it again."""

        def __init__(self, size: int) -> None:
            super().__init__(size)
            self.written: dict[tuple[str, bytes], int] = {}

        def CreateNumpyVector(self, x: np.ndarray) -> int:
            key = x.dtype.str, x.tobytes()
            if key not in self.written:
                self.written[key] = super().CreateNumpyVector(x)
            return self.written[key]

    content = schema.ModelT.InitFromPackedBuf(model, 0)
    share_tied(content)
    kept = {0: 0}  # Places of buffers; the first one is empty, by the format.
    for graph in content.subgraphs:
        read = {place for operator in graph.operators for place in operator.inputs}
        for operator in graph.operators:
            operator.intermediates = operator.mutatingVariableInputs = None
        for place, tensor in enumerate(graph.tensors):
            tensor.name = None
            if tensor.quantization is not None and tensor.quantization.scale is None:
                tensor.quantization = None
            data = content.buffers[tensor.buffer].data
            is_empty = data is None or not len(data) or place not in read
            tensor.buffer = 0 if is_empty else kept.setdefault(tensor.buffer, len(kept))
    for one in content.metadata or ():
        one.buffer = kept.setdefault(one.buffer, len(kept))
    content.buffers = [content.buffers[place] for place in kept]
    builder = Builder(len(model))
    builder.Finish(content.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def main(arguments: list[str]) -> None:
    """Convert, and end when the standard input does: whoever asked has died.

    Args:
        arguments: Those of `convert`.
    """
    threading.Thread(target=lambda: (os.read(0, 1), os._exit(1)), daemon=True).start()
    convert(*arguments)
