"""A server is too old for a SavedModel with an operation, or an attribute, that came after it."""

from pathlib import Path

import pytest

from keras_s2s.export.saved_model.serving_operations import oldest_serving, operations


def write(folder: Path, *nodes: tuple[str, str], inside: tuple[str, str] | None = None) -> None:
    """A SavedModel of operations with an attribute each, one of them inside a function."""
    from tensorflow.core.protobuf import saved_model_pb2

    model = saved_model_pb2.SavedModel()
    graph = model.meta_graphs.add().graph_def
    for operation, attribute in nodes:
        graph.node.add(name=operation, op=operation).attr[attribute].b = True
    if inside is not None:
        function = graph.library.function.add()
        function.node_def.add(name="inside", op=inside[0]).attr[inside[1]].b = True
    (folder / "saved_model.pb").write_bytes(model.SerializeToString())


@pytest.mark.parametrize(
    ("nodes", "version"),
    [
        ([("MatMul", "T"), ("TopKV2", "T"), ("VarHandleOp", "debug_name")], "2.12"),
        ([("RaggedFillEmptyRows", "T")], "2.13"),
        ([("TopKV2", "index_type")], "2.13"),
        ([("MatMul", "grad_a"), ("TopKV2", "index_type")], "2.16"),
        ([("TensorScatterUpdate", "bad_indices_policy"), ("Conv", "T")], "2.18"),
        ([("TFText>RoundRobinTrim", "T"), ("GatherNd", "bad_indices_policy")], "2.20"),
        ([("TensorListGetItem", "Tshape"), ("DecodeWebP", "T")], "2.21"),
    ],
    ids=str,
)
def test_the_oldest_server_has_every_operation_and_attribute(
    nodes: list[tuple[str, str]], version: str, tmp_path: Path
) -> None:
    write(tmp_path, *nodes)
    assert oldest_serving(tmp_path) == version
    write(tmp_path, ("MatMul", "T"), *nodes[:-1], inside=nodes[-1])
    assert oldest_serving(tmp_path) == version


def test_operations_of_graph_and_functions_come_with_all_their_attributes(tmp_path: Path) -> None:
    write(tmp_path, ("Add", "T"), ("Add", "other"), inside=("Mul", "T"))
    assert operations(tmp_path) == {"Add": {"T", "other"}, "Mul": {"T"}}
