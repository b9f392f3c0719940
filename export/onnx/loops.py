"""Move weights into the bodies of ONNX loops: tf2onnx passes them as loop state."""

from __future__ import annotations

import copy
from typing import Any


def own_weights(model: Any) -> Any:
    """A copy of a model whose loops hold the weights that they pass on unchanged as state.

    ONNX Runtime packs constant weights, and its quantizer finds no others.

    Args:
        model: A `ModelProto`.

    Returns:
        Another `ModelProto`, which computes the same.
    """
    copied = copy.deepcopy(model)
    graph = copied.graph
    known = {tensor.name: tensor for tensor in graph.initializer}
    read = {name for node in graph.node for name in node.input}
    read |= {tensor.name for tensor in graph.output}
    for node in graph.node:
        if node.op_type == "Loop":
            _own_weights_of(node, known, read)
    used = {name for node in graph.node for name in node.input} | _read_inside(graph)
    for tensor in [tensor for tensor in graph.initializer if tensor.name not in used]:
        graph.initializer.remove(tensor)
    return copied


def _own_weights_of(loop: Any, known: dict[str, Any], read: set[str]) -> None:
    """Change a loop of the copy: `known` weights become initializers of its body."""
    body = next(one.g for one in loop.attribute if one.name == "body")
    source = {name: one for one in body.node for name in one.output}
    # A loop takes a trip count, a condition and the state. Its body takes the iteration number in
    # place of the count, and returns the condition and the state. The loop returns the state.
    for index in reversed(range(len(loop.input) - 2)):
        inside, given = body.input[2 + index].name, body.output[1 + index].name
        is_unchanged = given == inside or (
            given in source
            and source[given].op_type == "Identity"
            and source[given].input[0] == inside
        )
        outer = loop.input[2 + index]
        if not is_unchanged or outer not in known or loop.output[index] in read:
            continue
        weight = body.initializer.add()
        weight.CopyFrom(known[outer])
        weight.name = inside
        if given != inside:
            body.node.remove(source[given])
        del loop.input[2 + index], loop.output[index]
        del body.input[2 + index], body.output[1 + index]


def _read_inside(graph: Any) -> set[str]:
    """Names of the outer graph that the bodies of loops and branches read."""
    found: set[str] = set()
    for node in graph.node:
        for one in node.attribute:
            if one.HasField("g"):
                found |= {name for inner in one.g.node for name in inner.input}
                found |= _read_inside(one.g)
    return found
