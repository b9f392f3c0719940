"""What the notebooks share: data, accuracy, seeds, files."""

import builtins
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from keras_s2s import Decoder, Encoder, Seq2Seq
from keras_s2s.experiments.comparison import (
    Options,
    accuracy,
    accuracy_by_length,
    draw_band,
    random_strings,
    read_options,
    right_tokens,
    save,
    summarize,
    train,
)


class FakeTranslator:
    """Answers as a dictionary says, and else with the text itself."""

    def __init__(self, answers: dict[str, str]) -> None:
        self.answers = answers

    def translate(self, texts: Iterable[str], **_: Any) -> list[str]:
        return [self.answers.get(text, text) for text in texts]


def same(*texts: str) -> list[tuple[str, str]]:
    return [(text, text) for text in texts]


def test_random_strings_have_each_length_and_each_symbol() -> None:
    strings = random_strings(500, [2, 5], seed=1, symbols="xyz")
    assert {len(string) for string in strings} == {2, 5}
    assert set("".join(strings)) == set("xyz")
    assert strings == random_strings(500, [2, 5], seed=1, symbols="xyz")
    assert strings != random_strings(500, [2, 5], seed=2, symbols="xyz")


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        ("abc", [True, True, True, True]),
        ("axc", [True, False, True, True]),
        ("ab", [True, True, False, False]),
        ("abcd", [True, True, True, False]),
        ("", [False, False, False, False]),
    ],
)
def test_a_token_is_right_at_its_place_and_the_end_mark_counts(
    answer: str, right: list[bool]
) -> None:
    translator: Any = FakeTranslator({"abc": answer})
    assert right_tokens(translator, same("abc")) == [right]


def test_accuracy_counts_whole_answers_and_tokens_of_all_texts_alike() -> None:
    translator: Any = FakeTranslator({"abc": "xbc"})
    assert accuracy(translator, same("abc", "d")) == (0.5, 5 / 6)
    assert accuracy_by_length(translator, same("abc", "d", "efg")) == {
        1: (1.0, 1.0),
        3: (0.5, 7 / 8),
    }


def test_a_summary_has_mean_and_range_over_seeds_place_by_place() -> None:
    found = summarize([[1.0, 5.0], [3.0, 2.0]])
    assert (found["lowest"], found["mean"], found["highest"]) == ([1, 2], [2, 3.5], [3, 5])
    assert found["runs"] == [[1.0, 5.0], [3.0, 2.0]]
    assert summarize([0.5, 1.0])["mean"] == 0.75


def test_the_band_goes_from_the_lowest_to_the_highest_seed() -> None:
    axes = Figure().subplots()
    draw_band(axes, [0, 1], summarize([[1.0, 5.0], [3.0, 2.0]]), "two seeds", 0)
    assert np.asarray(axes.lines[0].get_ydata()).tolist() == [2.0, 3.5]
    (band,) = axes.collections
    corners = np.asarray(band.get_paths()[0].vertices)
    assert {(x, y) for x, y in corners.tolist()} >= {(0, 1.0), (0, 3.0), (1, 2.0), (1, 5.0)}


def test_the_command_line_names_size_seeds_and_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["x.py", "--size", "small", "--seeds", "3", "--output", "out"])
    assert read_options("x") == Options("x", "small", [1, 2, 3], Path("out"))
    assert read_options("x", seeds=2, arguments=[]) == Options("x", "full", [1, 2], Path())


def test_a_notebook_has_no_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["launcher", "-f", "kernel.json"])
    monkeypatch.setattr(builtins, "__IPYTHON__", True, raising=False)
    assert read_options("x", seeds=2).seeds == [1, 2]


def test_no_seed_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        read_options("x", arguments=["--seeds", "0"])
    assert "--seeds must be at least 1. Received: --seeds 0" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_is_told_before_the_training(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(SystemExit):
        read_options("x", arguments=["--output", str(tmp_path / "file")])
    assert "--output cannot be written: " in capsys.readouterr().err
    assert read_options("x", arguments=["--output", str(tmp_path / "a" / "b")]).output.is_dir()


def test_the_files_hold_settings_figures_and_the_picture(tmp_path: Path) -> None:
    options = Options("copy", "small", [1], tmp_path / "new")
    figure = Figure(figsize=(1, 1))
    save(options, {"units": 8}, {"accuracy": summarize([0.5])}, figure)
    found = json.loads((tmp_path / "new" / "copy.json").read_text(encoding="utf-8"))
    assert found["settings"] == {"units": 8}
    assert found["figures"]["accuracy"]["runs"] == [0.5]
    assert (tmp_path / "new" / "copy.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow  # Trains four times: 20 s.
def test_a_training_is_watched_after_each_part_and_begins_alike_from_one_seed() -> None:
    def build(size: int) -> Seq2Seq:
        return Seq2Seq(Encoder(size, 4), Decoder(size, 4))

    pairs = same(*random_strings(32, [2, 3], seed=1))
    answers, steps = [], []
    for _ in range(2):
        translator = train(
            build,
            pairs,
            seed=3,
            batch_sentences=8,
            rounds=2,
            watch=lambda translator, step: steps.append(step),
        )
        answers.append(translator.translate(["abc", "de"], maximum_length=5))
    assert steps == [2, 4, 2, 4]
    assert answers[0] == answers[1]
