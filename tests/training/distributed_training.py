"""Trains a tiny model for 50 steps under a strategy, and writes losses and weights.

Run as a program: STRATEGY DEVICES OUTPUT.npz [stock]. With "stock", Keras' `fit` is not patched.
"""

import contextlib
import sys
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_s2s import Batches, Decoder, Encoder, LuongAttention, MaskedCrossentropy, Seq2Seq
from keras_s2s.layers.scheduled_sampling import ScheduledSampling
from keras_s2s.training import distribution
from keras_s2s.training.optimizers import CompiledAdam

STEPS, EPOCHS = 10, 5


def make_batches() -> Batches:
    """Of 7 rows each, which no number of devices divides."""
    generator = np.random.default_rng(0)
    rows = [generator.integers(4, 30, generator.integers(1, 9)).tolist() for _ in range(7 * STEPS)]
    return Batches(rows, [row[::-1] for row in rows], batch_sentences=7, seed=1, length_noise=10)


def make_model() -> Seq2Seq:
    """All that is drawn in training: dropout, word dropout, scheduled sampling."""
    shared: dict[str, Any] = {"dropout": 0.3, "word_dropout": 0.1}
    sampling = ScheduledSampling("linear", k=1.0, c=0.01, minimum=0.25, sampled=True)
    decoder = Decoder(30, 16, attention=LuongAttention(16), scheduled_sampling=sampling, **shared)
    model = Seq2Seq(Encoder(30, 16, **shared), decoder)
    adam = CompiledAdam(1e-2, global_clipnorm=1.0, use_ema=True, ema_momentum=0.9)
    model.compile(adam, loss=MaskedCrossentropy(0.1))
    return model


class Losses(keras.callbacks.Callback):
    """The running mean of the loss after each step."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[float] = []

    def on_train_batch_end(self, batch: int, logs: dict) -> None:
        self.found.append(logs["loss"])


def main(kind: str, count: int, output: str, stock: bool) -> None:
    """Train and write losses, weights and the optimizer's state."""
    CompiledAdam.jit_compile = False  # Compiling takes longer than the training.
    devices = None
    if kind == "mirrored":
        (processor,) = tf.config.list_physical_devices("CPU")
        parts = [tf.config.LogicalDeviceConfiguration() for _ in range(count)]
        tf.config.set_logical_device_configuration(processor, parts)
        devices = [f"CPU:{place}" for place in range(count)]
    strategy = distribution.make_strategy(kind, devices)
    keras.utils.set_random_seed(3)
    with contextlib.nullcontext() if strategy is None else strategy.scope():
        model = make_model()
        model.optimizer.build(model.trainable_variables)
    losses = Losses()
    with distribution.patch_multi_worker_fit(None if stock else strategy):
        model.fit(
            distribution.distribute_dataset(make_batches().dataset(), strategy),
            steps_per_epoch=STEPS,
            epochs=EPOCHS,
            verbose=0,
            shuffle=False,
            callbacks=[losses],
        )
    mean = distribution.all_reduce_mean({"one": float(distribution.is_chief())}, strategy)
    values = [*model.get_weights(), *map(np.asarray, model.optimizer.variables)]
    arrays = {f"value_{place}": value for place, value in enumerate(values)}
    np.savez(output, losses=losses.found, mean=mean["one"], **arrays)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3], "stock" in sys.argv[4:])
