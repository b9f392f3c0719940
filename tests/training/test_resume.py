"""A training that was stopped ends with the weights of one that was not, bit for bit."""

import functools
import json
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_s2s import (
    Batches,
    Decoder,
    Encoder,
    LuongAttention,
    MaskedCrossentropy,
    Seq2Seq,
    TokenAccuracy,
)
from keras_s2s.files.artifact_folder import digest
from keras_s2s.layers.scheduled_sampling import ScheduledSampling
from keras_s2s.training.checkpoint_files import Position
from keras_s2s.training.checkpoint_writer import CheckpointWriter
from keras_s2s.training.checkpoints import Checkpoints
from keras_s2s.training.distribution import TRY_AGAIN
from keras_s2s.training.optimizers import CompiledAdam
from keras_s2s.training.resume import TrainingHistory, resumable_fit
from keras_s2s.training.schedules import ProgressSchedule
from keras_s2s.training.validation import BestWeights, token_evaluator
from keras_s2s.training.weight_averaging import AveragedWeights

STEPS, EPOCHS = 5, 3
# Other places of the same kinds, some seconds each.
MORE_STOPS = [((5,), 1), ((6,), 4), ((14,), 1), ((2,), 3)]
GENERATOR = np.random.default_rng(0)
ROWS = [GENERATOR.integers(4, 20, GENERATOR.integers(1, 7)).tolist() for _ in range(4 * STEPS)]
BATCHES = Batches(ROWS, [row[::-1] for row in ROWS], batch_sentences=4, seed=1, length_noise=10)


class Crash(Exception):
    """Stands for whatever ends a process."""


class Hook(keras.callbacks.Callback):
    """Does something when some steps of this `fit` are over."""

    def __init__(self, steps: int, act: Any) -> None:
        super().__init__()
        self.left = steps
        self.act = act

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.left -= 1
        if self.left == 0:
            self.act()


def crash() -> None:
    raise Crash


def make_model() -> Seq2Seq:
    keras.utils.set_random_seed(7)
    sampling = ScheduledSampling("linear", k=1.0, c=0.05, minimum=0.25, sampled=True)
    shared: dict[str, Any] = {"dropout": 0.3, "word_dropout": 0.1}
    decoder = Decoder(20, 8, attention=LuongAttention(8), scheduled_sampling=sampling, **shared)
    model = Seq2Seq(Encoder(20, 8, **shared), decoder)
    adam = CompiledAdam(
        1e-2, use_ema=True, ema_momentum=0.9, global_clipnorm=1.0, gradient_accumulation_steps=2
    )
    model.compile(adam, loss=MaskedCrossentropy(0.1))
    return model


@functools.cache
def compiled_model() -> tuple[Seq2Seq, list[tuple[Any, np.ndarray]]]:
    """A model whose graphs are built once for all tests, and what each variable starts with."""
    model = make_model()
    model.optimizer.build(model.trainable_variables)
    variables = [*model.variables, *model.optimizer.variables]
    return model, [(variable, np.array(variable)) for variable in variables]


def untrained_model() -> Seq2Seq:
    """The model of all tests as `make_model` gives it: most of a training builds graphs."""
    model, start = compiled_model()
    for variable, value in start:
        variable.assign(value)
    return model


@pytest.fixture(scope="module", autouse=True)
def one_evaluator() -> Iterator[None]:
    """The evaluation of a model has no state between two calls, so its graph is built once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "keras_s2s.training.validation.token_evaluator", functools.cache(token_evaluator)
        )
        yield
    compiled_model.cache_clear()


def train(
    folder: Path,
    *hooks: Hook,
    every: int = 1,
    patience: int = 9,
    epochs: int = EPOCHS,
    is_new: bool = False,
) -> dict[str, Any]:
    """Train from what is in the folder, and tell all that came of it.

    `is_new` makes a new model, as another process would; else the graphs of the last are taken.
    """
    model = make_model() if is_new else untrained_model()
    best = BestWeights(BATCHES.epoch(0), patience=patience)
    schedule = ProgressSchedule(1e-2, STEPS * EPOCHS)
    callbacks = [schedule, AveragedWeights(), best, *hooks]
    checkpoints = Checkpoints(folder, minutes=None, steps=every)
    history = resumable_fit(model, BATCHES, epochs, checkpoints, callbacks, verbose=0)
    return {
        "weights": model.get_weights(),
        "optimizer": [np.asarray(variable) for variable in model.optimizer.variables],
        "best": best.get_state(),
        "history": history.history,
    }


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return train(tmp_path_factory.mktemp("undisturbed"), every=999)


def assert_same(found: dict[str, Any], expected: dict[str, Any]) -> None:
    assert found["history"] == expected["history"]
    for name in ("weights", "optimizer"):
        assert len(found[name]) == len(expected[name]) > 9
        for a, b in zip(found[name], expected[name], strict=True):
            np.testing.assert_array_equal(a, b)
    own, other = found["best"].pop("best_weights"), [*expected["best"]["best_weights"]]
    assert all(np.array_equal(a, b) for a, b in zip(own, other, strict=True))
    assert found["best"] == {k: v for k, v in expected["best"].items() if k != "best_weights"}


@pytest.mark.parametrize(
    ("stops", "every"),
    [
        ((3, 4, 7), 2),
        pytest.param((1,), 1, marks=pytest.mark.slow),  # Another model, traced again: 20 s.
        *(pytest.param(*one, marks=pytest.mark.slow) for one in MORE_STOPS),
    ],
)
def test_stopped_anywhere_it_ends_with_the_same_bits(
    stops: tuple, every: int, tmp_path: Path, undisturbed: dict[str, Any]
) -> None:
    is_new = stops == (1,)
    for steps in stops:
        with pytest.raises(Crash):
            train(tmp_path, Hook(steps, crash), every=every, is_new=is_new)
    assert_same(train(tmp_path, every=every, is_new=is_new), undisturbed)


@pytest.mark.slow  # XLA compiles the update of three models.
def test_the_compiled_update_goes_on_with_the_same_bits(
    tmp_path: Path, compiled_adam: Callable[[], AbstractContextManager]
) -> None:
    with compiled_adam():
        expected = train(tmp_path / "whole", every=999, is_new=True)
        with pytest.raises(Crash):
            train(tmp_path / "cut", Hook(6, crash), is_new=True)
        assert_same(train(tmp_path / "cut", is_new=True), expected)


@pytest.mark.slow  # A test of the comparison itself.
def test_a_checkpoint_without_its_seeds_would_not_do(
    tmp_path: Path, undisturbed: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shows that the comparison can fail."""
    with pytest.raises(Crash):
        train(tmp_path, Hook(6, crash))
    restore = Checkpoints.restore

    def forgetful(self: Checkpoints, model: Any, *others: Any) -> Any:
        restored = restore(self, model, *others)
        for variable in model.variables:
            if "seed" in variable.path:
                variable.assign(variable + 1)
        return restored

    monkeypatch.setattr(Checkpoints, "restore", forgetful)
    with pytest.raises(AssertionError):
        assert_same(train(tmp_path), undisturbed)


def test_a_damaged_checkpoint_is_told_and_the_one_before_it_taken(
    tmp_path: Path, undisturbed: dict[str, Any]
) -> None:
    with pytest.raises(Crash):
        train(tmp_path, Hook(9, crash))
    newest = max(path for path in tmp_path.iterdir() if path.is_dir())
    content = bytearray((newest / "arrays.npz").read_bytes())
    content[len(content) // 2] ^= 1
    (newest / "arrays.npz").write_bytes(content)
    with pytest.warns(UserWarning, match=r"damaged.*The checkpoint before it is the next"):
        found = train(tmp_path)
    assert_same(found, undisturbed)


@pytest.mark.parametrize(
    ("step", "number"),
    [
        (5, signal.SIGTERM),
        (7, signal.SIGINT),
        # In the middle of an epoch, as step 7.
        pytest.param(3, signal.SIGTERM, marks=pytest.mark.slow),
    ],
)
def test_a_signal_leaves_a_checkpoint_and_a_status_of_its_own(
    step: int, number: signal.Signals, tmp_path: Path, undisturbed: dict[str, Any]
) -> None:
    before = signal.getsignal(number)
    with pytest.raises((SystemExit, KeyboardInterrupt)) as ended:
        train(tmp_path, Hook(step, lambda: os.kill(os.getpid(), number)), every=999)
    if number == signal.SIGTERM:
        assert isinstance(ended.value, SystemExit)
        assert ended.value.code == TRY_AGAIN == 75
    else:
        assert isinstance(ended.value, KeyboardInterrupt)
    assert signal.getsignal(number) is before
    (checkpoint,) = tmp_path.iterdir()
    state = json.loads((checkpoint / "state.json").read_text())
    assert STEPS * state["epoch"] + state["step"] == step == int(checkpoint.name)
    assert_same(train(tmp_path), undisturbed)


def test_what_is_finished_stays_so_and_more_epochs_go_on(tmp_path: Path) -> None:
    first = train(tmp_path, epochs=1)
    assert_same(train(tmp_path, Hook(1, crash), epochs=1), first)
    expected = train(tmp_path / "at_once", epochs=2)
    assert_same(train(tmp_path, epochs=2), expected)


def changed(path: Path, is_trusted: bool, **values: Any) -> None:
    """Change what a checkpoint's state says, and its checksum too."""
    state = json.loads((path / "state.json").read_bytes())
    (path / "state.json").write_text(json.dumps({**state, **values}))
    if is_trusted:
        description = json.loads((path / "checkpoint.json").read_bytes())
        description["sha256"]["state.json"] = digest(path / "state.json")
        (path / "checkpoint.json").write_text(json.dumps(description))


@pytest.mark.parametrize(
    ("is_trusted", "values"),
    [(False, {"step": 2}), (True, {"sizes": {}}), (True, {"epoch": "x"}), (True, {"states": 0})],
)
def test_a_changed_state_is_no_place_to_go_on_from(
    is_trusted: bool, values: dict[str, Any], tmp_path: Path
) -> None:
    model = small_model()
    checkpoints = Checkpoints(tmp_path, minutes=None, steps=1)
    fit_small(model, checkpoints)
    newest = checkpoints.newest()
    assert newest is not None
    changed(newest, is_trusted, **values)
    other = Checkpoints(tmp_path)
    with pytest.warns(UserWarning, match="The checkpoint before it is the next"):
        assert other.restore(small_model()).position == (0, 3, 3)
    other.clean_up()
    assert not newest.exists()


def small_model() -> keras.Model:
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(2)])
    model.compile("sgd", loss="mse", metrics=["mae"])
    return model


def fit_small(model: keras.Model, checkpoints: Checkpoints, epochs: int = 1) -> Any:
    x = np.arange(4, dtype="float32")[:, None]
    writer = CheckpointWriter(checkpoints)
    options: Any = {"verbose": 0, "batch_size": 1, "epochs": epochs, "callbacks": [writer]}
    found = model.fit(x, x, shuffle=False, **options)
    writer.finish(epochs)
    return found


def test_checkpoints_of_another_version_and_none_that_is_whole_are_refused(tmp_path: Path) -> None:
    fit_small(small_model(), Checkpoints(tmp_path, minutes=None, steps=1))
    paths = sorted(tmp_path.iterdir())
    assert len(paths) == 3
    for path in paths:
        text = (path / "checkpoint.json").read_text()
        new = text.replace('"format_version": 1', '"format_version": 2')
        (path / "checkpoint.json").write_text(new)
    with pytest.raises(ValueError, match="must have format version 1"):
        Checkpoints(tmp_path).newest()
    for path in paths:
        (path / "checkpoint.json").write_text("{}")
    with (
        pytest.warns(UserWarning, match="is the next to try"),
        pytest.raises(ValueError, match="No checkpoint in .* is whole"),
    ):
        Checkpoints(tmp_path).newest()
    assert sorted(tmp_path.iterdir()) == paths


def test_what_is_not_ours_stays_where_it_is(tmp_path: Path) -> None:
    (tmp_path / "disk" / "2024").mkdir(parents=True)
    (tmp_path / "disk" / "0").write_text("mine")
    (tmp_path / "disk" / "000000009").symlink_to(tmp_path)
    (tmp_path / "link").symlink_to("disk")
    before = sorted((tmp_path / "disk").iterdir())
    checkpoints = Checkpoints(tmp_path / "link", minutes=None, steps=1, keep=1)
    fit_small(small_model(), checkpoints)
    assert {*(tmp_path / "disk").iterdir()} == {tmp_path / "disk" / "000000004", *before}
    checkpoints.remove()
    assert sorted((tmp_path / "disk").iterdir()) == before
    assert (tmp_path / "link").is_symlink()
    empty = Checkpoints(tmp_path / "empty", minutes=None, steps=1)
    fit_small(small_model(), empty)
    empty.remove()
    assert not (tmp_path / "empty").exists()


def test_a_folder_that_cannot_be_written_is_told_before_the_training(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OSError, match="File exists|Not a directory"):
        Checkpoints(tmp_path / "file").check()
    Checkpoints(tmp_path / "new").check()
    assert not (tmp_path / "new").exists()


def test_epochs_of_other_lengths_are_refused(tmp_path: Path) -> None:
    model = make_model()
    Checkpoints(tmp_path).save(model, Position(1, 0, 9), steps_per_epoch=9)
    with pytest.raises(ValueError, match=rf"of epochs of 9 steps, for epochs of {STEPS}\."):
        resumable_fit(make_model(), BATCHES, EPOCHS, Checkpoints(tmp_path), verbose=0)


def test_metrics_go_on_and_callbacks_of_one_class_are_two(tmp_path: Path) -> None:
    class Count(keras.callbacks.Callback):
        def __init__(self) -> None:
            super().__init__()
            self.seen = 0

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.seen += 1

        def get_state(self) -> dict[str, Any]:
            return {"seen": self.seen}

        def set_state(self, state: dict[str, Any]) -> None:
            self.seen = state["seen"]

    model = Seq2Seq(Encoder(20, 4), Decoder(20, 4))
    model.compile("sgd", MaskedCrossentropy(), metrics=[TokenAccuracy()])
    start = model.get_weights()

    def run(folder: Path, *hooks: Any) -> tuple[Any, list[int]]:
        model.set_weights(start)
        model.optimizer.iterations.assign(0)
        first, second = Count(), Count()
        second.seen = 100
        checkpoints = Checkpoints(folder, minutes=None, steps=1)
        history = resumable_fit(model, BATCHES, 1, checkpoints, [*hooks, first, second], verbose=0)
        return history.history, [first.seen, second.seen]

    expected = run(tmp_path / "whole")
    with pytest.raises(Crash):
        run(tmp_path / "cut", Hook(STEPS - 1, crash))
    assert run(tmp_path / "cut") == expected
    assert expected[1] == [STEPS, 100 + STEPS]


def test_the_newest_are_kept_and_what_a_killed_write_left_goes(tmp_path: Path) -> None:
    (tmp_path / ".000000001-abcd").mkdir()
    with pytest.raises(Crash):
        train(tmp_path, Hook(12, crash))
    names = sorted(path.name for path in tmp_path.iterdir())
    assert len(names) == 3
    assert all(name.isdigit() for name in names)


def test_early_stopping_remembers_what_was_before(tmp_path: Path) -> None:
    whole = train(tmp_path / "whole", every=999, patience=1)
    with pytest.raises(Crash):
        train(tmp_path / "cut", Hook(7, crash), patience=1)
    assert_same(train(tmp_path / "cut", patience=1), whole)


def test_another_model_does_not_go_on(tmp_path: Path) -> None:
    with pytest.raises(Crash):
        train(tmp_path, Hook(3, crash))
    model = Seq2Seq(Encoder(20, 4), Decoder(20, 4))
    model.compile("adam", loss=MaskedCrossentropy())
    with pytest.raises(ValueError, match="A training goes on with the model and the optimizer"):
        resumable_fit(model, BATCHES, EPOCHS, Checkpoints(tmp_path), verbose=0)


def test_a_checkpoint_that_cannot_be_written_ends_the_training_and_leaves_the_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, undisturbed: dict[str, Any]
) -> None:
    with pytest.raises(Crash):
        train(tmp_path, Hook(4, crash))

    def full(path: Any, **arrays: Any) -> None:
        Path(path).write_bytes(b"half")
        raise OSError(28, "No space left on device", str(path))

    with monkeypatch.context() as patch:
        patch.setattr(np, "savez", full)
        with pytest.raises(OSError, match="No space left on device"):
            train(tmp_path)
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]
    assert_same(train(tmp_path), undisturbed)


def test_a_worker_that_does_not_write_reads(tmp_path: Path, undisturbed: dict[str, Any]) -> None:
    with pytest.raises(Crash):
        train(tmp_path, Hook(4, crash))
    names = sorted(os.listdir(tmp_path))
    shutil.copytree(tmp_path, tmp_path.with_name("other"))
    model = untrained_model()
    schedule = ProgressSchedule(1e-2, STEPS * EPOCHS)
    callbacks = [schedule, AveragedWeights(), BestWeights(BATCHES.epoch(0), patience=9)]
    reader = Checkpoints(tmp_path, minutes=None, steps=1, is_writer=False)
    resumable_fit(model, BATCHES, EPOCHS, reader, callbacks, verbose=0)
    reader.remove()
    assert sorted(os.listdir(tmp_path)) == names
    for a, b in zip(model.get_weights(), undisturbed["weights"], strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("options", [{"minutes": 0}, {"steps": -1}, {"keep": 0}])
def test_numbers_out_of_range_are_refused(options: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"must be positive. Received: "):
        Checkpoints(tmp_path, **options)


def test_each_checkpoint_has_its_companions(tmp_path: Path) -> None:
    model, plain = small_model(), Checkpoints(tmp_path)
    extended = plain.with_companions(lambda folder: (folder / "note").touch())
    assert extended is not plain and plain.write_companions is None
    extended.save(model, Position(0, 1, 1))
    plain.save(model, Position(0, 2, 2))
    assert [path.parent.name for path in tmp_path.glob("*/note")] == ["000000001"]


def test_a_history_saved_under_its_old_name_is_restored(tmp_path: Path) -> None:
    model, old, new = small_model(), TrainingHistory(), TrainingHistory()
    old.set_state({"history": {"loss": [2.0, 1.0]}})
    Checkpoints(tmp_path).save(model, Position(2, 0, 8), {"_History": old})
    Checkpoints(tmp_path).restore(model, {"TrainingHistory": new})
    assert new.history == {"loss": [2.0, 1.0]}


def test_types_that_numpy_does_not_know_are_kept_too(tmp_path: Path) -> None:
    def made(value: float) -> keras.Model:
        model = keras.Sequential(
            [keras.Input((1,)), keras.layers.Dense(2, dtype="bfloat16", kernel_initializer="ones")]
        )
        model.compile(keras.optimizers.SGD(value), loss="mse")
        return model

    model, x = made(0.5), tf.ones((2, 1))
    model.fit(x, x, verbose=0)  # pyright: ignore[reportArgumentType]
    Checkpoints(tmp_path).save(model, Position(1, 0, 1))
    other = made(0.1)
    Checkpoints(tmp_path).restore(other)
    for a, b in zip(model.variables, other.variables, strict=True):
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b))


def test_the_first_step_is_traced_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    traces: list[Any] = []
    own = keras.Model.train_step
    monkeypatch.setattr(
        keras.Model, "train_step", lambda *given: (traces.append(given), own(*given))[1]
    )
    model = Seq2Seq(Encoder(20, 8), Decoder(20, 8))
    model.compile(CompiledAdam(1e-2), loss=MaskedCrossentropy())
    resumable_fit(model, BATCHES, 2, Checkpoints(tmp_path, steps=100), verbose=0)
    assert len(traces) == 1
