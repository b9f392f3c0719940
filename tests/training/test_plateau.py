"""The learning rate is held while the validation improves, and decays when it does not."""

import itertools
import math
from typing import Any

import keras
import numpy as np
import pytest

from keras_s2s.training import schedules
from keras_s2s.training.plateau import WARMUP_STEPS, PlateauSchedule, hold_and_decay


def test_the_rate_rises_holds_and_falls_in_straight_lines() -> None:
    shares = np.linspace(0, 1, 101)
    factors = [hold_and_decay(share, 0.1, 0.3) for share in shares]
    expected = np.interp(shares, [0, 0.1, 0.7, 1], [0, 1, 1, 0])
    np.testing.assert_allclose(factors, expected, atol=1e-12)
    assert hold_and_decay(1.5, 0.1, 0.3) == 0.0


def test_the_warmup_is_short_however_many_steps_may_come() -> None:
    schedule = PlateauSchedule(1.0, steps=1_000_000)
    assert schedule.rate(WARMUP_STEPS // 2, 0.0) == pytest.approx(0.5)
    assert schedule.rate(WARMUP_STEPS, 0.0) == 1.0
    assert PlateauSchedule(1.0, steps=100).rate(5, 0.0) == 1.0


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"decay": 0.0}, "`decay` must be above 0 and below 1. Received: decay=0.0"),
        ({"decay": 1.0}, "decay=1.0"),
        ({"wait": 0.0}, "wait=0.0"),
        ({"wait": math.nan}, "wait=nan"),
        ({"least": 0}, "`least` must be at least 1. Received: least=0"),
        ({"steps": 0}, "steps=0"),
        ({"peak": -1.0}, "peak=-1.0"),
    ],
)
def test_numbers_out_of_range_are_errors(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PlateauSchedule(**{"peak": 1e-3, "steps": 10, **wrong})


class Validations(keras.callbacks.Callback):
    """Validates with given results, and notes the rate of each step."""

    def __init__(self, found: list[tuple[float, float]]) -> None:
        super().__init__()
        self.found = found
        self.rates: list[float] = []

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.rates.append(float(self.model.optimizer.learning_rate))  # pyright: ignore

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        assert logs is not None
        logs["val_perplexity"], logs["val_sequence_accuracy"] = self.found[epoch]


def fit(schedule: PlateauSchedule, found: list[tuple[float, float]]) -> list[float]:
    """The rate of each step of a training with ten steps an epoch."""
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", loss="mse")
    x, validations = np.zeros((10, 1)), Validations(found)
    callbacks = [validations, schedule]
    model.fit(x, x, batch_size=1, epochs=len(found), verbose=0, callbacks=callbacks)
    return validations.rates


def test_while_the_validation_improves_the_rate_is_held() -> None:
    lines: list[str] = []
    schedule = PlateauSchedule(1.0, steps=10_000, least=2, report=lines.append)
    rates = fit(schedule, [(100.0 - epoch, 0.0) for epoch in range(30)])
    assert rates[WARMUP_STEPS:] == [1.0] * (300 - WARMUP_STEPS)
    assert not lines


def test_either_measure_can_improve() -> None:
    schedule = PlateauSchedule(1.0, steps=10_000, least=2)
    rates = fit(schedule, [(100.0, epoch / 100) for epoch in range(30)])
    assert rates[-1] == 1.0


def test_where_perplexity_is_monitored_accuracy_is_no_improvement() -> None:
    found = [(100.0, epoch / 100) for epoch in range(30)]
    rates = fit(PlateauSchedule(1.0, steps=10_000, least=20, monitor="perplexity"), found)
    assert rates[200:210] == [1.0] * 10
    assert rates[-1] < 0.9


def test_after_a_quarter_of_the_epochs_without_improvement_it_decays_and_ends() -> None:
    lines: list[str] = []
    schedule = PlateauSchedule(1.0, steps=10_000, least=2, report=lines.append)
    found = [(max(100.0 - epoch, 70.0), 0.0) for epoch in range(100)]
    rates = fit(schedule, found)
    # The best epoch is the 31st; of 41 epochs the last 10 (a quarter, rounded up) are no better.
    begin = next(epoch for epoch in itertools.count(30) if epoch - 30 >= (epoch + 1) / 4) + 1
    held = begin * 10
    decay = round(held * 0.3 / 0.7)
    assert rates[WARMUP_STEPS:held] == [1.0] * (held - WARMUP_STEPS)
    expected = np.linspace(1, 0, decay + 1)
    assert abs(len(rates) - held - decay) <= 2
    rates = rates[: held + decay]
    expected = expected[: len(rates) - held]
    np.testing.assert_allclose(rates[held:], expected, atol=0.01)
    assert lines == [
        f"the validation has not improved since epoch 31: the learning rate decays in {decay} steps"
    ]


def test_when_nothing_is_left_to_learn_it_ends() -> None:
    lines: list[str] = []
    schedule = PlateauSchedule(1.0, steps=10_000, report=lines.append)
    rates = fit(schedule, [(100.0, 0.5), *[(1.0 / (epoch + 1), 1.0) for epoch in range(20)]])
    # Two epochs without an error, 30 steps in all; so many more that these are 70 %.
    assert len(rates) == pytest.approx(30 / 0.7, abs=2)
    assert lines == ["the validation has no error: the learning rate decays in 13 steps"]


def test_at_the_latest_it_decays_in_time_for_the_last_step() -> None:
    schedule = PlateauSchedule(1.0, steps=100)
    rates = fit(schedule, [(100.0 - epoch, 0.0) for epoch in range(20)])
    expected = [hold_and_decay(step / 100, 0.05, 0.3) for step in range(len(rates))]
    np.testing.assert_allclose(rates, expected, atol=1e-6)
    assert len(rates) == pytest.approx(100, abs=1)


def test_no_improvement_does_not_prolong_a_decay_that_has_begun() -> None:
    schedule = PlateauSchedule(1.0, steps=100, least=1)
    rates = fit(schedule, [(50.0 - epoch if epoch < 7 else 100.0, 0.0) for epoch in range(20)])
    assert len(rates) == pytest.approx(100, abs=1)


def test_without_a_validation_only_the_steps_count() -> None:
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", loss="mse")
    x = np.zeros((10, 1))
    schedule = PlateauSchedule(1.0, steps=200, least=1)
    model.fit(x, x, batch_size=1, epochs=5, verbose=0, callbacks=[schedule])
    assert float(model.optimizer.learning_rate) == 1.0  # pyright: ignore


def test_minutes_shorten_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedules.time, "monotonic", map(float, range(10_000)).__next__)
    schedule = PlateauSchedule(1.0, steps=10_000, minutes=1)
    rates = fit(schedule, [(100.0 - epoch, 0.0) for epoch in range(20)])
    assert len(rates) <= 61
    assert rates[-1] < 0.1


def test_a_restored_schedule_goes_on_as_if_it_had_not_stopped() -> None:
    found = [(max(100.0 - epoch, 95.0), 0.0) for epoch in range(40)]
    whole = fit(PlateauSchedule(1.0, steps=10_000, least=2), found)
    for stop in (3, 8, 10):  # before the plateau, and within the decay
        first = PlateauSchedule(1.0, steps=10_000, least=2)
        rates = fit(first, found[:stop])
        second = PlateauSchedule(1.0, steps=10_000, least=2)
        second.set_state(first.get_state())
        model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        model.compile("sgd", loss="mse")
        validations = Validations(found)
        x = np.zeros((10, 1))
        model.fit(
            x,
            x,
            batch_size=1,
            initial_epoch=stop,
            epochs=len(found),
            verbose=0,
            callbacks=[validations, second],
        )
        np.testing.assert_allclose(rates + validations.rates, whole, atol=1e-6)
