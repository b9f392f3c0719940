from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_s2s.layers.attention import masked_softmax
from keras_s2s.layers.bahdanau import BahdanauAttention
from keras_s2s.layers.luong import LuongAttention

UNITS, MEMORY = 4, 6
KINDS = {
    "dot": lambda: LuongAttention(UNITS, score="dot"),
    "scaled dot": lambda: LuongAttention(UNITS, score="dot", scaled=True),
    "general": lambda: LuongAttention(UNITS, score="general"),
    "scaled general": lambda: LuongAttention(UNITS, score="general", scaled=True),
    "concat": lambda: LuongAttention(5, score="concat"),
    "location": lambda: LuongAttention(UNITS, score="location", maximum_source_length=9),
    "short location": lambda: LuongAttention(UNITS, score="location", maximum_source_length=2),
    "local-m": lambda: LuongAttention(UNITS, local="monotonic", window=1),
    "local-p": lambda: LuongAttention(UNITS, local="predictive", window=2),
    "local-p concat": lambda: LuongAttention(5, score="concat", local="predictive", window=1),
    "local-m location": lambda: LuongAttention(
        UNITS, score="location", maximum_source_length=4, local="monotonic", window=1
    ),
    "bahdanau": lambda: BahdanauAttention(5),
    "normalized bahdanau": lambda: BahdanauAttention(5, normalized=True),
}
EVERY_KIND = pytest.mark.parametrize("kind", KINDS)
# A Gaussian takes something of every weight.
WHOLE = pytest.mark.parametrize("kind", [kind for kind in KINDS if "local-p" not in kind])
MASK = np.array([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0], [1, 0, 0, 0, 0]], bool)


def make(kind: str, dtype: str = "float32") -> tuple[Any, np.ndarray, np.ndarray]:
    """A built attention, queries `[3, 2, U]` and a memory `[3, 5, M]`."""
    generator = np.random.default_rng(5)
    attention: Any = KINDS[kind]()
    attention.dtype_policy = dtype
    query = generator.normal(size=(3, 2, UNITS)).astype(dtype)
    size = UNITS if "dot" in kind else MEMORY
    memory = generator.normal(size=(3, 5, size)).astype(dtype)
    attention.build(query.shape, memory.shape)
    attention.set_weights([generator.normal(size=w.shape) for w in attention.weights])
    return attention, query, memory


@EVERY_KIND
def test_context_and_weights_are_the_equations_in_numpy(kind: str, reference: Any) -> None:
    attention, query, memory = make(kind)
    context, weights = attention(query, attention.project(memory), memory, MASK)
    for t in range(query.shape[1]):
        expected_context, expected = reference.attend(attention, query[:, t], memory, MASK, t)
        np.testing.assert_allclose(weights[:, t], expected, atol=1e-6)
        np.testing.assert_allclose(context[:, t], expected_context, atol=1e-5)


@EVERY_KIND
def test_one_query_gives_what_it_gives_among_all(kind: str) -> None:
    attention, query, memory = make(kind)
    keys = attention.project(memory)
    all_contexts, all_weights = attention(query, keys, memory, MASK)
    context, weights = attention(query[:, 1], keys, memory, MASK, np.ones((3, 1), "float32"))
    assert context.shape == (3, memory.shape[-1]) and weights.shape == (3, 5)
    np.testing.assert_allclose(context, all_contexts[:, 1], atol=1e-6)
    np.testing.assert_allclose(weights, all_weights[:, 1], atol=1e-6)


@WHOLE
def test_padding_gets_no_weight_and_a_single_token_gets_all(kind: str) -> None:
    attention, query, memory = make(kind)
    context, weights = attention(query, attention.project(memory), memory, MASK)
    assert (np.asarray(weights)[~np.broadcast_to(MASK[:, None], weights.shape)] == 0).all()
    assert np.asarray(weights)[2, :, 0].tolist() == [1, 1]
    np.testing.assert_array_equal(context[2], memory[2, [0, 0]])


@WHOLE
def test_a_source_of_one_token_is_read_whole(kind: str) -> None:
    attention, query, memory = make(kind)
    memory = memory[:, :1]
    context, weights = attention(query, attention.project(memory), memory, MASK[:, :1])
    assert (np.asarray(weights) == 1).all()
    np.testing.assert_array_equal(context, np.repeat(memory, 2, axis=1))


@EVERY_KIND
def test_without_a_mask_every_token_is_real(kind: str) -> None:
    attention, query, memory = make(kind)
    keys = attention.project(memory)
    without = attention(query, keys, memory)
    every = attention(query, keys, memory, np.ones_like(MASK))
    for a, b in zip(without, every, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


@EVERY_KIND
def test_a_fully_masked_row_gives_zeros_and_a_finite_gradient(kind: str) -> None:
    attention, query, memory = make(kind)
    memory = tf.constant(memory)
    with tf.GradientTape() as tape:
        tape.watch(memory)
        context, weights = attention(query, attention.project(memory), memory, np.zeros_like(MASK))
        loss = tf.reduce_sum(context) + tf.reduce_sum(weights)
    assert not np.asarray(context).any() and not np.asarray(weights).any()
    assert not np.asarray(tape.gradient(loss, memory)).any()


@EVERY_KIND
def test_its_config_makes_it_again(kind: str) -> None:
    attention, query, memory = make(kind)
    config = keras.saving.serialize_keras_object(attention)
    again: Any = keras.saving.deserialize_keras_object(config)
    again.set_weights(attention.get_weights())
    expected, _ = attention(query, attention.project(memory), memory, MASK)
    actual, _ = again(query, again.project(memory), memory, MASK)
    np.testing.assert_array_equal(actual, expected)


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_masked_softmax_keeps_its_dtype_and_gives_zeros_where_all_is_masked(dtype: str) -> None:
    scores = tf.constant([[1, 2, 3], [4, 5, 6]], dtype)
    weights = masked_softmax(scores, np.array([[False] * 3, [False, True, True]]))
    assert weights.dtype == dtype
    expected = [[0, 0, 0], [0, 1 / (1 + np.e), np.e / (1 + np.e)]]
    np.testing.assert_allclose(np.asarray(weights, "float32"), expected, atol=4e-3)


@pytest.mark.parametrize(
    ("dtype", "largest"), [("float32", 3e38), ("float16", 6e4), ("bfloat16", 3e38)]
)
def test_masked_softmax_survives_the_largest_scores(dtype: str, largest: float) -> None:
    scores = tf.constant([[largest, -largest, 0], [-largest, -largest, 0]], dtype)
    weights = masked_softmax(scores, np.array([[True, True, False]] * 2))
    assert np.asarray(weights, "float32").tolist() == [[1, 0, 0], [0.5, 0.5, 0]]


@settings(max_examples=50)
@given(
    scores=st.lists(st.floats(-50, 50, width=32), min_size=1, max_size=6),
    padding=st.lists(st.floats(-1e4, 1e4, width=32), min_size=1, max_size=6),
)
def test_masked_softmax_does_not_see_padding(scores: list[float], padding: list[float]) -> None:
    mask = np.array([True] * len(scores) + [False] * len(padding))
    alone = np.asarray(masked_softmax(np.array(scores, "float32")))
    padded = np.asarray(masked_softmax(np.array(scores + padding, "float32"), mask))
    np.testing.assert_allclose(padded[: len(scores)], alone, atol=1e-6)
    assert not padded[len(scores) :].any()
    assert abs(alone.sum() - 1) < 1e-5


@pytest.mark.parametrize("kind", ["local-m", "local-m location"])
def test_a_monotonic_window_goes_with_the_target_and_stays_at_the_last_token(kind: str) -> None:
    attention, query, memory = make(kind)
    queries = np.repeat(query[:, :1], 7, axis=1)
    _, weights = attention(queries, attention.project(memory), memory, MASK)
    read = [[np.flatnonzero(step).tolist() for step in row] for row in np.asarray(weights)]
    last = [[3, 4]] if kind == "local-m" else [[3]]
    middle = [[2, 3, 4]] if kind == "local-m" else [[2, 3]]
    assert read[0] == [[0, 1], [0, 1, 2], [1, 2, 3], *middle, *last * 3]
    assert read[1] == [[0, 1], [0, 1, 2], *[[1, 2]] * 5]
    assert read[2] == [[0]] * 7


def test_a_predictive_window_follows_the_query_between_the_ends() -> None:
    attention, query, memory = make("local-p")
    attention.position_kernel.assign(np.eye(UNITS))
    attention.position_vector.assign([100, 0, 0, 0])
    ends = np.zeros((3, 2, UNITS), "float32")
    ends[:, 0, 0], ends[:, 1, 0] = -1, 1  # p is 0, and p is the number of tokens.
    _, weights = attention(ends, attention.project(memory), memory, MASK)
    read = [[np.flatnonzero(step).tolist() for step in row] for row in np.asarray(weights)]
    assert read == [[[0, 1, 2], [3, 4]], [[0, 1, 2], [1, 2]], [[0], [0]]]
    # Row 2 has one token, at distance 0 from p = 0 and 1 from p = 1; the deviation is 1.
    np.testing.assert_allclose(np.asarray(weights)[2, :, 0], [1, np.exp(-0.5)], rtol=1e-5)


def test_a_monotonic_window_needs_to_know_which_query_it_is() -> None:
    attention, query, memory = make("local-m")
    with pytest.raises(ValueError, match=r"Received: position=None"):
        attention(query[:, 0], attention.project(memory), memory, MASK)


def test_location_never_reads_behind_the_places_it_knows() -> None:
    attention, query, memory = make("short location")
    _, weights = attention(query, attention.project(memory), memory, MASK)
    assert not np.asarray(weights)[..., 2:].any()
    np.testing.assert_allclose(np.asarray(weights).sum(-1), 1, rtol=1e-6)


@EVERY_KIND
def test_gradients_are_those_of_finite_differences(kind: str) -> None:
    attention, query, memory = make(kind, "float64")
    sources = [tf.constant(query), tf.constant(memory), *(w.value for w in attention.weights)]

    def loss(*values: Any) -> Any:
        with keras.StatelessScope(list(zip(attention.weights, values[2:], strict=True))):
            found = attention(values[0], attention.project(values[1]), values[1], MASK)
        return sum(tf.reduce_sum(tf.sin(part)) for part in found)

    with tf.GradientTape() as tape:
        tape.watch(sources)
        value = loss(*sources)
    exact = tape.gradient(value, sources, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    step, generator = 1e-4, np.random.default_rng(1)
    for place, (source, gradient) in enumerate(zip(sources, exact, strict=True)):
        direction = generator.normal(size=source.shape)
        around = [
            loss(*sources[:place], source + sign * step * direction, *sources[place + 1 :])
            for sign in (1, -1)
        ]
        slope = float(around[0] - around[1]) / (2 * step)
        # A softmax computes in float32, so a difference of two losses has an error of its own.
        assert slope == pytest.approx(float(tf.reduce_sum(gradient * direction)), abs=5e-3)


def test_scaled_divides_by_the_root_of_the_units() -> None:
    memory = np.full((1, 1, 4), 3.0, "float32")
    assert np.all(LuongAttention(4, "dot").project(memory) == 3)
    assert np.all(LuongAttention(4, "dot", scaled=True).project(memory) == 1.5)


@pytest.mark.parametrize(
    ("make_attention", "message"),
    [
        (lambda: BahdanauAttention(0), "Received: units=0"),
        (lambda: LuongAttention(-1), "Received: units=-1"),
        (lambda: LuongAttention(4, score="cosine"), "Received: score='cosine'"),
        (lambda: LuongAttention(4, score="concat", scaled=True), 'Received: score="concat"'),
        (lambda: LuongAttention(4, score="location"), "maximum_source_length=None"),
        (lambda: LuongAttention(4, maximum_source_length=9), "maximum_source_length=9"),
        (
            lambda: LuongAttention(4, score="location", maximum_source_length=0),
            "maximum_source_length=0",
        ),
        (lambda: LuongAttention(4, local="global"), "Received: local='global'"),
        (lambda: LuongAttention(4, local="monotonic", window=0), "Received: window=0"),
        (lambda: LuongAttention(4, score="dot").build((2, 4), (2, 3, 5)), "Received: .* size 5"),
        (
            lambda: LuongAttention(4, score="general").build((2, 7), (2, 3, 5)),
            "Received: .* size 7",
        ),
    ],
)
def test_a_bad_argument_is_refused_with_what_was_received(
    make_attention: Any, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        make_attention()
