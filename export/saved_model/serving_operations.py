"""The oldest TensorFlow Serving that can run a SavedModel, by the operations that it uses.

A stock server has TensorFlow's operations of its own version and, up to Serving 2.19.1, TensorFlow
Text's operations of version 2.12.1. The tables were read from the C libraries of the wheels 2.12.1
to 2.21.0, without operations for accelerators only.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

OLDEST = "2.12"
NEWER_OPERATIONS = {
    "2.13": """RaggedFillEmptyRows RaggedFillEmptyRowsGrad SegmentMaxV2 SegmentMinV2
        SnapshotChunkDataset StochasticCastToInt""",
    "2.14": """Conv SparseSegmentMeanGradV2 SparseSegmentSqrtNGradV2 SparseSegmentSumGradV2
        TFRecordDatasetV2""",
    "2.15": "DumpTensor FFTND IFFTND IRFFTND RFFTND",
    "2.16": "DatasetFingerprint GlobalIterId ListSnapshotChunksDataset",
    "2.17": """CalibrationStatisticsSaver GlobalShuffleDataset IndexFlatMapDataset
        IteratorGetModelProto WeightedFlatMapDataset""",
    "2.18": "CheckPinned",
    "2.20": "DecodeWebP TFText>RoundRobinGenerateMasks TFText>RoundRobinTrim TFText>Utf8Binarize",
    "2.21": "DecodeJxl",
}
# A SavedModel omits attributes with their default value, so an attribute that is there matters. An
# older server would ignore it without an error.
NEWER_ATTRIBUTES = {
    "2.13": {
        "TopKV2": "Tk index_type",
        "TensorListSetItem": "resize_if_index_out_of_bounds",
        "DatasetCardinality": "cardinality_options",
    },
    "2.14": {"ConcatOffset": "shape_type"},
    "2.15": dict.fromkeys(
        [
            f"SparseSegment{kind}{suffix}"
            for kind in ("Mean", "SqrtN", "Sum")
            for suffix in ("", "WithNumSegments")
        ],
        "sparse_gradient",
    ),
    "2.16": {
        "MatMul": "grad_a grad_b",
        "BatchMatMul": "grad_x grad_y",
        "BatchMatMulV2": "grad_x grad_y",
        "BatchMatMulV3": "grad_x grad_y",
    },
    "2.17": {"GatherNd": "bad_indices_policy"},
    "2.18": dict.fromkeys(
        [
            f"{family}{kind}"
            for family in ("ScatterNd", "TensorScatter", "ResourceScatterNd")
            for kind in ("", "Add", "Max", "Min", "Sub", "Update", "NonAliasingAdd")
        ],
        "bad_indices_policy",
    ),
    "2.21": {"TensorListGetItem": "Tshape"},
}


def read_saved_model(folder: Path) -> Any:
    """Parse `saved_model.pb`.

    Args:
        folder: The folder of the file.

    Raises:
        ValueError: It cannot be read.
    """
    from google.protobuf.message import DecodeError
    from tensorflow.core.protobuf import saved_model_pb2

    path = folder / "saved_model.pb"
    model = saved_model_pb2.SavedModel()
    try:
        model.ParseFromString(path.read_bytes())
    except (DecodeError, OSError) as error:
        raise ValueError(f"The SavedModel can't be read. Received: {path}: {error}") from error
    return model


def operations(folder: Path) -> dict[str, set[str]]:
    """The operations of a SavedModel, in its graph and in all functions, with their attributes.

    Args:
        folder: The folder of `saved_model.pb`.

    Returns:
        For each operation, by name, the names of all attributes that it is used with.

    Raises:
        ValueError: The file cannot be read.
    """
    found: dict[str, set[str]] = {}
    for meta_graph in read_saved_model(folder).meta_graphs:
        graph: Any = meta_graph.graph_def
        functions = (node for function in graph.library.function for node in function.node_def)
        for node in (*graph.node, *functions):
            found.setdefault(node.op, set()).update(node.attr)
    return found


def oldest_serving(folder: Path) -> str:
    """The oldest TensorFlow Serving, from 2.12 on, that has all operations of a SavedModel.

    Args:
        folder: The folder of `saved_model.pb`.

    Returns:
        A version like "2.12".
    """
    used = operations(folder)
    newer = [
        v for v, names in NEWER_OPERATIONS.items() if not used.keys().isdisjoint(names.split())
    ]
    for version, attributes in NEWER_ATTRIBUTES.items():
        if any(not used.get(n, set()).isdisjoint(a.split()) for n, a in attributes.items()):
            newer.append(version)
    return max([OLDEST, *newer], key=_number)


def _number(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))
