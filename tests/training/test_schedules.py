"""The learning rate follows the share of the training that is over, in steps or in minutes."""

import itertools
import math

import keras
import numpy as np
import pytest

from keras_s2s.training import schedules
from keras_s2s.training.schedules import ProgressSchedule, warmup_cosine


def test_the_rate_rises_in_a_straight_line_and_falls_as_half_a_cosine() -> None:
    shares = np.linspace(0, 1, 101)
    factors = np.array([warmup_cosine(share, 0.2) for share in shares])
    rise, fall = shares < 0.2, shares >= 0.2
    np.testing.assert_allclose(factors[rise], shares[rise] / 0.2)
    expected = (1 + np.cos(math.pi * (shares[fall] - 0.2) / 0.8)) / 2
    np.testing.assert_allclose(factors[fall], expected, atol=1e-12)


def test_without_a_warmup_the_first_step_has_the_peak() -> None:
    assert warmup_cosine(0.0, 0.0) == 1.0


def test_what_is_over_its_time_has_no_rate_left() -> None:
    assert warmup_cosine(1.7, 0.05) == pytest.approx(0.0)


def test_without_minutes_the_rate_depends_on_the_step_alone() -> None:
    schedule = ProgressSchedule(2.0, steps=100, warmup=0.1)
    rates = [schedule.rate(step, seconds) for step, seconds in ((10, 0.0), (10, 1e6), (55, 0.0))]
    assert rates == pytest.approx([2.0, 2.0, 1.0])


def test_on_a_slow_machine_the_minutes_decide_and_on_a_fast_one_the_steps() -> None:
    schedule = ProgressSchedule(1.0, steps=100, minutes=10, warmup=0.0)
    assert schedule.rate(step=1, seconds=300) == pytest.approx(0.5)
    assert schedule.rate(step=50, seconds=3) == pytest.approx(0.5)
    assert schedule.rate(step=1, seconds=600) == pytest.approx(0.0)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"peak": 0.0}, r"`peak` must be positive\. Received: peak=0\.0"),
        ({"peak": math.nan}, "peak=nan"),
        ({"steps": 0}, "steps=0"),
        ({"minutes": -1.0}, "minutes=-1.0"),
        ({"warmup": 1.0}, "`warmup` must be at least 0 and below 1. Received: warmup=1.0"),
    ],
)
def test_numbers_out_of_range_are_errors(wrong: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ProgressSchedule(**{"peak": 1e-3, "steps": 10, **wrong})


class Rates(keras.callbacks.Callback):
    """Notes the rate that each step was made with."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[float] = []

    def on_train_batch_end(self, batch: int, logs: object = None) -> None:
        self.seen.append(float(self.model.optimizer.learning_rate))  # pyright: ignore


def fit(schedule: ProgressSchedule, epochs: int = 2) -> list[float]:
    """The rates of a training of 10 steps an epoch."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", run_eagerly=True)
    rates = Rates()
    rows = np.ones((10, 1), "float32")
    model.fit(rows, rows, batch_size=1, epochs=epochs, verbose=0, callbacks=[schedule, rates])
    return rates.seen


def test_fit_takes_the_rate_of_each_step_through_all_epochs() -> None:
    schedule = ProgressSchedule(0.1, steps=20, warmup=0.25)
    expected = [schedule.rate(step, 0.0) for step in range(20)]
    np.testing.assert_allclose(fit(schedule), expected, rtol=1e-6)


def test_a_second_training_begins_anew() -> None:
    schedule = ProgressSchedule(0.1, steps=20)
    assert fit(schedule) == fit(schedule)


def test_the_training_ends_when_its_minutes_are_over_with_no_rate_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = itertools.count(step=6)  # Each look at the clock is six seconds after the last.
    monkeypatch.setattr(schedules.time, "monotonic", lambda: next(clock))
    rates = fit(ProgressSchedule(0.1, steps=10_000, minutes=1), epochs=5)
    assert len(rates) == 10
    assert rates[-1] == pytest.approx(0.0)
    assert rates == sorted(rates, reverse=True)
