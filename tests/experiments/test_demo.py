"""The demo: dates to ISO 8601, end to end."""

import dataclasses
import re
import shutil
import time
from pathlib import Path

import pytest

from keras_s2s import Translator
from keras_s2s.experiments.dates import date_splits
from keras_s2s.experiments.demo import RECIPE, SHOWN, run_demo


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str], float]:
    """The folder, the report and the result of a demo that had no time to learn."""
    folder = tmp_path_factory.mktemp("demo") / "dates"
    lines: list[str] = []
    splits = date_splits(1, train_count=200, valid_count=20, test_count=30)
    recipe = dataclasses.replace(RECIPE, units=16, embedding_dimension=8, epochs=1)
    with pytest.MonkeyPatch.context() as patch:  # Its translations are as long as they may be.
        patch.setattr("keras_s2s.experiments.demo.TRIED", 20)
        patch.setattr("keras_s2s.data.pairs.SAMPLES", 10)
        exact = run_demo(folder, recipe=recipe, splits=splits, report=lines.append)
    return folder, lines, exact


def test_the_model_and_the_pictures_are_there(small: tuple[Path, list[str], float]) -> None:
    folder = small[0]
    for name in ("attention.png", "curves.png"):
        assert (folder / name).read_bytes().startswith(b"\x89PNG")
    assert Translator.load(folder).source_tokenizer.encode("2021년")


def test_examples_are_shown_and_wrong_ones_with_what_is_right(
    small: tuple[Path, list[str], float],
) -> None:
    _, lines, exact = small
    test = date_splits(1, train_count=200, valid_count=20, test_count=30).test
    shown = [line for line in lines if re.match("  .*  ->  ", line) and "wrong" not in line]
    assert [line.partition("  ->  ")[0].strip() for line in shown] == [
        source for source, _ in test[:SHOWN]
    ]
    wrong = [line for line in lines if line.startswith("  wrong: ")]
    assert exact < 0.5 and len(wrong) == SHOWN
    answers = dict(test)
    for line in wrong:
        source, target = re.fullmatch("  wrong: (.*)  ->  .*, not (.*)", line).groups()  # pyright: ignore
        assert answers[source] == target


def test_the_report_says_what_it_learned_from_how_long_it_took_and_what_to_try(
    small: tuple[Path, list[str], float],
) -> None:
    folder, lines, exact = small
    assert lines[0].startswith("200 written dates for training, 30 of other days")
    assert any(re.fullmatch(r"trained in \d+ s", line) for line in lines)
    assert any(
        f"exact match on dates not seen in training: {100 * exact:.2f} %" in line for line in lines
    )
    command = lines[-1].partition("| ")[2].split()
    assert command[1:] == ["translate", "--model", str(folder)]
    assert shutil.which(command[0])  # It can be typed as it stands.


def test_it_ends_with_an_export_that_translates_alone(
    small: tuple[Path, list[str], float],
) -> None:
    pytest.importorskip("ai_edge_litert", reason="LiteRT's runtime is not installed.")
    folder, lines, _ = small
    (line,) = [line for line in lines if line.startswith("exported to")]
    found = re.fullmatch(
        r"exported to (\S+) for mobile devices: ([\d.]+) MB in int8; it converts \d+ of 20 dates "
        r"correctly; a step takes [\d.]+ ms, with Keras [\d.]+ ms",
        line,
    )
    assert found and Path(found[1]) == folder.with_name("dates-litert")
    size = (folder.with_name("dates-litert") / "model.tflite").stat().st_size
    assert float(found[2]) == round(size / 1e6, 2)


@pytest.mark.slow  # The whole demo: minutes.
def test_the_demo_learns_to_read_dates_in_minutes(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    start = time.monotonic()
    exact = run_demo(tmp_path / "dates")
    with capsys.disabled():
        print(f"\ndemo: {100 * exact:.2f} % exact match in {time.monotonic() - start:.0f} s")
    assert exact >= 0.99
