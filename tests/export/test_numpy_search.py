"""The search in NumPy finds what the search in the graph finds."""

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from keras import ops

from keras_s2s import Beam, Constraints
from keras_s2s import beam_search as beam_search_in_graph
from keras_s2s.export.numpy_search import beam_search
from keras_s2s.special_ids import START_ID

from ..budget import examples

VOCABULARY_SIZE, SIZE, SOURCE_LENGTH = 8, 4, 3


class Model:
    """A small recurrent model, once in NumPy and once in Keras."""

    def __init__(self, seed: int) -> None:
        random = np.random.default_rng(seed)
        self.embedding = random.normal(size=(VOCABULARY_SIZE, SIZE)).astype("float32")
        self.recurrent = random.normal(size=(SIZE, SIZE)).astype("float32")
        self.output = 1.5 * random.normal(size=(SIZE, VOCABULARY_SIZE)).astype("float32")
        self.attention = random.normal(size=(SIZE, SOURCE_LENGTH)).astype("float32")
        self.state = random.normal(size=SIZE).astype("float32")

    def in_numpy(self, tokens: np.ndarray, states: np.ndarray) -> tuple:
        hidden = np.tanh(self.embedding[tokens] + states @ self.recurrent)
        scores = np.exp(hidden @ self.attention)
        return hidden @ self.output, hidden, scores / scores.sum(-1, keepdims=True)

    def in_keras(self, tokens: Any, states: Any) -> tuple:
        embedded = ops.take(ops.array(self.embedding), tokens, axis=0)
        hidden = ops.tanh(embedded + ops.matmul(states, self.recurrent))
        weights = ops.softmax(ops.matmul(hidden, self.attention))
        return ops.matmul(hidden, self.output), hidden, weights


def sequences() -> Any:
    body = st.lists(st.integers(4, 7), min_size=1, max_size=3)
    return st.tuples(st.sampled_from([[], [START_ID]]), body).map(lambda both: both[0] + both[1])


CONSTRAINTS = st.builds(
    Constraints,
    minimum_length=st.integers(0, 6),
    no_repeat_ngram_size=st.integers(0, 3),
    repetition_penalty=st.sampled_from([1.0, 1.5]),
    forbidden=st.lists(sequences(), max_size=4),
    boundaries=st.lists(st.integers(4, 7), max_size=2),
)


@examples(30, derandomize=True)
@given(
    seed=st.integers(0, 9999),
    beam_size=st.integers(1, 4),
    limit=st.integers(1, 9),
    length_penalty=st.sampled_from([0.0, 0.6, 1.5]),
    coverage_penalty=st.sampled_from([0.0, 0.3]),
    data=st.data(),
)
def test_it_finds_what_the_search_in_the_graph_finds(
    seed: int,
    beam_size: int,
    limit: int,
    length_penalty: float,
    coverage_penalty: float,
    data: Any,
) -> None:
    model = Model(seed)
    prefix = data.draw(st.just([]) | st.lists(st.sampled_from([1, 4, 7]), max_size=limit - 1))
    constraints = data.draw(st.just(Constraints()) | CONSTRAINTS)
    search = Beam(beam_size, length_penalty, coverage_penalty, constraints)
    n_best = data.draw(st.integers(1, beam_size))
    found = beam_search(model.in_numpy, model.state, limit, search, n_best=n_best, prefix=prefix)
    expected = beam_search_in_graph(
        model.in_keras,
        ops.array(model.state[None]),
        1,
        search,
        n_best=n_best,
        maximum_length=limit,
        prefix_ids=[prefix],
        source_mask=np.ones((1, SOURCE_LENGTH), bool),
        return_weights=True,
    )
    lengths = [length for length in np.asarray(expected.lengths)[0] if length]
    ids = [
        row[:length].tolist()
        for row, length in zip(np.asarray(expected.ids)[0], lengths, strict=False)
    ]
    assert [one.ids for one in found] == ids
    assert expected.weights is not None
    for i, one in enumerate(found):
        np.testing.assert_allclose(one.score, expected.scores[0, i], rtol=1e-4, atol=1e-5)
        total = expected.log_probabilities[0, i]
        np.testing.assert_allclose(one.log_probability, total, rtol=1e-4, atol=1e-5)
        weights = np.asarray(expected.weights)[0, i, : lengths[i]]
        assert one.attention is not None
        np.testing.assert_allclose(one.attention, weights, rtol=1e-4, atol=1e-5)


def test_of_equally_likely_tokens_the_first_wins_and_marks_never_do() -> None:
    def step(tokens: np.ndarray, states: np.ndarray) -> tuple:
        return np.zeros((len(tokens), 6), "float32"), states, None

    (found,) = beam_search(step, np.zeros(1, "float32"), 3, Beam(1))
    assert found.ids == [1, 1, 1]
    assert found.attention is None
