"""The loop that drops rows: it finds what the loop that keeps them finds, and it does drop them."""

from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from keras import ops

from keras_s2s.search.beam import beam_search
from keras_s2s.search.greedy import greedy_search
from keras_s2s.search.inputs import SearchResult
from keras_s2s.search.rows import repeat_rows
from keras_s2s.search.sample import sample_search
from keras_s2s.search.sample_strategy import Sample
from keras_s2s.search.strategies import Beam

from ..budget import examples

VOCABULARY_SIZE, UNITS, SOURCE_LENGTH = 9, 4, 3
RANDOM = np.random.default_rng(1)
EMBEDDING = RANDOM.normal(size=(VOCABULARY_SIZE, UNITS)).astype("float32")
RECURRENT = RANDOM.normal(size=(UNITS, UNITS)).astype("float32")
OUTPUT = RANDOM.normal(size=(UNITS, VOCABULARY_SIZE)).astype("float32") * 1.5
SEARCHES = ["greedy", "sample", "beam"]


def step(token: Any, state: Any, memory: Any, mask: Any) -> Any:
    hidden = ops.tanh(ops.take(EMBEDDING, token, axis=0) + ops.matmul(state[0], RECURRENT))
    scores = ops.where(mask, ops.squeeze(ops.matmul(memory, hidden[..., None]), -1), -1e9)
    weights = ops.softmax(scores)
    context = ops.squeeze(ops.matmul(weights[:, None], memory), 1)
    return ops.matmul(hidden + context, OUTPUT), (hidden,), weights


def find(
    search: str, hidden: Any, memory: Any, mask: Any, limits: Any, row_ids: Any, drops: bool = True
) -> SearchResult:
    """A search with constants, or with the same in the step's closure."""
    width = 3 if search == "beam" else 1
    common: dict[str, Any] = {
        "maximum_length": limits,
        "source_mask": mask,
        "return_weights": True,
        "constants": (memory, mask) if drops else None,
    }
    closed = repeat_rows((memory, mask), width)
    start = (
        step if drops else lambda token, state: step(token, state, *closed),
        (hidden,),
        ops.shape(hidden)[0],
    )
    if search == "greedy":
        return greedy_search(*start, **common)
    if search == "sample":
        return sample_search(*start, Sample(seed=1), row_ids=row_ids, **common)
    return beam_search(*start, Beam(width, coverage_penalty=0.2), n_best=2, **common)


SIGNATURE = [
    tf.TensorSpec((None, UNITS), tf.float32),
    tf.TensorSpec((None, None, UNITS), tf.float32),
    tf.TensorSpec((None, None), tf.bool),
    tf.TensorSpec((None,), tf.int32),
    tf.TensorSpec((None,), tf.int32),
]
IN_GRAPH = {
    (search, drops): tf.function(
        lambda *batch, search=search, drops=drops: find(search, *batch, drops=drops),
        input_signature=SIGNATURE,
    )
    for search in SEARCHES
    for drops in (True, False)
}


def batch_of(seed: int, limits: list[int]) -> tuple:
    random = np.random.default_rng(seed)
    size = len(limits)
    return (
        random.normal(size=(size, UNITS)).astype("float32"),
        random.normal(size=(size, SOURCE_LENGTH, UNITS)).astype("float32"),
        np.arange(SOURCE_LENGTH) < random.integers(1, SOURCE_LENGTH + 1, size=(size, 1)),
        np.array(limits, "int32"),
        random.integers(0, 1000, size).astype("int32"),
    )


@pytest.mark.parametrize("search", SEARCHES)
@examples(8, derandomize=True)
@given(seed=st.integers(0, 999), limits=st.lists(st.integers(0, 20), min_size=1, max_size=9))
def test_dropping_rows_that_have_ended_changes_no_result(
    search: str, seed: int, limits: list[int]
) -> None:
    batch = batch_of(seed, limits)
    dropped, kept = IN_GRAPH[search, True](*batch), IN_GRAPH[search, False](*batch)
    np.testing.assert_array_equal(dropped.ids, kept.ids)
    np.testing.assert_array_equal(dropped.lengths, kept.lengths)
    for ours, theirs in zip(dropped, kept, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("search", SEARCHES)
def test_a_known_batch_size_keeps_one_loop_and_finds_the_same(search: str) -> None:
    batch: Any = batch_of(3, [9, 0, 4, 12, 12])
    constant: Any = [tf.constant(part) for part in batch]
    known = tf.function(lambda: find(search, *constant))
    kinds = [o.type for o in known.get_concrete_function().graph.get_operations()]
    assert sum(kind in ("While", "StatelessWhile") for kind in kinds) == 1
    for ours, theirs in zip(known(), IN_GRAPH[search, True](*batch), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("search", ["greedy", "beam"])
def test_the_step_computes_fewer_rows_as_sentences_end(search: str) -> None:
    """Row i may write i tokens, and no row ends before: the rows of all steps are counted."""
    rows: list[int] = []

    def counted(token: Any, state: Any, offset: Any) -> Any:
        def count(size: Any) -> Any:
            rows.append(int(size))
            return np.float32(0)

        zero = tf.numpy_function(count, [tf.shape(token)[0]], tf.float32)
        logits = tf.one_hot(tf.fill(tf.shape(token), 5), 9) * 9.0 + zero + offset[:, None] * 0.0
        return tf.ensure_shape(logits, (None, 9)), state, None

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.int32)])
    def run(limits: Any) -> SearchResult:
        size = tf.shape(limits)[0]
        common: dict[str, Any] = {
            "maximum_length": limits,
            "constants": (ops.cast(limits, "float32"),),
        }
        if search == "greedy":
            return greedy_search(counted, (), size, forbidden_ids=(3 + 1,), **common)
        return beam_search(counted, (), size, Beam(2), **common)

    result = run(np.arange(1, 33, dtype="int32"))
    assert np.asarray(result.lengths)[:, 0].tolist() == list(range(1, 33))
    width = 1 if search == "greedy" else 2
    live = width * sum(range(1, 33))
    assert len(rows) == 32
    assert rows == sorted(rows, reverse=True)
    assert live <= sum(rows) <= live * 4 / 3 + width * 32  # Without dropping: nearly twice as many.
