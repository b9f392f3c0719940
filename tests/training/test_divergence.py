import keras
import numpy as np
import pytest

from keras_s2s.training.divergence import DivergedError, TerminateOnDivergence


def fit(targets: list[float], callback: TerminateOnDivergence) -> None:
    """One step for each target, with its square for a loss; the weights stay 0."""
    model = keras.Sequential(
        [keras.Input((1,)), keras.layers.Dense(1, kernel_initializer="zeros", use_bias=False)]
    )
    model.compile(keras.optimizers.SGD(0.0), loss="mse")
    inputs, outputs = np.ones((len(targets), 1)), np.array(targets)[:, None]
    model.fit(
        inputs,
        outputs,
        batch_size=1,
        shuffle=False,
        verbose=0,  # pyright: ignore[reportArgumentType]
        callbacks=[callback],
    )


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e30])
def test_the_batch_is_named_whose_loss_is_no_number(value: float) -> None:
    with pytest.raises(DivergedError, match=r"^the loss of epoch 1, batch 3, is (nan|inf)$"):
        fit([1, 2, value, 1], TerminateOnDivergence())


def test_a_loss_out_of_bounds_is_seen_though_the_mean_is_in_them() -> None:
    callback = TerminateOnDivergence(most=30, name_batch=lambda epoch, step: f"row {step}")
    with pytest.raises(DivergedError, match=r"batch 4 \(row 3\), is 36$"):
        fit([1, 2, 3, 6, 1], callback)
    fit([1, 2, 3, 5, 1], callback)


def test_steps_of_a_resumed_epoch_are_counted_from_its_beginning() -> None:
    with pytest.raises(DivergedError, match=r"^the loss of epoch 1, batch 9, is nan$"):
        fit([1, 2, float("nan")], TerminateOnDivergence(steps_per_epoch=9))
