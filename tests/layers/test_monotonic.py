"""Monotonic attention, recomputed in NumPy cell by cell; its expectation and its hard steps."""

from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

from keras_s2s import (
    BahdanauMonotonicAttention,
    Beam,
    CharacterTokenizer,
    Decoder,
    Encoder,
    LuongMonotonicAttention,
    MaskedCrossentropy,
    Seq2Seq,
    Translator,
)
from keras_s2s.layers.monotonic import BEYOND, expected_alignment

MASK = np.array([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0], [1, 0, 0, 0, 0]], bool)
KINDS = {
    "additive": lambda: BahdanauMonotonicAttention(6),
    "plain": lambda: BahdanauMonotonicAttention(6, normalized=False, score_bias_init=0.5),
    "dot": lambda: LuongMonotonicAttention(6, score="dot", scaled=True),
    "general": lambda: LuongMonotonicAttention(6),
    "concat": lambda: LuongMonotonicAttention(6, score="concat"),
}
every_kind = pytest.mark.parametrize("kind", KINDS)


def expectation(stops: np.ndarray) -> np.ndarray:
    """Section 2.3 of the paper, one cell after the other."""
    batch, queries, places = stops.shape
    weights = np.zeros(stops.shape)
    for b in range(batch):
        before = np.eye(places)[0]  # The query before the first has read the first position.
        for t in range(queries):
            reach = 0.0
            for s in range(places):
                skipped = 1 - stops[b, t, s - 1] if s else 0.0
                reach = skipped * reach + before[s]
                weights[b, t, s] = stops[b, t, s] * reach
            before = weights[b, t]
    return weights


def parts(kind: str, seed: int = 1) -> tuple[Any, np.ndarray, np.ndarray]:
    """An attention with weights of every sign, queries `[3, 4, 6]` and a memory `[3, 5, 6]`."""
    keras.utils.set_random_seed(seed)
    attention, draw = KINDS[kind](), np.random.default_rng(seed)
    attention.build((3, 4, 6), (3, 5, 6))
    queries = draw.normal(size=(3, 4, 6)).astype("float32")
    memory = draw.normal(size=(3, 5, 6)).astype("float32")
    return attention, queries, memory


def energies(attention: Any, queries: np.ndarray, memory: np.ndarray) -> np.ndarray:
    """`[B, T, S]`, from the layer's own weights."""
    array = np.asarray
    keys = memory
    if attention.memory_kernel is not None:
        keys = memory @ array(attention.memory_kernel)
    if getattr(attention, "score", "concat") == "concat":
        sums = (queries @ array(attention.query_kernel))[:, :, None] + keys[:, None]
        vector = array(attention.vector)
        if getattr(attention, "normalized", False):
            sums = sums + array(attention.bias)
            vector = array(attention.length) * vector / np.sqrt((vector**2).sum())
        scores = np.tanh(sums) @ vector
    else:
        scores = np.einsum("btu,bsu->bts", queries, keys)
        scores = scores / 6**0.5 if attention.scaled else scores
    return scores + array(attention.score_bias)


@every_kind
def test_all_queries_read_what_they_are_expected_to(kind: str) -> None:
    attention, queries, memory = parts(kind)
    stops = 1 / (1 + np.exp(-energies(attention, queries, memory))) * MASK[:, None]
    expected = expectation(stops)
    context, weights = attention(queries, attention.project(memory), memory, MASK)
    np.testing.assert_allclose(weights, expected, atol=1e-5)
    np.testing.assert_allclose(context, expected @ memory, atol=1e-5)


@every_kind
def test_a_query_reads_the_first_position_with_a_positive_energy(kind: str) -> None:
    attention, queries, memory = parts(kind)
    attention.score_bias.assign(0.1)
    found, keys = energies(attention, queries, memory), attention.project(memory)
    position, at = np.zeros((3, 1), "float32"), [0, 0, 0]
    for t in range(4):
        context, weights = attention(queries[:, t], keys, memory, MASK, position=position)
        position = attention.next_position(position, weights)
        expected = np.zeros((3, 5))
        for b in range(3):
            while at[b] < 5 and not (found[b, t, at[b]] > 0 and MASK[b, at[b]]):
                at[b] += 1
            if at[b] < 5:
                expected[b, at[b]] = 1.0
        np.testing.assert_array_equal(weights, expected)
        np.testing.assert_allclose(context, np.einsum("bs,bsm->bm", expected, memory), rtol=1e-6)
        wanted = [[one if one < 5 else BEYOND] for one in at]
        np.testing.assert_array_equal(position, np.array(wanted, "float32"))


@every_kind
def test_expectation_and_hard_steps_agree_where_energies_are_far_from_0(kind: str) -> None:
    attention, queries, memory = parts(kind)
    keys, position, hard = attention.project(memory), np.zeros((3, 1), "float32"), []
    small, large = attention.energies, np.quantile(energies(attention, queries, memory), 0.8)
    attention.energies = lambda *given: 1e4 * (small(*given) - large)
    _, soft = attention(queries, keys, memory, MASK)
    for t in range(4):
        _, weights = attention(queries[:, t], keys, memory, MASK, position=position)
        position = attention.next_position(position, weights)
        hard.append(weights)
    np.testing.assert_allclose(soft, np.stack(hard, axis=1), atol=1e-5)
    assert 0 < np.sum(soft) < 12  # Some queries read a position, and some none.


def test_the_expectation_is_exact_where_probabilities_are_0_and_1() -> None:
    draw = np.random.default_rng(3)
    stops = draw.choice([0.0, 1.0, 1e-9, 1 - 1e-6, 0.5], size=(20, 7, 9)).astype("float32")
    for training in (False, True):
        found = expected_alignment(ops.convert_to_tensor(stops), training=training)
        np.testing.assert_allclose(found, expectation(stops), atol=1e-6)


def test_the_gradient_is_that_of_the_definition() -> None:
    tf = pytest.importorskip("tensorflow")
    draw = np.random.default_rng(4)
    stops, upstream = draw.uniform(0.1, 0.9, (2, 3, 4)), draw.normal(size=(2, 3, 4))
    with tf.GradientTape() as tape:
        given = tf.convert_to_tensor(stops.astype("float32"))
        tape.watch(given)
        found = tf.reduce_sum(expected_alignment(given, training=True) * upstream)
    expected = np.zeros(stops.shape)
    for place in np.ndindex(*stops.shape):
        moved = np.zeros(stops.shape)
        moved[place] = 1e-5
        difference = expectation(stops + moved) - expectation(stops - moved)
        expected[place] = (difference * upstream).sum() / 2e-5
    np.testing.assert_allclose(tape.gradient(found, given), expected, rtol=1e-3, atol=1e-4)


def test_noise_is_there_in_training_alone() -> None:
    attention, queries, memory = parts("general")
    weights = attention.step_weights(attention.project(memory), memory, MASK)
    still, noisy, again = (
        np.asarray(attention.attend_all(queries, weights, training=training)[1])
        for training in (False, True, True)
    )
    np.testing.assert_array_equal(still, attention.attend_all(queries, weights)[1])
    assert np.abs(still - noisy).max() > 0.01 and np.abs(noisy - again).max() > 0.01
    numbers = np.asarray(attention._noise((2000, 5, 4))).ravel()
    assert abs(numbers.mean()) < 0.02 and abs(numbers.std() - 1) < 0.02


def test_what_cannot_be_is_told() -> None:
    with pytest.raises(ValueError, match="score that reads the memory.*'location'"):
        LuongMonotonicAttention(4, score="location")
    with pytest.raises(ValueError, match="`sigmoid_noise` must be at least 0 and finite"):
        BahdanauMonotonicAttention(4, sigmoid_noise=-1.0)
    with pytest.raises(ValueError, match="input_feeding=True with LuongMonotonicAttention"):
        Decoder(9, 4, attention=LuongMonotonicAttention(4), input_feeding=True)


@pytest.fixture(scope="module")
def translator() -> Translator:
    """A model that copies its source, which a monotonic attention is made for."""
    keras.utils.set_random_seed(1)
    tokenizer = CharacterTokenizer.train(["abcdef"])
    size = tokenizer.vocabulary_size
    decoder: Any = Decoder(size, 32, attention=BahdanauMonotonicAttention(32))
    model = Seq2Seq(Encoder(size, 32), decoder)
    model.compile(keras.optimizers.Adam(2e-2), loss=MaskedCrossentropy())
    draw = np.random.default_rng(1)
    source = draw.integers(4, size, (256, 5))
    end, start = np.full((256, 1), 3), np.full((256, 1), 2)
    given = np.hstack([source, end]), np.hstack([start, source])
    model.fit(given, np.hstack([source, end]), batch_size=64, epochs=30, verbose=0)
    return Translator(model, tokenizer, tokenizer, search=Beam(3))


@pytest.mark.slow  # Trains until it has learnt: 16 s.
def test_a_model_learns_by_the_expectation_and_decodes_by_hard_steps(
    translator: Translator,
) -> None:
    texts = ["abcde", "fedcb", "aabbc", "cafed"]
    found = [row[0] for row in translator.stream(texts, attention=True)]
    assert [one.text for one in found] == texts
    for one in found:
        assert one.weights is not None
        assert set(np.unique(one.weights)) <= {0.0, 1.0}
        places = [row.argmax() for row in one.weights if row.any()]
        assert len(places) > 2 and places == sorted(places)


@pytest.mark.slow  # Trains until it has learnt: 16 s.
def test_it_is_saved_and_loaded(translator: Translator, tmp_path: Any) -> None:
    translator.save(tmp_path / "model")
    loaded = Translator.load(tmp_path / "model")
    assert loaded.translate(["fade", "bc"]) == translator.translate(["fade", "bc"])
    attention = loaded.model.decoder.attention
    assert isinstance(attention, BahdanauMonotonicAttention) and attention.sigmoid_noise == 1.0
