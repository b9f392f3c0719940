from functools import cache
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from keras_s2s.layers.encoder import Encoder

from ..budget import examples

SOURCE = np.array([[5, 6, 7, 8, 3], [9, 4, 3, 0, 0], [3, 0, 0, 0, 0]])
CELLS = pytest.mark.parametrize("cell", ["lstm", "layer_norm_lstm", "gru", "rnn"])
DIRECTIONS: list[dict[str, bool]] = [
    {"bidirectional": True},
    {"bidirectional": False},
    {"bidirectional": False, "reverse_source": True},
    {"bidirectional": False, "alternating": True},
    {"bidirectional": False, "alternating": True, "reverse_source": True},
]


def make(**options: Any) -> Encoder:
    """An encoder whose biases are not zero either."""
    keras.utils.set_random_seed(2)
    options = {"embedding_dimension": 5, "num_layers": 2, "residual": True, **options}
    encoder = Encoder(vocabulary_size=11, units=6, **options)
    encoder.build(SOURCE.shape)
    generator = np.random.default_rng(2)
    encoder.set_weights([generator.normal(scale=0.5, size=w.shape) for w in encoder.weights])
    return encoder


def close(actual: Any, expected: Any, tolerance: float = 1e-5) -> None:
    for a, b in zip(tf.nest.flatten(actual), tf.nest.flatten(expected), strict=True):
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=0, atol=tolerance)


def in_numpy(encoder: Encoder, source: np.ndarray, reference: Any) -> tuple[Any, list[tuple]]:
    """The memory and the state by the equations on the class."""
    directions = 2 if encoder.bidirectional else 1
    mask = source.T != 0
    x = reference.array(encoder.embedding.embeddings)[source.T]
    states = []
    for layer in range(encoder.num_layers):
        runs = []
        for backward, cell in enumerate(encoder.cells[layer * directions :][:directions]):
            start = tuple(np.zeros((len(source), cell.units)) for _ in cell.state_names)
            turned = encoder.alternating and layer % 2 == 1
            reverse = bool(backward) or encoder.reverse_source ^ turned
            runs.append(reference.run(cell, x, start, mask, reverse=reverse))
        outputs = np.concatenate([run[0] for run in runs], -1)
        states.append(
            tuple(np.concatenate(parts, -1) for parts in zip(*(r[1] for r in runs), strict=True))
        )
        x = outputs + x if encoder.residual and layer else outputs
    return x.transpose(1, 0, 2), states


@CELLS
@pytest.mark.parametrize("directions", DIRECTIONS, ids=str)
@pytest.mark.parametrize("residual", [True, False])
def test_memory_and_state_are_the_equations_in_numpy(
    cell: str, directions: dict[str, bool], residual: bool, reference: Any
) -> None:
    encoder = make(cell=cell, residual=residual, **directions)
    memory, memory_mask, state = encoder(SOURCE)
    expected, expected_state = in_numpy(encoder, SOURCE, reference)
    close(memory, expected)
    close(state, expected_state)
    assert np.asarray(memory_mask).tolist() == (SOURCE != 0).tolist()


@CELLS
@pytest.mark.parametrize("bidirectional", [True, False])
def test_shapes_are_those_of_the_docstring(cell: str, bidirectional: bool) -> None:
    encoder = make(cell=cell, bidirectional=bidirectional, num_layers=3)
    memory, memory_mask, state = encoder(SOURCE)
    assert memory.shape == (3, 5, 6)
    assert memory_mask.shape == (3, 5) and memory_mask.dtype == "bool"
    assert [[tuple(part.shape) for part in layer] for layer in state] == [
        [(3, 6)] * (2 if "lstm" in cell else 1)
    ] * 3


@cache
def compiled(cell: str) -> Any:
    specification = [tf.TensorSpec([None, None], "int32")]
    return tf.function(make(cell=cell), input_signature=specification)


sentences = st.lists(st.lists(st.integers(1, 10), min_size=1, max_size=5), min_size=2, max_size=4)


@examples(12)
@given(
    rows=sentences,
    padding=st.integers(0, 4),
    cell=st.sampled_from(["lstm", "layer_norm_lstm", "rnn", "gru"]),
)
def test_neither_padding_nor_the_other_rows_change_a_row(
    rows: list[list[int]], padding: int, cell: str
) -> None:
    encoder = compiled(cell)
    source = np.zeros((len(rows), max(map(len, rows)) + padding), "int32")
    for row, tokens in enumerate(rows):
        source[row, : len(tokens)] = tokens
    memory, _, state = encoder(source)
    alone, _, alone_state = encoder(np.array(rows[:1], "int32"))
    close(memory[:1, : len(rows[0])], alone)
    close([part[:1] for layer in state for part in layer], alone_state)


@pytest.mark.parametrize("alternating", [False, True])
def test_a_reversed_source_is_a_source_read_by_the_same_encoder_in_reverse(
    alternating: bool,
) -> None:
    """With the end mark in front, whatever the padding behind."""
    plain, turned = (
        make(bidirectional=False, alternating=alternating, reverse_source=reverse)
        for reverse in (False, True)
    )
    memory, _, state = turned(SOURCE)
    for row, length in enumerate((SOURCE != 0).sum(1)):
        alone = SOURCE[row : row + 1, :length]
        expected, _, expected_state = plain(alone[:, ::-1])
        close(memory[row : row + 1, :length], expected[:, ::-1])
        close(
            [part[row : row + 1] for part in tf.nest.flatten(state)],
            tf.nest.flatten(expected_state),
        )


def test_eight_layers_with_residual_connections_pass_a_gradient_to_the_first() -> None:
    keras.utils.set_random_seed(3)
    encoder = Encoder(11, 64, num_layers=8, residual=True, alternating=True, bidirectional=False)
    with tf.GradientTape() as tape:
        memory, _, state = encoder(SOURCE, training=True)
        loss = tf.reduce_sum(memory**2)
    first = tape.gradient(loss, encoder.cells[0].kernel.value)
    assert len(state) == 8 and float(tf.norm(first)) > 0.1


def test_word_dropout_hides_tokens_in_training_and_nothing_else() -> None:
    encoder = make(word_dropout=0.5, residual=False, num_layers=1)
    source = np.array([[5, 6, 7, 8, 3, 0]] * 200)
    memory = np.asarray(encoder(source)[0])
    close(encoder(source)[0], np.repeat(memory[:1], 200, 0), 1e-6)
    hidden = np.asarray(encoder(np.where(source > 3, 1, source))[0])[0]
    noisy, mask, _ = encoder(source, training=True)
    kinds = {row.tobytes() for row in np.asarray(noisy).round(4)}
    assert len(kinds) == 16  # All ways to hide some of four tokens, the end mark never.
    assert np.abs(np.asarray(noisy) - hidden).max((1, 2)).min() < 1e-5  # All hidden are unknown.
    assert np.asarray(mask).tolist() == (source != 0).tolist()


@CELLS
def test_a_row_of_padding_alone_gives_zeros(cell: str) -> None:
    memory, memory_mask, state = make(cell=cell)(np.zeros((2, 3), int))
    assert not np.asarray(memory_mask).any()
    assert not any(np.asarray(value).any() for value in [memory, *tf.nest.flatten(state)])


@CELLS
def test_the_fast_gradient_is_that_of_automatic_differentiation(cell: str) -> None:
    encoder = make(cell=cell)
    weights = [weight.value for weight in encoder.trainable_variables]
    gradients = []
    for training in (True, False):
        with tf.GradientTape() as tape:
            memory, memory_mask, state = encoder(SOURCE, training=training)
            loss = tf.reduce_sum(tf.sin(memory) * tf.cast(memory_mask, "float32")[..., None])
            loss += sum(tf.reduce_sum(tf.cos(part)) for part in tf.nest.flatten(state))
        gradients.append([tf.convert_to_tensor(g) for g in tape.gradient(loss, weights)])
    close(*gradients)
    assert not np.asarray(gradients[0][0])[0].any()  # The embedding of padding learns nothing.


def test_dropout_zeroes_memory_or_scales_it_up_and_only_in_training() -> None:
    encoder = make(dropout=0.4, num_layers=1)
    embeddings, *others = encoder.get_weights()
    encoder.set_weights([0 * embeddings, *others])  # What is dropped there makes no difference.
    source = np.full((40, 8), 5)
    memory, _, _ = encoder(source)
    close(encoder(source)[0], memory, 0)
    ratio = np.asarray(encoder(source, training=True)[0]) / np.asarray(memory)
    kept = ratio > 0.5
    np.testing.assert_allclose(ratio[kept], 1 / 0.6, rtol=1e-4)
    assert not ratio[~kept].any()
    assert kept.mean() == pytest.approx(0.6, abs=0.04)
    assert kept.reshape(-1, 6).std(0).min() > 0.4  # No element is always kept or always dropped.


def test_dropout_acts_on_embeddings_and_between_layers() -> None:
    encoder = make(dropout=0.5, residual=False)
    full = np.stack([np.asarray(part) for part in encoder(SOURCE)[2][1]])
    noisy = np.stack([np.asarray(part) for part in encoder(SOURCE, training=True)[2][1]])
    first, second = encoder(SOURCE, training=True)[2], encoder(SOURCE, training=True)[2]
    assert np.abs(noisy - full).max() > 0.01  # The state of layer 2 saw its noisy inputs,
    assert np.abs(np.asarray(first[0][0]) - np.asarray(second[0][0])).max() > 0.01  # as did 1.


def test_its_config_makes_it_again() -> None:
    encoder = make(cell="gru", bidirectional=False, dropout=0.2, name="reader")
    config = keras.saving.serialize_keras_object(encoder)
    again: Any = keras.saving.deserialize_keras_object(config)
    if not again.built:
        again.build(SOURCE.shape)
    again.set_weights(encoder.get_weights())
    close(again(SOURCE), encoder(SOURCE), 0)
    assert (again.name, again.dropout) == ("reader", 0.2)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_half_precision_stays_near_full_precision(policy: str) -> None:
    memory, _, state = make(dtype=policy)(SOURCE, training=True)
    assert memory.dtype == state[0][0].dtype == policy.removeprefix("mixed_")
    close(tf.cast(memory, "float32"), make()(SOURCE)[0], 0.05)


@pytest.mark.parametrize("jit_compile", [False, True], ids=["graph", "xla"])
def test_compiled_numbers_are_the_eager_ones_with_unknown_batch_and_length(
    jit_compile: bool,
) -> None:
    encoder = make()
    compiled = tf.function(
        lambda source: encoder(source, training=True),
        input_signature=[tf.TensorSpec([None, None], "int32")],
        jit_compile=jit_compile,
    )
    close(compiled(SOURCE), encoder(SOURCE))


@CELLS
def test_written_out_it_gives_the_same_and_holds_no_loop(cell: str) -> None:
    encoder = make(cell=cell)
    shape = [None, SOURCE.shape[1]]
    written_out = tf.function(
        lambda source: encoder(source, unroll=True), input_signature=[tf.TensorSpec(shape, "int32")]
    )
    close(written_out(SOURCE), encoder(SOURCE))
    kinds = {o.type for o in written_out.get_concrete_function().graph.get_operations()}
    assert not kinds & {"While", "StatelessWhile", "TensorListReserve"}


def test_written_out_it_needs_a_known_length() -> None:
    encoder = make()
    with pytest.raises(ValueError, match=r"`unroll` needs inputs of known length"):
        tf.function(
            lambda source: encoder(source, unroll=True),
            input_signature=[tf.TensorSpec([None, None], "int32")],
        ).get_concrete_function()


@pytest.mark.parametrize(
    ("options", "received"),
    [
        ({"vocabulary_size": 3}, "vocabulary_size=3"),
        ({"num_layers": 0}, "num_layers=0"),
        ({"units": 0}, "units=0"),
        ({"units": 5}, "units=5"),
        ({"cell": "elman"}, "cell='elman'"),
        ({"alternating": True}, "alternating=True"),
        ({"reverse_source": True}, "reverse_source=True"),
        ({"word_dropout": 1.0}, "word_dropout=1.0"),
        ({"dropout": 1.0}, "dropout=1.0"),
        ({"dropout": -0.1}, "dropout=-0.1"),
        ({"embedding_dimension": 0}, "embedding_dimension=0"),
    ],
)
def test_a_bad_argument_is_refused_with_what_was_received(
    options: dict[str, Any], received: str
) -> None:
    with pytest.raises(ValueError, match=f"Received: .*{received}"):
        Encoder(**{"vocabulary_size": 9, "units": 4, **options})


@pytest.mark.parametrize("shape", [(2, 5), (2, 5, 3), (5,)])
def test_floats_are_no_token_ids(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"reads token ids, integers .* Received: float32 \("):
        Encoder(9, 4)(np.ones(shape, "float32"))
