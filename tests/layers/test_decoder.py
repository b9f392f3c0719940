import itertools
from functools import cache
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from keras_s2s.layers.bahdanau import BahdanauAttention
from keras_s2s.layers.decoder import Decoder
from keras_s2s.layers.decoder_state import DecoderState
from keras_s2s.layers.luong import LuongAttention
from keras_s2s.search.structure import flatten

from ..budget import examples

VOCABULARY, UNITS, EMBEDDING = 11, 4, 5
TARGET_IN = np.array([[2, 5, 6, 7], [2, 8, 0, 0], [2, 9, 4, 0]])
MASK = np.array([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0], [1, 0, 0, 0, 0]], bool)
ATTENTIONS = {
    "dot": lambda: LuongAttention(UNITS, score="dot"),
    "general": lambda: LuongAttention(UNITS, score="general", scaled=True),
    "concat": lambda: LuongAttention(6, score="concat"),
    "bahdanau": lambda: BahdanauAttention(6),
    "normalized": lambda: BahdanauAttention(6, normalized=True),
    "location": lambda: LuongAttention(UNITS, score="location", maximum_source_length=4),
    "local-m": lambda: LuongAttention(UNITS, local="monotonic", window=1),
    "local-p": lambda: LuongAttention(6, score="concat", local="predictive", window=2),
    "none": lambda: None,
}

Case = tuple[str, int, str, bool, bool, str, bool]


def all_cases() -> list[Case]:
    """Every combination of options that a decoder accepts."""
    flags = (False, True)
    bridges = ("dense", "copy", "zeros")
    options = itertools.product(
        ("lstm", "layer_norm_lstm", "gru", "rnn"),
        (1, 2, 3),
        ATTENTIONS,
        flags,
        flags,
        bridges,
        flags,
    )
    return [
        (cell, layers, attention, feeding, tied, bridge, residual)
        for cell, layers, attention, feeding, tied, bridge, residual in options
        if (attention != "none" or not (feeding or bridge == "zeros"))
        and not (residual and layers == 1)
    ]


def covering(cases: list[Case], options: int) -> list[Case]:
    """Fewer cases, in which all values of any so many options still meet."""
    meetings = {case: set(itertools.combinations(enumerate(case), options)) for case in cases}
    chosen = []
    missing = set().union(*meetings.values())
    while missing:
        chosen.append(max(cases, key=lambda case: len(meetings[case] & missing)))
        missing -= meetings[chosen[-1]]
    return chosen


def grid(options: int) -> Any:
    """All cases: those of a covering one by one; the others, which are slow, in groups."""

    def kind(case: Case) -> tuple[str, str]:
        return case[0], case[2]

    chosen = covering(all_cases(), options)
    others = sorted((case for case in all_cases() if case not in chosen), key=kind)
    cases = [pytest.param([case], id="-".join(map(str, case))) for case in chosen]
    cases += [
        pytest.param(list(group), id=f"other {'-'.join(names)}", marks=pytest.mark.slow)
        for names, group in itertools.groupby(others, kind)
    ]
    return pytest.mark.parametrize("cases", cases)


def make(
    cell: str = "lstm",
    num_layers: int = 1,
    attention: str = "general",
    input_feeding: bool = False,
    tie_embeddings: bool = False,
    bridge: str = "dense",
    residual: bool = False,
    **options: Any,
) -> tuple[Decoder, dict[str, Any]]:
    """A decoder with random weights, and what it reads of a source: 3 rows, 5 tokens."""
    generator = np.random.default_rng(7)

    def normal(*shape: int) -> Any:
        return tf.constant(generator.normal(scale=0.7, size=shape), "float32")

    state_size = UNITS if bridge == "copy" else 3
    state_layers = num_layers if bridge == "copy" else 2
    decoder = Decoder(
        VOCABULARY,
        UNITS,
        embedding_dimension=EMBEDDING,
        num_layers=num_layers,
        cell=cell,
        attention=ATTENTIONS[attention](),
        input_feeding=input_feeding,
        bridge=bridge,
        tie_embeddings=tie_embeddings,
        residual=residual,
        **options,
    )
    read = {
        "encoder_state": [
            tuple(normal(3, state_size) for _ in decoder.stack.cells[0].state_names)
            for _ in range(state_layers)
        ],
        "memory": normal(3, 5, UNITS if attention == "dot" else 6),
        "memory_mask": tf.constant(MASK),
    }
    decoder(TARGET_IN, **read)
    decoder.set_weights([generator.normal(scale=0.5, size=w.shape) for w in decoder.weights])
    return decoder, read


def run_steps(decoder: Decoder, target_in: Any, read: dict[str, Any]) -> tuple[Any, list[Any]]:
    """Logits `[B, T, V]` and weights by `step`, one token after the other."""
    memory = read["memory"]
    keys = decoder.attention.project(memory) if decoder.attention else None
    state = decoder.initial_state(read["encoder_state"], memory)
    logits, weights = [], []
    for token in target_in.T:
        step, state, looked = decoder.step(token, state, keys, memory, read["memory_mask"])
        logits.append(step)
        weights.append(looked)
    return np.stack(logits, axis=1), weights


def close(actual: Any, expected: Any, tolerance: float = 1e-5) -> None:
    for a, b in zip(tf.nest.flatten(actual), tf.nest.flatten(expected), strict=True):
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=0, atol=tolerance)


class NumpyDecoder:
    """The equations on the class, position by position."""

    def __init__(self, decoder: Decoder, read: dict[str, Any], reference: Any) -> None:
        self.decoder = decoder
        self.reference = reference
        self.memory = reference.array(read["memory"])
        self.mask = np.asarray(read["memory_mask"])
        self.encoder_state = [tuple(map(reference.array, s)) for s in read["encoder_state"]]

    def first_state(self) -> list[tuple]:
        decoder, states = self.decoder, []
        for layer in range(decoder.num_layers):
            source = self.encoder_state[min(layer, len(self.encoder_state) - 1)]
            if decoder.bridge.kind == "dense":
                joined = np.concatenate(source, -1)
                kernels = decoder.bridge.kernels[layer]
                array = self.reference.array
                source = tuple(np.tanh(joined @ array(w) + array(b)) for w, b in kernels)
            elif decoder.bridge.kind == "zeros":
                source = tuple(np.zeros((3, UNITS)) for _ in source)
            states.append(source)
        return states

    def attend(self, query: np.ndarray, position: int) -> np.ndarray:
        attention = self.decoder.attention
        return self.reference.attend(attention, query, self.memory, self.mask, position)[0]

    def __call__(self, target_in: np.ndarray) -> np.ndarray:
        decoder, array = self.decoder, self.reference.array
        embeddings = array(decoder.embedding.embeddings)
        before = isinstance(decoder.attention, BahdanauAttention)
        projection = embeddings.T if decoder.tie_embeddings else array(decoder.output_kernel)
        a = np.zeros((3, len(projection)))
        state, logits = self.first_state(), []
        for t, token in enumerate(target_in.T):
            context = self.attend(state[-1][0], t) if before else None
            fed = [embeddings[token], context if before else None]
            x = np.concatenate(
                [v for v in [*fed, a if decoder.input_feeding else None] if v is not None], -1
            )
            for layer, cell in enumerate(decoder.stack.cells):
                state[layer] = self.reference.advance(cell, x, state[layer])
                x = state[layer][0] + x if layer and decoder.residual else state[layer][0]
            if decoder.attention is None:
                a = (
                    x
                    if decoder.stack.readout_kernel is None
                    else np.tanh(x @ array(decoder.stack.readout_kernel))
                )
            else:
                context = context if before else self.attend(x, t)
                a = np.tanh(np.concatenate([context, x], -1) @ array(decoder.stack.readout_kernel))
            logits.append(a @ projection)
        return np.stack(logits, axis=1)


@grid(2)
def test_step_and_call_give_the_logits_of_the_equations_in_numpy(
    cases: list[Case], reference: Any
) -> None:
    for case in cases:
        decoder, read = make(*case)
        logits, weights = run_steps(decoder, TARGET_IN, read)
        close(decoder(TARGET_IN, **read), logits)
        close(logits, NumpyDecoder(decoder, read, reference)(TARGET_IN))
        for looked in weights:
            assert (looked is None) == (decoder.attention is None)
            if looked is not None:
                assert looked.shape == MASK.shape and not np.asarray(looked)[~MASK].any()
                if case[2] != "local-p":
                    close(tf.reduce_sum(looked, -1), np.ones(3))


@grid(1)
def test_the_fast_gradient_is_that_of_automatic_differentiation(cases: list[Case]) -> None:
    for case in cases:
        decoder, read = make(*case)
        sources = [w.value for w in decoder.trainable_variables]
        sources += [read["memory"], *tf.nest.flatten(read["encoder_state"])]
        results = []
        for training in (True, False):
            with tf.GradientTape() as tape:
                tape.watch(sources)
                loss = tf.reduce_sum(tf.sin(decoder(TARGET_IN, **read, training=training)))
            gradients: Any = tape.gradient(
                loss, sources, unconnected_gradients=tf.UnconnectedGradients.ZERO
            )
            results.append((loss, [tf.convert_to_tensor(g) for g in gradients]))
        close(results[0], results[1], 2e-5)


SOME = pytest.mark.parametrize(
    "options",
    [
        {"input_feeding": True, "num_layers": 2},
        {"attention": "bahdanau", "cell": "gru"},
        {"attention": "concat", "num_layers": 2, "residual": True},
        {"attention": "none"},
        {"attention": "local-m", "input_feeding": True, "cell": "layer_norm_lstm"},
        {"attention": "local-p"},
    ],
    ids=["input feeding", "bahdanau", "concat", "none", "local-m", "local-p"],
)


@cache
def compiled(attention: str, input_feeding: bool) -> Any:
    """Logits, and the gradient of those of row 0 up to `length`, by each weight."""
    decoder, read = make(attention=attention, input_feeding=input_feeding)
    weights = [w.value for w in decoder.trainable_variables]

    def run(target_in: Any, state: Any, memory: Any, mask: Any, length: Any) -> Any:
        with tf.GradientTape() as tape:
            logits = decoder(target_in, [state], memory, mask, training=True)
            loss = tf.reduce_sum(tf.sin(logits[0, :length]))
        return logits, [tf.convert_to_tensor(g) for g in tape.gradient(loss, weights)]

    def spec(*shape: int | None, dtype: str = "float32") -> Any:
        return tf.TensorSpec(shape, dtype)

    return tf.function(
        run,
        input_signature=[
            spec(None, None, dtype="int32"),
            (spec(None, 3), spec(None, 3)),
            spec(None, None, 6),
            spec(None, None, dtype="bool"),
            spec(dtype="int32"),
        ],
    )


@examples(12)
@given(
    lengths=st.lists(st.tuples(st.integers(1, 5), st.integers(1, 4)), min_size=1, max_size=4),
    padding=st.integers(0, 3),
    seed=st.integers(0, 99),
    kind=st.sampled_from([("general", True), ("bahdanau", False), ("concat", False)]),
)
def test_neither_padding_nor_the_other_rows_change_a_row(
    lengths: list[tuple[int, int]], padding: int, seed: int, kind: tuple[str, bool]
) -> None:
    generator = np.random.default_rng(seed)
    rows = len(lengths)
    source_length, target_length = np.array(lengths).max(0) + padding
    mask = np.arange(source_length) < np.array(lengths)[:, :1]
    memory = generator.normal(size=(rows, source_length, 6)).astype("float32")
    state = tuple(generator.normal(size=(2, rows, 3)).astype("float32"))
    target_in = generator.integers(1, VOCABULARY, (rows, target_length)).astype("int32")
    target_in *= np.arange(target_length) < np.array(lengths)[:, 1:]
    s, t = lengths[0]
    run = compiled(*kind)
    logits, gradients = run(target_in, state, memory, mask, t)
    alone, alone_gradients = run(
        target_in[:1, :t], tuple(part[:1] for part in state), memory[:1, :s], mask[:1, :s], t
    )
    close(logits[:1, :t], alone)
    close(gradients, alone_gradients)


@SOME
def test_a_row_without_any_source_token_gives_finite_numbers(options: dict[str, Any]) -> None:
    decoder, read = make(**options)
    read["memory_mask"] = tf.constant(MASK & np.array([[True], [False], [True]]))
    logits, weights = run_steps(decoder, TARGET_IN, read)
    close(decoder(TARGET_IN, **read), logits)
    assert np.isfinite(logits).all()
    assert not any(np.asarray(looked)[1].any() for looked in weights if looked is not None)


@SOME
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_half_precision_steps_as_it_calls_and_stays_near_full_precision(
    options: dict[str, Any], policy: str
) -> None:
    full, read = make(**options)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        decoder, _ = make(**options)
    finally:
        keras.config.set_dtype_policy(before)
    read["memory"] = tf.cast(read["memory"], decoder.compute_dtype)
    logits = decoder(TARGET_IN, **read, training=True)
    assert logits.dtype == decoder.compute_dtype
    close(tf.cast(logits, "float32"), run_steps(decoder, TARGET_IN, read)[0], 0.05)
    close(tf.cast(logits, "float32"), full(TARGET_IN, **read), 0.1)


@pytest.mark.parametrize(
    ("jit_compile", "training"), [(False, False), (True, True)], ids=["graph", "xla"]
)
@SOME
def test_compiled_logits_are_the_eager_ones_and_are_projected_outside_the_loop(
    options: dict[str, Any], jit_compile: bool, training: bool
) -> None:
    decoder, read = make(**options)
    call = tf.function(
        lambda target_in: decoder(target_in, **read, training=training),
        input_signature=[tf.TensorSpec([3, None], "int32")],
        jit_compile=jit_compile,
    )
    close(call(TARGET_IN.astype("int32")), decoder(TARGET_IN, **read))
    graph = call.get_concrete_function().graph.as_graph_def(add_shapes=True)
    loops = [f for f in graph.library.function if "while" in f.signature.name]
    assert loops
    shapes = [
        [dim.size for dim in shape.dim]
        for function in loops
        for node in function.node_def
        for shape in node.attr["_output_shapes"].list.shape
    ]
    assert shapes and not any(VOCABULARY in shape for shape in shapes)


def dropped_ratio(decoder: Decoder, read: dict[str, Any], rows: int) -> np.ndarray:
    """What dropout leaves of the logits of the first ids, element by element."""
    many = tf.nest.map_structure(lambda value: tf.repeat(value[:1], rows, axis=0), read)
    token = np.full((rows, 1), 5)
    noisy, plain = (decoder(token, **many, training=t)[:, 0, :UNITS] for t in (True, False))
    return np.asarray(noisy) / np.asarray(plain)


@pytest.mark.parametrize(
    ("attention", "input_feeding"),
    [("dot", False), ("dot", True), ("bahdanau", False), ("bahdanau", True), ("none", False)],
)
def test_dropout_zeroes_the_readout_or_scales_it_up_and_only_in_training(
    attention: str, input_feeding: bool
) -> None:
    decoder, read = make(attention=attention, input_feeding=input_feeding, dropout=0.4)
    decoder.embedding.set_weights([np.zeros((VOCABULARY, EMBEDDING))])
    decoder.output_kernel.assign(np.eye(UNITS, VOCABULARY))
    ratio = dropped_ratio(decoder, read, 500)
    kept = ratio > 0.5
    np.testing.assert_allclose(ratio[kept], 1 / 0.6, rtol=1e-4)
    assert not ratio[~kept].any()
    assert kept.mean() == pytest.approx(0.6, abs=0.05)
    close(decoder(TARGET_IN, **read), run_steps(decoder, TARGET_IN, read)[0])


@pytest.mark.parametrize("attention", ["none", "bahdanau"])
def test_dropout_between_layers_has_the_mean_of_no_dropout(attention: str) -> None:
    decoder, read = make(attention=attention, num_layers=2, residual=True, dropout=0.5)
    decoder.embedding.set_weights([np.zeros((VOCABULARY, EMBEDDING))])
    for part in decoder.stack.cells[1].weights:
        part.assign(np.zeros(part.shape))  # Layer 2 is left with what layer 1 hands over.
    state = read["encoder_state"]
    read["encoder_state"] = [state[0], tuple(map(tf.zeros_like, state[1]))]
    for kernel, bias in decoder.bridge.kernels[1]:
        kernel.assign(np.zeros(kernel.shape))
        bias.assign(np.zeros(bias.shape))
    decoder.output_kernel.assign(np.eye(UNITS, VOCABULARY))
    if decoder.stack.readout_kernel is not None:
        rows = decoder.stack.readout_kernel.shape[0]
        decoder.stack.readout_kernel.assign(1e-3 * np.eye(rows, UNITS, UNITS - rows))  # tanh(x) = x
    ratio = dropped_ratio(decoder, read, 1000)
    assert set(np.round(ratio, 2).ravel()) == {0, 4}  # Dropped twice, each with 1 / (1 - 0.5).
    assert ratio.mean() == pytest.approx(1, abs=0.15)


def test_dropout_draws_anew_at_every_position_and_row() -> None:
    decoder, read = make(input_feeding=True, dropout=0.5)
    token = np.full((3, 40), 5)
    first, second = (np.asarray(decoder(token, **read, training=True)) for _ in range(2))
    assert np.abs(first - second).max() > 0.1
    assert len({logits.tobytes() for logits in first.reshape(-1, VOCABULARY)}) > 100


def test_states_are_named_and_shaped_as_the_docstring_says() -> None:
    decoder, read = make(input_feeding=True, num_layers=2)
    state = decoder.initial_state(read["encoder_state"], read["memory"])
    assert isinstance(state, DecoderState)
    assert [[tuple(p.shape) for p in layer] for layer in state.layers] == [[(3, UNITS)] * 2] * 2
    assert state.attentional.shape == (3, UNITS)
    assert make()[0].initial_state(read["encoder_state"]).attentional is None


@SOME
def test_its_config_makes_it_again(options: dict[str, Any]) -> None:
    decoder, read = make(**options, dropout=0.1, name="writer")
    again: Any = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(decoder))
    again(TARGET_IN, **read)
    again.set_weights(decoder.get_weights())
    close(again(TARGET_IN, **read), decoder(TARGET_IN, **read), 0)
    assert again.get_config() == decoder.get_config()


@SOME
def test_weights_made_once_for_all_steps_give_the_same_step(options: dict[str, Any]) -> None:
    decoder, read = make(**options)
    memory, mask = read["memory"], read["memory_mask"]
    keys = decoder.attention.project(memory) if decoder.attention else None
    state = decoder.initial_state(read["encoder_state"])
    arguments = TARGET_IN[:, 0], state, keys, memory, mask
    once, again = decoder.step(*arguments, decoder.step_weights()), decoder.step(*arguments)
    close(flatten(once[:2]), flatten(again[:2]), 0)


@SOME
def test_a_step_without_a_mask_sees_every_token(options: dict[str, Any]) -> None:
    decoder, read = make(**options)
    every, _ = run_steps(decoder, TARGET_IN, {**read, "memory_mask": tf.ones_like(MASK)})
    close(run_steps(decoder, TARGET_IN, {**read, "memory_mask": None})[0], every)


@pytest.mark.parametrize(
    ("options", "received"),
    [
        ({"vocabulary_size": 3}, "vocabulary_size=3"),
        ({"units": 0}, "units=0"),
        ({"num_layers": 0}, "num_layers=0"),
        ({"cell": "elman"}, "cell='elman'"),
        ({"word_dropout": -1.0}, "word_dropout=-1.0"),
        ({"scheduled_sampling": "linear"}, "scheduled_sampling='linear'"),
        ({"bridge": "mean"}, "bridge='mean'"),
        ({"bridge": "zeros"}, "attention=None"),
        ({"input_feeding": True}, "attention=None, input_feeding=True"),
        ({"dropout": 1.5}, "dropout=1.5"),
        ({"embedding_dimension": 0}, "embedding_dimension=0"),
        ({"attention": "luong"}, "attention='luong'"),
    ],
)
def test_a_bad_argument_is_refused_with_what_was_received(
    options: dict[str, Any], received: str
) -> None:
    with pytest.raises((ValueError, TypeError), match=f"Received: .*{received}"):
        Decoder(**{"vocabulary_size": 9, "units": 4, **options})


def test_a_copy_bridge_refuses_an_encoder_state_of_other_sizes() -> None:
    _, read = make()
    decoder = Decoder(VOCABULARY, UNITS, bridge="copy", attention=BahdanauAttention(3))
    with pytest.raises(ValueError, match=r"state sizes \[\(4, 4\)\]"):
        decoder(TARGET_IN, **read)
