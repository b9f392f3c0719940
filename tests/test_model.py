import importlib.util
import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

import keras_s2s
from keras_s2s.layers.bahdanau import BahdanauAttention
from keras_s2s.layers.decoder import Decoder
from keras_s2s.layers.encoder import Encoder
from keras_s2s.layers.luong import LuongAttention
from keras_s2s.layers.scheduled_sampling import ScheduledSampling
from keras_s2s.model import Seq2Seq
from keras_s2s.training.losses import MaskedCrossentropy
from keras_s2s.training.metrics import TokenAccuracy

from .budget import examples

SOURCES, TARGETS = 12, 13
KINDS: dict[str, dict[str, Any]] = {
    "luong": {"attention": lambda **o: LuongAttention(8, **o)},
    "input feeding": {
        "attention": lambda **o: LuongAttention(8, score="concat", **o),
        "input_feeding": True,
        "num_layers": 2,
        "residual": True,
    },
    "bahdanau": {"attention": lambda **o: BahdanauAttention(6, **o), "cell": "gru"},
    "tied": {"attention": lambda **o: LuongAttention(8, "dot", **o), "tie_embeddings": True},
    "shared": {
        "attention": lambda **o: BahdanauAttention(6, normalized=True, **o),
        "tie_embeddings": True,
        "share_embeddings": True,
        "cell": "rnn",
    },
    "local": {
        "attention": lambda **o: LuongAttention(8, local="monotonic", window=2, **o),
        "input_feeding": True,
        "cell": "layer_norm_lstm",
    },
    "location": {
        "attention": lambda **o: LuongAttention(
            8, "location", local="predictive", window=2, maximum_source_length=9, **o
        ),
    },
    "sampled": {
        "attention": lambda **o: LuongAttention(8, **o),
        "scheduled_sampling": lambda: ScheduledSampling("linear", k=0.0),  # Nothing is given.
    },
    "plain": {"attention": lambda **o: None, "bridge": "copy"},
}
EVERY_KIND = pytest.mark.parametrize("kind", KINDS)


def make_model(kind: str = "luong", dtype: Any = None, dropout: float = 0.0) -> Seq2Seq:
    keras.utils.set_random_seed(4)
    options = {"dtype": dtype, "dropout": dropout, **KINDS[kind]}
    options["attention"] = options["attention"](dtype=dtype)
    if "scheduled_sampling" in options:
        options["scheduled_sampling"] = options["scheduled_sampling"]()
    layers = {key: options[key] for key in ("cell", "num_layers") if key in options}
    shares = options.pop("share_embeddings", False)
    sources = TARGETS if shares else SOURCES
    return Seq2Seq(
        Encoder(sources, 8, embedding_dimension=6, dtype=dtype, dropout=dropout, **layers),
        Decoder(TARGETS, 8, embedding_dimension=6, **options),
        share_embeddings=shares,
    )


def make_batch(lengths: Any, padding: int = 0, seed: int = 0) -> tuple[tuple[Any, Any], Any]:
    """A batch `((source, target_in), target_out)` of sentences of these lengths, end mark aside."""
    generator = np.random.default_rng(seed)
    source_length, target_length = np.max(lengths, axis=0) + 1 + padding
    source = np.zeros((len(lengths), source_length), "int32")
    target_in, target_out = np.zeros((2, len(lengths), target_length), "int32")
    for row, (s, t) in enumerate(lengths):
        target = generator.integers(4, TARGETS, t)
        source[row, : s + 1] = *generator.integers(4, SOURCES, s), 3
        target_in[row, : t + 1] = 2, *target
        target_out[row, : t + 1] = *target, 3
    return (source, target_in), target_out


BATCH = make_batch([(4, 3), (1, 2), (3, 5), (0, 0)])


@EVERY_KIND
def test_a_saved_model_comes_back_with_the_same_numbers(kind: str, tmp_path: Path) -> None:
    model = make_model(kind, dropout=0.1)
    model.save(tmp_path / "model.keras")
    again: Any = keras.models.load_model(tmp_path / "model.keras")
    assert isinstance(again, Seq2Seq)
    np.testing.assert_array_equal(again(BATCH[0]), model(BATCH[0]))
    assert json.dumps(again.get_config()) == json.dumps(model.get_config())


@pytest.mark.slow  # Trains three times; by checkpoints it is in training/test_resume.py.
def test_a_saved_training_goes_on_where_it_stopped(tmp_path: Path) -> None:
    model = make_model()
    model.compile("adam", MaskedCrossentropy(0.1), metrics=[TokenAccuracy()], jit_compile=False)
    model.train_on_batch(*BATCH)
    model.save(tmp_path / "model.keras")
    again: Any = keras.models.load_model(tmp_path / "model.keras")
    for _ in range(2):
        assert again.train_on_batch(*BATCH) == pytest.approx(model.train_on_batch(*BATCH), abs=1e-6)
    np.testing.assert_allclose(again(BATCH[0]), model(BATCH[0]), atol=1e-6)


@EVERY_KIND
def test_its_config_is_plain_and_makes_it_again(kind: str) -> None:
    model = make_model(kind, dropout=0.1)
    again = Seq2Seq.from_config(json.loads(json.dumps(model.get_config())))
    again.set_weights(model.get_weights())
    np.testing.assert_array_equal(again(BATCH[0]), model(BATCH[0]))


FRESH = """
import sys, numpy as np
import keras_s2s.model
import keras
data = np.load(sys.argv[1] + "/data.npz")
inputs = data["source"], data["target_in"]
model = keras.models.load_model(sys.argv[1] + "/model.keras", compile=False)
assert np.array_equal(model(inputs), data["logits"])

import keras_s2s.training.losses, keras_s2s.training.metrics
model = keras.models.load_model(sys.argv[1] + "/model.keras")
loss, accuracy = model.evaluate(inputs, data["target_out"], verbose=0)
assert abs(loss - np.log(13)) < 0.1 and 0 <= accuracy < 0.5
"""


def run_script(script: str, folder: Path, **environment: str) -> None:
    root = str(Path(keras_s2s.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", script, str(folder)],
        env={**os.environ, "PYTHONPATH": root, "TF_CPP_MIN_LOG_LEVEL": "3", **environment},
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]


def save_with_data(model: Seq2Seq, folder: Path) -> None:
    (source, target_in), target_out = BATCH
    model.save(folder / "model.keras")
    arrays = {"source": source, "target_in": target_in, "target_out": target_out}
    np.savez(folder / "data.npz", logits=np.asarray(model(BATCH[0])), **arrays)


@pytest.mark.slow  # Another process with TensorFlow: 12 s.
def test_a_fresh_process_that_imports_the_model_alone_gives_the_same_numbers(
    tmp_path: Path,
) -> None:
    model = make_model("input feeding")
    model.compile("adam", MaskedCrossentropy(), metrics=[TokenAccuracy()], jit_compile=False)
    save_with_data(model, tmp_path)
    run_script(FRESH, tmp_path)


JAX = """
import sys, numpy as np
import keras
from keras import ops
from keras_s2s.model import Seq2Seq
from keras_s2s.training.losses import MaskedCrossentropy
from keras_s2s.training.metrics import Perplexity, TokenAccuracy

assert keras.backend.backend() == "jax"
folder = sys.argv[1]
data = np.load(folder + "/data.npz")
source, target_in, target_out = data["source"], data["target_in"], data["target_out"]
model = keras.models.load_model(folder + "/model.keras")
np.testing.assert_allclose(model((source, target_in)), data["logits"], atol=1e-5)

decoder = model.decoder
memory, mask, encoder_state = model.encoder(source)
state, keys = decoder.initial_state(encoder_state, memory), decoder.attention.project(memory)
for t, token in enumerate(target_in.T):
    logits, state, weights = decoder.step(token, state, keys, memory, mask)
    np.testing.assert_allclose(logits, data["logits"][:, t], atol=1e-5)

model.compile(
    keras.optimizers.SGD(0.5), MaskedCrossentropy(0.1), metrics=[TokenAccuracy(), Perplexity()]
)
history = model.fit((source, target_in), target_out, epochs=1, batch_size=4, verbose=0)
np.save(folder + "/loss.npy", history.history["loss"][0])
np.save(folder + "/after.npy", np.asarray(model((source, target_in))))
model.save_weights(folder + "/after.weights.h5")
"""


@pytest.mark.slow  # Another process with both backends each; layers are compared in theirs.
@pytest.mark.parametrize(
    "kind", ["luong", "input feeding", "local", "location", "shared", "sampled"]
)
def test_jax_gives_the_logits_the_loss_and_the_training_step_of_tensorflow(
    kind: str, tmp_path: Path
) -> None:
    if importlib.util.find_spec("jax") is None:
        pytest.skip("jax is not installed: pip install jax")
    model = make_model(kind)
    save_with_data(model, tmp_path)
    run_script(JAX, tmp_path, KERAS_BACKEND="jax", JAX_PLATFORMS="cpu")
    model.compile(keras.optimizers.SGD(0.5), MaskedCrossentropy(0.1), jit_compile=False)
    loss = model.train_on_batch(*BATCH)
    assert float(np.load(tmp_path / "loss.npy")) == pytest.approx(float(loss), abs=1e-5)
    after = np.load(tmp_path / "after.npy")
    np.testing.assert_allclose(model(BATCH[0]), after, atol=1e-4)
    model.load_weights(tmp_path / "after.weights.h5")
    np.testing.assert_allclose(model(BATCH[0]), after, atol=1e-5)


@EVERY_KIND
def test_the_initial_loss_is_that_of_a_guess(kind: str) -> None:
    model = make_model(kind)
    loss = MaskedCrossentropy()(BATCH[1], model(BATCH[0]))
    assert float(loss) == pytest.approx(np.log(TARGETS), rel=0.05)


@cache
def loss_function(kind: str) -> Any:
    """Logits, loss and its gradient, for batches of any size."""
    model = make_model(kind)
    loss_of = MaskedCrossentropy(0.1)
    weights = [w.value for w in model.trainable_variables]
    spec = tf.TensorSpec([None, None], "int32")

    def run(source: Any, target_in: Any, target_out: Any) -> Any:
        with tf.GradientTape() as tape:
            logits = model((source, target_in), training=True)
            loss = loss_of(target_out, logits)
        return logits, loss, [tf.convert_to_tensor(g) for g in tape.gradient(loss, weights)]

    return tf.function(run, input_signature=[spec] * 3)


@examples(6)
@given(
    lengths=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=4),
    padding=st.integers(0, 3),
    seed=st.integers(0, 99),
    kind=st.sampled_from(["luong", "input feeding"]),
)
def test_a_batch_is_no_more_than_its_sentences_one_by_one(
    lengths: list[tuple[int, int]], padding: int, seed: int, kind: str
) -> None:
    run = loss_function(kind)
    (source, target_in), target_out = make_batch(lengths, padding, seed)
    logits, loss, gradients = run(source, target_in, target_out)
    tokens = [t + 1 for _, t in lengths]
    total, sums = 0.0, [np.zeros(g.shape) for g in gradients]
    for row, (s, t) in enumerate(lengths):
        one = slice(row, row + 1)
        alone, alone_loss, alone_gradients = run(
            source[one, : s + 1], target_in[one, : t + 1], target_out[one, : t + 1]
        )
        np.testing.assert_allclose(logits[one, : t + 1], alone, rtol=0, atol=1e-5)
        share = tokens[row] / sum(tokens)
        total += share * float(alone_loss)
        sums = [a + share * np.asarray(b) for a, b in zip(sums, alone_gradients, strict=True)]
    assert float(loss) == pytest.approx(total, abs=1e-5)
    for actual, expected in zip(gradients, sums, strict=True):
        np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-5)


@pytest.mark.slow  # Trains for 8 s each; the layers step in half precision in their own tests.
@pytest.mark.parametrize(
    ("kind", "policy"), [("bahdanau", "mixed_bfloat16"), ("luong", "mixed_float16")]
)
def test_it_trains_in_half_precision_set_for_all_layers(kind: str, policy: str) -> None:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        model = make_model(kind, dropout=0.1)
        losses = train(model)
    finally:
        keras.config.set_dtype_policy(before)
    assert model(BATCH[0]).dtype == policy.removeprefix("mixed_")
    assert all(w.dtype == "float32" for w in model.trainable_variables)
    assert np.isfinite(losses).all()
    assert np.mean(losses[-3:]) < losses[0] - 0.2


def train(model: Seq2Seq) -> list[float]:
    model.compile(keras.optimizers.Adam(0.01), MaskedCrossentropy(0.1), jit_compile=False)
    return [float(model.train_on_batch(*BATCH)) for _ in range(15)]


@pytest.mark.slow  # Trains twice in float16: 8 s.
def test_float16_given_to_the_layers_trains_like_float16_set_for_all() -> None:
    model = make_model("plain", dtype="mixed_float16")
    losses = train(model)
    assert np.isfinite(losses).all()
    assert losses[-1] < losses[0] - 0.2
    # Small gradients are 0 in float16 unless the loss is scaled up.
    assert isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)


def test_with_dtype_copies_the_model_into_another_precision() -> None:
    model = make_model("bahdanau")
    pure = model.with_dtype("bfloat16")
    assert keras.backend.standardize_dtype(pure(BATCH[0]).dtype) == "bfloat16"
    copy = model.with_dtype("mixed_bfloat16")
    assert copy(BATCH[0]).dtype == "bfloat16"
    np.testing.assert_allclose(tf.cast(copy(BATCH[0]), "float32"), model(BATCH[0]), atol=0.05)
    logits = np.asarray(model(BATCH[0]))
    np.testing.assert_array_equal(copy.with_dtype("float32")(BATCH[0]), logits)
    copy.set_weights([0 * weight for weight in copy.get_weights()])
    np.testing.assert_array_equal(model(BATCH[0]), logits)


def test_dropout_acts_in_training_alone() -> None:
    model = make_model("input feeding", dropout=0.5)
    logits = np.asarray(model(BATCH[0]))
    np.testing.assert_array_equal(model(BATCH[0], training=False), logits)
    noisy = [np.asarray(model(BATCH[0], training=True)) for _ in range(2)]
    assert np.abs(noisy[0] - logits).max() > 0.01 and np.abs(noisy[0] - noisy[1]).max() > 0.01


def test_the_summary_names_both_parts_and_counts_the_weights() -> None:
    model = make_model()
    lines: list[str] = []
    model.summary(print_fn=lines.append, line_length=120)
    text = "\n".join(lines)
    for word in ("seq2seq", "source", "target_in", "Encoder", "Decoder"):
        assert word in text
    assert f"{model.count_params():,}" in text


@pytest.mark.parametrize("name", ["encoder", "decoder"])
def test_a_part_of_the_wrong_kind_is_refused(name: str) -> None:
    parts = {"encoder": Encoder(9, 4), "decoder": Decoder(9, 4), name: "a part"}
    with pytest.raises(TypeError, match=f"`{name}` must be .* Received: {name}="):
        Seq2Seq(**parts)


def digits_to_reverse(sentences: int, seed: int) -> tuple[tuple[Any, Any], Any]:
    """Three to six digits (ids 4 to 13), and the same backwards."""
    generator = np.random.default_rng(seed)
    source, target_in, target_out = np.zeros((3, sentences, 7), "int32")
    for row in range(sentences):
        digits = generator.integers(4, 14, generator.integers(3, 7))
        source[row, : len(digits) + 1] = *digits, 3
        target_in[row, : len(digits) + 1] = 2, *digits[::-1]
        target_out[row, : len(digits) + 1] = *digits[::-1], 3
    return (source, target_in), target_out


def greedy(model: Seq2Seq, source: Any, length: int) -> Any:
    memory, memory_mask, encoder_state = model.encoder(source)
    keys = model.decoder.attention.project(memory)
    state = model.decoder.initial_state(encoder_state, memory)
    token, tokens = tf.fill([len(source)], 2), []
    for _ in range(length):
        logits, state, _ = model.decoder.step(token, state, keys, memory, memory_mask)
        token = tf.argmax(logits, -1, "int32")
        tokens.append(token)
    return np.stack(tokens, axis=1)


@pytest.mark.slow  # XLA compiles the whole step, and 500 of them.
def test_a_tiny_model_learns_to_reverse_digits_under_xla() -> None:
    keras.utils.set_random_seed(0)
    steps = 500
    model = Seq2Seq(
        Encoder(14, 32, embedding_dimension=16),
        Decoder(14, 32, embedding_dimension=16, attention=LuongAttention(32)),
    )
    model.compile(
        keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.01, steps)),
        loss=MaskedCrossentropy(),
        metrics=[TokenAccuracy()],
        jit_compile=True,
    )
    history = model.fit(*digits_to_reverse(64 * steps, seed=1), batch_size=64, verbose=0)
    (source, _), expected = digits_to_reverse(500, seed=2)
    answer = np.where(expected != 0, greedy(model, source, 7), 0)
    assert (answer == expected).all(-1).mean() >= 0.99
    assert history.history["token_accuracy"][0] > 0.8


def test_a_shared_and_tied_embedding_is_one_matrix_in_three_places(tmp_path: Path) -> None:
    model = make_model("shared")
    shapes = [tuple(weight.shape) for weight in model.weights]
    assert shapes.count((TARGETS, 6)) == 1 and (6, TARGETS) not in shapes
    assert len(shapes) == len(model.get_weights())
    before = np.asarray(model(BATCH[0]))
    (embedding,) = (weight for weight in model.weights if tuple(weight.shape) == (TARGETS, 6))
    assert embedding is model.encoder.embedding.embeddings is model.decoder.embedding.embeddings
    embedding.assign(2 * embedding)
    assert np.abs(np.asarray(model(BATCH[0])) - before).max() > 1e-3
    model.save(tmp_path / "model.keras")
    again: Any = keras.models.load_model(tmp_path / "model.keras")
    assert again.encoder.embedding is again.decoder.embedding
    copy = model.with_dtype("float32")
    np.testing.assert_array_equal(copy(BATCH[0]), model(BATCH[0]))


@pytest.mark.parametrize(
    ("vocabulary_size", "dimension"), [(TARGETS, 5), (TARGETS + 1, 6)], ids=["size", "vocabulary"]
)
def test_embeddings_of_different_shapes_are_not_shared(
    vocabulary_size: int, dimension: int
) -> None:
    encoder = Encoder(TARGETS, 8, embedding_dimension=6)
    decoder = Decoder(vocabulary_size, 8, embedding_dimension=dimension)
    with pytest.raises(ValueError, match=rf"and \({vocabulary_size}, {dimension}\)"):
        Seq2Seq(encoder, decoder, share_embeddings=True)


def test_a_decoder_of_another_model_does_not_change_its_embedding() -> None:
    model = make_model("tied")
    with pytest.raises(ValueError, match="built=True"):
        Seq2Seq(Encoder(TARGETS, 8, embedding_dimension=6), model.decoder, share_embeddings=True)


@pytest.mark.slow  # Trains for 20 s; its steps are in layers/test_scheduled_sampling.py.
def test_scheduled_sampling_trains_with_fit_and_counts_its_steps(tmp_path: Path) -> None:
    keras.utils.set_random_seed(4)
    sampling = ScheduledSampling("inverse_sigmoid", k=2.0, sampled=True)
    model = Seq2Seq(
        Encoder(SOURCES, 8, word_dropout=0.1),
        Decoder(TARGETS, 8, attention=LuongAttention(8), scheduled_sampling=sampling),
    )
    model.compile("adam", MaskedCrossentropy(0.1), jit_compile=False)
    batches = tf.data.Dataset.from_tensors(BATCH).repeat(5)
    model.fit(batches, validation_data=batches, verbose=0, shuffle=False)
    assert int(sampling.step_count) == 5
    model.save(tmp_path / "model.keras")
    again: Any = keras.models.load_model(tmp_path / "model.keras")
    again.fit(batches, verbose=0, shuffle=False)
    assert int(again.decoder.scheduled_sampling.step_count) == 10
