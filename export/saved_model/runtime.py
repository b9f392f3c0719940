"""A SavedModel as a function that runs one of its signatures."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .serving_operations import read_saved_model

if TYPE_CHECKING:
    import numpy as np

# A SavedModel is a program, and many operations have side effects: on files, the network or the
# process. So only the operations that exports use are allowed, and a few that only compute.
KNOWN = frozenset(
    """
    Abs Add AddV2 All Any ArgMax Assert AssignVariableOp BatchMatMulV2 BatchMatMulV3 BiasAdd
    BroadcastArgs BroadcastTo Cast Ceil ClipByValue ConcatV2 Const Cumprod Cumsum DenseBincount
    DisableCopyOnRead Einsum EnsureShape Equal Erf Exp ExpandDims Expm1 Fill Floor FloorDiv
    FloorMod GatherNd GatherV2 Greater GreaterEqual HashTableV2 Identity IdentityN If
    InvertPermutation IsFinite Less LessEqual LinSpace Log Log1p LogSoftmax LogicalAnd
    LogicalNot LogicalOr LookupTableFindV2 LookupTableImportV2 LowerBound MatMul MatrixBandPart
    Max Maximum Mean Min Minimum MirrorPad Mul Neg NoOp NormalizeUTF8 NotEqual OneHot OnesLike
    Pack Pad PadV2 PartitionedCall Placeholder Pow Prod RaggedFillEmptyRows RaggedGather
    RaggedRange RaggedTensorToTensor Range Rank ReadVariableOp RealDiv Reciprocal Relu Reshape
    Reverse ReverseV2 Round Rsqrt ScatterNd SegmentSum Select SelectV2 SentencepieceDetokenizeOp
    SentencepieceOp SentencepieceTokenizeOp Shape ShapeN Sigmoid Sign Size Slice Softmax
    Softplus SparseToDense Split SplitV Sqrt Square SquaredDifference Squeeze
    StatefulPartitionedCall StatelessIf StatelessWhile StaticRegexFullMatch StaticRegexReplace
    StopGradient StridedSlice StringJoin StringLength StringLower StringSplitV2 StringStrip Sub
    Substr Sum Tanh TensorListConcatV2 TensorListFromTensor TensorListGetItem TensorListReserve
    TensorListSetItem TensorListStack TensorScatterAdd TensorScatterUpdate Tile TopKV2 Transpose
    UnicodeDecode UnicodeEncode UnicodeTranscode UniqueV2 Unpack UnsortedSegmentJoin
    UnsortedSegmentMax UnsortedSegmentMin UnsortedSegmentSum UpperBound VarHandleOp
    VarIsInitializedOp Where While ZerosLike
    """.split()
)
# Functions that save and restore variables; loading does not run them.
SAVER = re.compile(r"__inference__traced_(save|restore)_\d+")


def load_saved_model(folder: Path) -> Any:
    """Load the SavedModel of an export from any source.

    Args:
        folder: The folder of `saved_model.pb`.

    Returns:
        The object that `tf.saved_model.load` returns.

    Raises:
        ValueError: It cannot be read, or has operations that no export has.
        ImportError: tensorflow-text is missing.
    """
    check_saved_model_graph(folder)
    import tensorflow as tf

    from keras_s2s.text.normalization import import_tensorflow_text

    import_tensorflow_text()  # The graph has operations of it.
    try:
        return tf.saved_model.load(str(folder))
    except (ValueError, OSError, LookupError, tf.errors.OpError) as error:
        raise ValueError(
            f"TensorFlow can't read the SavedModel. Received: {folder}: {error}"
        ) from error


def check_saved_model_graph(folder: Path) -> None:
    """Raise unless a SavedModel has the operations of exports only.

    Args:
        folder: The folder of `saved_model.pb`.

    Raises:
        ValueError: It cannot be read, has another operation, or calls the functions that save.
    """
    model = read_saved_model(folder)
    strange = {one for meta_graph in model.meta_graphs for one in _strange(meta_graph)}
    if len(model.meta_graphs) != 1:
        strange.add(f"{len(model.meta_graphs)} graphs")
    if strange:
        raise ValueError(
            "The SavedModel must hold nothing but what an export holds. "
            f"Received: {folder}, which holds {sorted(strange)}."
        )


def _strange(meta_graph: Any) -> Iterator[str]:
    """Names of what no export contains."""
    graph, objects = meta_graph.graph_def, meta_graph.object_graph_def.nodes
    if not objects:  # TensorFlow would run it as a graph of version 1.
        yield "no objects"
    if any(one.saveable_objects or one.registered_saver for one in objects):
        yield "objects that save themselves"
    functions = [one for one in graph.library.function if not SAVER.fullmatch(one.signature.name)]
    inside = [node for function in functions for node in function.node_def]
    yield from {node.op for node in (*graph.node, *inside)} - KNOWN
    for node in inside:
        for value in node.attr.values():
            called = (value.func, *value.list.func)
            yield from (one.name for one in called if SAVER.fullmatch(one.name))


def signature_runner(
    loaded: Any,
) -> Callable[[str, dict[str, np.ndarray]], dict[str, np.ndarray]]:
    """One function on arrays for all signatures of a loaded SavedModel.

    Args:
        loaded: From `load_saved_model`; it must outlive the function.

    Returns:
        `run(name, inputs) -> outputs`, arrays by name.
    """
    import tensorflow as tf

    def run(name: str, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        given = {key: tf.constant(value) for key, value in inputs.items()}
        return {key: value.numpy() for key, value in loaded.signatures[name](**given).items()}

    return run
