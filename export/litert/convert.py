"""Convert a SavedModel to LiteRT, in a process of its own: the converter leaks and may crash."""

from __future__ import annotations

import os
import threading
from pathlib import Path


def convert(saved_model: str, goal: str, quantize: str) -> None:
    """Write one LiteRT file with all signatures of a SavedModel.

    Args:
        saved_model: The folder of the SavedModel.
        goal: The file to write.
        quantize: "none", "float16", or "int8" for int8 weights (dynamic range).
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
    """Remove what no runtime reads from a LiteRT file, and write equal vectors once.

    An unrolled encoder has thousands of tensors. Their names, an empty buffer for each, and
    duplicated vectors can be as large as the weights of a small model. In int8, a tied embedding is
    written once, see `share_tied`.

    Args:
        model: The content of the file.

    Returns:
        The content of a smaller file that computes the same.
    """
    import flatbuffers
    import numpy as np
    from tensorflow.lite.python import schema_py_generated as schema

    from .tied_embeddings import share_tied

    class Builder(flatbuffers.Builder):
        """Refers to an equal vector that was written before instead of writing it again."""

        def __init__(self, size: int) -> None:
            super().__init__(size)
            self.written: dict[tuple[str, bytes], int] = {}

        def CreateNumpyVector(self, x: np.ndarray) -> int:
            key = x.dtype.str, x.tobytes()
            if key not in self.written:
                self.written[key] = super().CreateNumpyVector(x)
            return self.written[key]

    content = share_tied(schema.ModelT.InitFromPackedBuf(model, 0))
    kept = {0: 0}  # New index of each buffer; the first one is empty, by the format.
    for graph in content.subgraphs:
        read = {index for operator in graph.operators for index in operator.inputs}
        for operator in graph.operators:
            operator.intermediates = operator.mutatingVariableInputs = None
        for index, tensor in enumerate(graph.tensors):
            tensor.name = None
            if tensor.quantization is not None and tensor.quantization.scale is None:
                tensor.quantization = None
            data = content.buffers[tensor.buffer].data
            is_empty = data is None or not len(data) or index not in read
            tensor.buffer = 0 if is_empty else kept.setdefault(tensor.buffer, len(kept))
    for one in content.metadata or ():
        one.buffer = kept.setdefault(one.buffer, len(kept))
    content.buffers = [content.buffers[index] for index in kept]
    builder = Builder(len(model))
    builder.Finish(content.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def main(arguments: list[str]) -> None:
    """Convert, but exit when the standard input ends: the parent process has died.

    Args:
        arguments: Those of `convert`.
    """
    threading.Thread(target=lambda: (os.read(0, 1), os._exit(1)), daemon=True).start()
    convert(*arguments)
