"""What is written for TensorBoard can be read again: scalars, translations, attention."""

from __future__ import annotations

import csv
import json
from importlib.util import find_spec
from pathlib import Path

import pytest

from keras_s2s import Recipe, train
from keras_s2s.recipe import resume
from keras_s2s.recipe.resume import Run
from keras_s2s.recipe.tensorboard import _cell

PAIRS = [(f"a b c{i % 5}", f"c{i % 5} | b a") for i in range(20)]


@pytest.mark.slow  # Trains and draws: 10 s.
@pytest.mark.skipif(find_spec("tensorboard") is None, reason="needs tensorboard")
def test_history_translations_and_attention_are_shown(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.util.tensor_util import make_ndarray

    recipe = Recipe(
        source_tokenizer="word", target_tokenizer="word", units=4, embedding_dimension=4, epochs=2
    )
    run = Run(tensorboard=tmp_path / "events")
    train(PAIRS, PAIRS[:3], tmp_path / "model", recipe, run=run, report=lambda _: None)
    events = EventAccumulator(str(tmp_path / "events"))
    events.Reload()
    tags = set(events.Tags()["tensors"])
    history = json.loads((tmp_path / "model" / "history.json").read_bytes())
    assert {f"epoch/{name}" for name in history} | {"epoch/learning_rate"} <= tags
    losses = [float(make_ndarray(one.tensor_proto)) for one in events.Tensors("epoch/val_loss")]
    assert losses == pytest.approx(history["val_loss"], rel=1e-5)
    assert [one.step for one in events.Tensors("epoch/val_loss")] == [1, 2]
    (text,) = make_ndarray(events.Tensors("translations")[-1].tensor_proto).ravel().tolist()
    assert text.decode().splitlines()[2].startswith("| a b c0 | c0 \\| b a | ")
    width, height, picture = make_ndarray(events.Tensors("attention")[0].tensor_proto).tolist()[:3]
    assert int(width) > 100 and int(height) > 100 and picture.startswith(b"\x89PNG")
    with (tmp_path / "model" / "history.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["val_loss"]) for row in rows] == history["val_loss"]
    assert [row["epoch"] for row in rows] == ["1", "2"]


def test_without_the_package_it_is_refused_before_the_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resume, "find_spec", lambda _: None)
    run = Run(tensorboard=tmp_path / "events")
    with pytest.raises(ValueError, match="need the package tensorboard.*pip install"):
        train(PAIRS, PAIRS[:3], tmp_path / "model", run=run)
    assert list(tmp_path.iterdir()) == []


def test_a_cell_of_the_table_is_one_cell() -> None:
    assert _cell("a | b\\") == "a \\| b\\\\"
