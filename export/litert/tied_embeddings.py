"""Tied embeddings in int8: one matrix in a LiteRT file, where the converter writes it twice."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

OPERATORS = schema.BuiltinOperator


def share_tied(model: Any) -> Any:
    """Let embeddings read the matrix of the projection to the vocabulary, where both are one.

    The converter quantizes the matrix of a `GATHER` with one scale and the matrix of a
    `FULLY_CONNECTED` with one scale per row, so a tied embedding is in the file twice.
    `EMBEDDING_LOOKUP` reads the second form, which is also more exact.

    Args:
        model: A `ModelT`.

    Returns:
        Another `ModelT` with the same buffers.
    """
    content = copy.copy(model)
    content.subgraphs = copy.deepcopy(model.subgraphs)
    content.operatorCodes = copy.deepcopy(model.operatorCodes)
    projections = [
        tensor
        for graph in content.subgraphs
        for operator in graph.operators
        if _code(content, operator) == OPERATORS.FULLY_CONNECTED
        and _is_rowwise(tensor := graph.tensors[operator.inputs[1]])
    ]
    for graph in content.subgraphs:
        readers = {operator.inputs[0]: operator for operator in reversed(graph.operators)}
        for operator in list(graph.operators):
            dequantized = readers.get(operator.outputs[0])
            if _code(content, operator) != OPERATORS.GATHER or dequantized is None:
                continue
            if _code(content, dequantized) != OPERATORS.DEQUANTIZE:
                continue
            embedding = graph.tensors[operator.inputs[0]]
            for projection in projections:
                if _is_same(content, embedding, projection):
                    _look_up(content, graph, operator, dequantized, projection)
                    break
    return content


def _look_up(content: Any, graph: Any, gather: Any, dequantize: Any, matrix: Any) -> None:
    """Replace two operators of the copy by `EMBEDDING_LOOKUP`, which takes a vector of ids."""
    ids, embedded = gather.inputs[1], dequantize.outputs[0]
    count = int(np.prod(graph.tensors[ids].shape))
    dimension = int(matrix.shape[1])
    flat_ids = _add_tensor(graph, [count], schema.TensorType.INT32)
    flat = _add_tensor(graph, [count, dimension], schema.TensorType.FLOAT32)
    graph.tensors.append(copy.copy(matrix))
    lookup = _operator(
        content, OPERATORS.EMBEDDING_LOOKUP, [flat_ids, len(graph.tensors) - 1], [flat]
    )
    position = graph.operators.index(gather)
    graph.operators[position : position + 1] = [
        _reshape(content, graph, ids, flat_ids),
        lookup,
        _reshape(content, graph, flat, embedded),
    ]
    graph.operators.remove(dequantize)


def _reshape(content: Any, graph: Any, source: int, goal: int) -> Any:
    options = schema.ReshapeOptionsT()
    options.newShape = [int(size) for size in graph.tensors[goal].shape]
    made = _operator(content, OPERATORS.RESHAPE, [source], [goal])
    made.builtinOptionsType = schema.BuiltinOptions.ReshapeOptions
    made.builtinOptions = options
    return made


def _operator(content: Any, code: int, inputs: list[int], outputs: list[int]) -> Any:
    codes = [one.builtinCode for one in content.operatorCodes]
    if code not in codes:
        added = schema.OperatorCodeT()
        added.builtinCode = added.deprecatedBuiltinCode = code
        added.version = 1
        content.operatorCodes.append(added)
        codes.append(code)
    made = schema.OperatorT()
    made.opcodeIndex = codes.index(code)
    made.inputs, made.outputs = inputs, outputs
    return made


def _add_tensor(graph: Any, shape: list[int], kind: int) -> int:
    tensor = schema.TensorT()
    tensor.shape, tensor.type, tensor.buffer, tensor.hasRank = shape, kind, 0, True
    graph.tensors.append(tensor)
    return len(graph.tensors) - 1


def _code(content: Any, operator: Any) -> int:
    return content.operatorCodes[operator.opcodeIndex].builtinCode


def _is_rowwise(tensor: Any) -> bool:
    found = tensor.quantization
    if tensor.type != schema.TensorType.INT8 or found is None or found.scale is None:
        return False
    return found.quantizedDimension == 0 and len(found.scale) == tensor.shape[0]


def _is_same(content: Any, embedding: Any, projection: Any) -> bool:
    """Whether both are one matrix: they differ by no more than the rounding of both."""
    if list(embedding.shape) != list(projection.shape) or embedding.type != projection.type:
        return False
    scale = np.asarray(embedding.quantization.scale)
    scales = np.asarray(projection.quantization.scale)[:, None]
    first, second = (
        np.asarray(content.buffers[one.buffer].data).view("int8").reshape(one.shape)
        for one in (embedding, projection)
    )
    apart = np.abs(first * scale - second * scales)
    return len(scale) == 1 and bool(np.all(apart <= 0.51 * (scale + scales)))
