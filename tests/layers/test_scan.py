from typing import Any, NamedTuple

import numpy as np
import pytest
import tensorflow as tf

from keras_s2s.layers.dense import Dense
from keras_s2s.layers.scan import scan

BATCH, LENGTH, INPUTS, UNITS = 2, 5, 3, 4


def make_arguments(dtype: str = "float32") -> dict[str, Any]:
    """A carry of two parts, an input with its mask, constants, kernels of all three kinds."""
    generator = np.random.default_rng(0)

    def tensor(*shape: int) -> tf.Tensor:
        return tf.constant(generator.normal(scale=0.5, size=shape), dtype)

    mask = np.array([[1, 1], [1, 0], [1, 1], [0, 1], [1, 0]], bool)[..., None]
    return {
        "carry": (tensor(BATCH, UNITS), tensor(BATCH, UNITS)),
        "inputs": (tensor(LENGTH, BATCH, INPUTS), tf.constant(mask)),
        "constants": {"scale": tensor(BATCH, UNITS), "bound": tf.constant([3])},
        "kernels": {
            "plain": tensor(UNITS, UNITS),
            "biased": (tensor(INPUTS, UNITS), tensor(UNITS)),
            "of_rows": tensor(BATCH, UNITS, UNITS),
        },
    }


class Weights(NamedTuple):
    scale: Any
    bound: Any
    plain: Dense
    biased: Dense
    of_rows: Dense
    missing: Any = None
    unused: Dense | None = None


def step(carry: Any, x: Any, weights: Weights) -> tuple[Any, Any]:
    """A recurrence with a mask that reads one constant twice and returns two outputs."""
    hidden, total = carry
    value, real = x
    bound = tf.cast(weights.bound, value.dtype)
    new = tf.tanh(weights.plain(hidden) * weights.scale + weights.biased(value))
    new = new + 0.1 * weights.of_rows(tf.tanh(hidden))
    new = tf.where(real, new * bound + weights.scale, hidden)
    return (new, total + new * new), {"hidden": new, "rate": tf.sigmoid(total)}


def run(arguments: dict[str, Any], **options: Any) -> tuple[Any, Any]:
    """The scan of `step` over tensors by their names."""
    constants, kernels = arguments["constants"], arguments["kernels"]
    weights = Weights(
        constants["scale"],
        constants["bound"],
        Dense(kernels["plain"]),
        Dense(*kernels["biased"]),
        Dense(kernels["of_rows"]),
        unused=Dense(tf.ones((2, 3))),
    )
    return scan(step, arguments["carry"], arguments["inputs"], weights, **options)


def in_numpy(arguments: dict[str, Any], reverse: bool) -> tuple[Any, Any]:
    a = tf.nest.map_structure(np.asarray, arguments)
    (hidden, total), (values, mask) = a["carry"], a["inputs"]
    (biased, bias), scale = a["kernels"]["biased"], a["constants"]["scale"]
    outputs, rates = np.zeros((2, LENGTH, BATCH, UNITS))
    for t in reversed(range(LENGTH)) if reverse else range(LENGTH):
        new = np.tanh(hidden @ a["kernels"]["plain"] * scale + values[t] @ biased + bias)
        new = new + 0.1 * np.einsum("bi,bio->bo", np.tanh(hidden), a["kernels"]["of_rows"])
        hidden = np.where(mask[t], new * 3 + scale, hidden)
        outputs[t], rates[t] = hidden, 1 / (1 + np.exp(-total))
        total = total + hidden * hidden
    return (hidden, total), (outputs, rates)


def loss_and_gradients(arguments: dict[str, Any], **options: Any) -> tuple[Any, list[Any]]:
    """A loss that reads every output and the last carry, and its gradient by every float."""
    sources = [v for v in tf.nest.flatten(arguments) if v.dtype.is_floating]
    with tf.GradientTape() as tape:
        tape.watch(sources)
        last, outputs = run(arguments, **options)
        weights = tf.range(1, LENGTH + 1)[:, None, None]
        loss = tf.reduce_sum(tf.sin(last[0]) + last[1] ** 2)
        for value in tf.nest.flatten(outputs):
            loss += tf.reduce_sum(tf.cos(value) * tf.cast(weights, value.dtype))
    return loss, tape.gradient(loss, sources)


def assert_close(actual: Any, expected: Any, tolerance: float) -> None:
    for a, b in zip(tf.nest.flatten(actual), tf.nest.flatten(expected), strict=True):
        scale = max(1.0, float(np.abs(b).max()))
        np.testing.assert_allclose(np.asarray(a) / scale, np.asarray(b) / scale, 0, tolerance)


@pytest.mark.parametrize(
    "how", [{"training": False}, {"training": True}, {"unroll": True}], ids=str
)
@pytest.mark.parametrize("reverse", [False, True])
def test_values_are_those_of_a_plain_loop_and_outputs_keep_their_positions(
    reverse: bool, how: Any
) -> None:
    arguments = make_arguments()
    last, outputs = run(arguments, reverse=reverse, **how)
    expected_last, (hidden, rate) = in_numpy(arguments, reverse)
    assert_close(last, expected_last, 1e-5)
    assert_close(outputs["hidden"], hidden, 1e-5)
    assert_close(outputs["rate"], rate, 1e-5)


@pytest.mark.parametrize("reverse", [False, True])
def test_fast_gradient_is_that_of_automatic_differentiation(reverse: bool) -> None:
    arguments = make_arguments("float64")
    loss, fast = loss_and_gradients(arguments, reverse=reverse, training=True)
    plain_loss, plain = loss_and_gradients(arguments, reverse=reverse, training=False)
    assert float(loss) == pytest.approx(float(plain_loss), abs=1e-12)
    assert len(fast) == 8
    assert_close(fast, plain, 1e-12)


@pytest.mark.parametrize("reverse", [False, True])
def test_fast_gradient_is_the_finite_difference(reverse: bool) -> None:
    arguments = make_arguments("float64")
    _, gradients = loss_and_gradients(arguments, reverse=reverse, training=True)
    flat = tf.nest.flatten(arguments)
    floats = [i for i, value in enumerate(flat) if value.dtype.is_floating]
    generator = np.random.default_rng(1)
    for place, gradient in zip(floats, gradients, strict=True):
        direction = generator.normal(size=flat[place].shape) * 1e-5
        losses = []
        for sign in (1, -1):
            moved = [*flat[:place], flat[place] + sign * direction, *flat[place + 1 :]]
            moved_arguments = tf.nest.pack_sequence_as(arguments, moved)
            losses.append(float(loss_and_gradients(moved_arguments, reverse=reverse)[0]))
        expected = (losses[0] - losses[1]) / 2
        assert float(tf.reduce_sum(gradient * direction)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("read", ["last", "hidden"])
def test_gradient_is_right_when_the_loss_reads_only_a_part(read: str) -> None:
    arguments = make_arguments("float64")
    kernel = arguments["kernels"]["plain"]
    gradients = []
    for training in (True, False):
        with tf.GradientTape() as tape:
            tape.watch(kernel)
            last, outputs = run(arguments, training=training)
            loss = tf.reduce_sum(last[0] if read == "last" else outputs["hidden"][2])
        gradients.append(tape.gradient(loss, kernel))
    assert float(tf.reduce_max(tf.abs(gradients[0]))) > 0.01
    assert_close(gradients[0], gradients[1], 1e-12)


@pytest.mark.parametrize("jit_compile", [False, True], ids=["graph", "xla"])
def test_compiled_values_and_gradients_are_the_eager_ones_with_unknown_batch_and_time(
    jit_compile: bool,
) -> None:
    arguments = make_arguments()
    signature = tf.nest.map_structure(
        lambda value: tf.TensorSpec(value.shape, value.dtype), arguments
    )
    spec = tf.TensorSpec
    signature["carry"] = (spec([None, UNITS]), spec([None, UNITS]))
    signature["inputs"] = (spec([None, None, INPUTS]), spec([None, None, 1], "bool"))
    signature["constants"]["scale"] = spec([None, UNITS])
    signature["kernels"]["of_rows"] = spec([None, UNITS, UNITS])
    compiled = tf.function(
        lambda arguments: loss_and_gradients(arguments, reverse=True, training=True),
        input_signature=[signature],
        jit_compile=jit_compile,
    )
    loss, gradients = compiled(arguments)
    expected_loss, expected = loss_and_gradients(arguments, reverse=True, training=False)
    assert float(loss) == pytest.approx(float(expected_loss), rel=1e-5)
    assert_close(gradients, expected, 1e-5)


def test_one_tensor_given_as_two_constants_gets_both_gradients() -> None:
    value = tf.constant([[2.0]])

    def add(carry: Any, x: Any, weights: Any) -> tuple[Any, Any]:
        keys, memory, one = weights
        return one(carry) + x * keys * memory, ()

    with tf.GradientTape() as tape:
        tape.watch(value)
        last, _ = scan(
            add,
            tf.zeros((1, 1)),
            tf.ones((3, 1, 1)),
            (value, value, Dense(tf.ones((1, 1)))),
            training=True,
        )
    gradient: Any = tape.gradient(last, value)
    assert gradient.numpy() == 12  # d(3 v^2) / dv


def test_lower_precision_keeps_its_dtype_and_sums_the_gradient_of_a_constant_in_float32() -> None:
    scale = tf.constant([[1.0]], "bfloat16")

    def add(carry: Any, x: Any, weights: Any) -> tuple[Any, Any]:
        scale, one = weights
        return one(carry), x * scale

    length = 300  # Ones added up in bfloat16 stay at 256.
    with tf.GradientTape() as tape:
        tape.watch(scale)
        _, outputs = scan(
            add,
            tf.zeros((1, 1), "bfloat16"),
            tf.ones((length, 1, 1), "bfloat16"),
            (scale, Dense(tf.ones((1, 1), "bfloat16"))),
            training=True,
        )
        total = tf.reduce_sum(tf.cast(outputs, "float32"))
    gradient: Any = tape.gradient(total, scale)
    assert outputs.dtype == gradient.dtype == tf.bfloat16
    assert float(gradient[0, 0]) == length


def test_a_length_of_one_and_a_length_of_zero_work() -> None:
    arguments = make_arguments()
    for length in (1, 0):
        short = {**arguments, "inputs": tuple(v[:length] for v in arguments["inputs"])}
        last, outputs = run(short, training=True)
        assert outputs["hidden"].shape == (length, BATCH, UNITS)
    assert_close(last, arguments["carry"], 0)


def test_a_dense_that_no_position_calls_has_a_gradient_of_zeros() -> None:
    unused = tf.ones((2, 3))
    with tf.GradientTape() as tape:
        tape.watch(unused)
        last, _ = scan(
            lambda carry, x, weights: (carry + x, carry),
            tf.zeros((1, 1)),
            tf.ones((3, 1, 1)),
            Dense(unused),
            training=True,
        )
    gradient: Any = tape.gradient(last, unused)
    assert gradient.shape == (2, 3)
    assert not gradient.numpy().any()


def test_a_dense_that_a_position_calls_twice_is_refused() -> None:
    def twice(carry: Any, x: Any, weights: Any) -> tuple[Any, Any]:
        return weights(weights(carry)) + x, carry

    arguments = tf.zeros((1, 1)), tf.ones((3, 1, 1)), Dense(tf.ones((1, 1)))
    with pytest.raises(ValueError, match="each of its Dense weights once"):
        scan(twice, *arguments, training=True)


def test_a_variable_that_would_get_no_gradient_is_refused_by_its_name() -> None:
    hidden = tf.Variable(tf.constant([[2.0]]), name="own_kernel")

    def read(carry: Any, x: Any, weights: Any) -> tuple[Any, Any]:
        return weights(carry) + x * hidden, carry

    arguments = tf.zeros((1, 1)), tf.ones((3, 1, 1)), Dense(tf.ones((1, 1)))
    with pytest.raises(ValueError, match="Received: a step that reads own_kernel"):
        scan(read, *arguments, training=True)
