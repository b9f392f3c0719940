"""Give each ONNX loop its own weights, which tf2onnx hands round as state that never changes."""

from __future__ import annotations

from typing import Any


def own_weights(graph: Any) -> None:
    """Move what a loop carries unchanged and the graph knows into the loop's body, in place.

    ONNX Runtime packs a weight that it knows, and its quantizer sees no other.

    Args:
        graph: `GraphProto` of a model.
    """
    known = {tensor.name: tensor for tensor in graph.initializer}
    read = {name for node in graph.node for name in node.input}
    read |= {tensor.name for tensor in graph.output}
    for node in graph.node:
        if node.op_type == "Loop":
            _own_weights_of(node, known, read)
    used = {name for node in graph.node for name in node.input} | _read_inside(graph)
    for tensor in [tensor for tensor in graph.initializer if tensor.name not in used]:
        graph.initializer.remove(tensor)


def _own_weights_of(loop: Any, known: dict[str, Any], read: set[str]) -> None:
    body = next(one.g for one in loop.attribute if one.name == "body")
    source = {name: one for one in body.node for name in one.output}
    # A loop's inputs are a count, a condition and the state; its body puts a number in the place of
    # the count and gives back the condition and the state; the loop gives the state alone.
    for place in reversed(range(len(loop.input) - 2)):
        inside, given = body.input[2 + place].name, body.output[1 + place].name
        is_unchanged = given == inside or (
            given in source
            and source[given].op_type == "Identity"
            and source[given].input[0] == inside
        )
        outer = loop.input[2 + place]
        if not is_unchanged or outer not in known or loop.output[place] in read:
            continue
        weight = body.initializer.add()
        weight.CopyFrom(known[outer])
        weight.name = inside
        if given != inside:
            body.node.remove(source[given])
        del loop.input[2 + place], loop.output[place]
        del body.input[2 + place], body.output[1 + place]


def _read_inside(graph: Any) -> set[str]:
    """Names that the bodies of loops and branches read from the graph around them."""
    found: set[str] = set()
    for node in graph.node:
        for one in node.attribute:
            if one.HasField("g"):
                found |= {name for inner in one.g.node for name in inner.input}
                found |= _read_inside(one.g)
    return found
