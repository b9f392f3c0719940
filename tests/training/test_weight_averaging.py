import keras
import numpy as np
import pytest

from keras_s2s.training.weight_averaging import AveragedWeights


class Seen(keras.callbacks.Callback):
    """The weight at the beginning and at the end of each epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.begin: list[float] = []
        self.end: list[float] = []

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self.begin.append(self.model.get_weights()[0].item())

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        self.end.append(self.model.get_weights()[0].item())


def made(use_ema: bool) -> keras.Model:
    model = keras.Sequential(
        [keras.Input((1,)), keras.layers.Dense(1, kernel_initializer="zeros", use_bias=False)]
    )
    optimizer = keras.optimizers.SGD(0.1, use_ema=use_ema, ema_momentum=0.5)
    model.compile(optimizer, loss="mae")
    return model


def test_an_epoch_ends_with_the_average_and_the_next_begins_with_the_weights() -> None:
    model, seen, averaged = made(use_ema=True), Seen(), AveragedWeights()
    one = np.ones((1, 1), "float32")
    for first in (0, 2):  # A training in two parts.
        model.fit(
            one,
            9 * one,
            initial_epoch=first,
            epochs=first + 2,
            verbose=0,  # pyright: ignore[reportArgumentType]
            callbacks=[averaged, seen],
        )
    np.testing.assert_allclose(seen.begin, [0, 0.1, 0.2, 0.3], atol=1e-6)
    averages = [0.1]  # Keras begins its average with the first weights.
    for weight in (0.2, 0.3, 0.4):
        averages.append((averages[-1] + weight) / 2)
    np.testing.assert_allclose(seen.end, averages, atol=1e-6)


def test_an_optimizer_without_an_average_is_refused() -> None:
    one = np.ones((1, 1), "float32")
    with pytest.raises(ValueError, match="must keep an average"):
        made(use_ema=False).fit(one, one, callbacks=[AveragedWeights()])
