"""Errors of the command line name the options that were typed, not Python's arguments."""

import pytest

from keras_s2s.cli.main import app
from keras_s2s.cli.option_names import as_typed

from .conftest import call


@pytest.mark.parametrize(
    ("command", "text", "expected"),
    [
        (
            "train",
            "`units` must be even. Received: units=7",
            "--units must be even. Received: --un",
        ),
        ("train", "`local` is 'x' with cell='gru'", "--local is 'x' with --cell 'gru'"),
        ("train", "Go on with resume=True, or", "Go on with --resume, or"),
        ("train", "joint_vocabulary=False instead of True", "--no-joint-vocabulary instead of Tr"),
        ("train", "minutes=None instead of 5.0", "no --minutes instead of 5.0"),
        ("train", "`translator` and translator='a'", "--from and --from 'a'"),
        ("translate", "`n_best` is above `beam_size`", "--n-best is above --beam"),
        # Names that are no options of the command, quotations, and parts of paths.
        ("train", "a model's units=7, 'x, seed=3' and \"y, `seed`\"", "a model's --units 7, 'x, s"),
        ("train", "Received: 'it\\'s, seed=3'", "Received: 'it\\'s, seed=3'"),
        ("translate", "`units` or units=7", "`units` or units=7"),
        ("train", "data/units=7.txt and 'units=7'", "data/units=7.txt and 'units=7'"),
        ("--version", "`units` must be even", "`units` must be even"),
    ],
)
def test_names_are_those_of_the_options(command: str, text: str, expected: str) -> None:
    assert as_typed(text, app, [command]).startswith(expected)


def test_what_was_typed_is_repeated_as_it_is() -> None:
    folder = "x,units=16,seed=1/m"
    for words in (["train", "--from", folder], ["train", f"--from={folder}"]):
        told = as_typed(f"`units` in {folder} is units=3", app, words)
        assert told == f"--units in {folder} is --units 3"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (
            "--batch-tokens 64 --batch-sentences 2",
            "--batch-tokens must be left out with --batch-sentences. Received: --batch-tokens 64 "
            "with --batch-sentences 2",
        ),
        (
            "--window 3",
            "--window must be left out where --local is not 'monotonic' or 'predictive'. Received: "
            "--window 3 with no --local",
        ),
        (
            "--attention none --input-feeding",
            "--input-feeding must be left out where there is no attention to feed. Received: "
            "--input-feeding",
        ),
        (
            "--tsv a --source a",
            "give --source and --target, or --tsv. Received: --source and --tsv",
        ),
    ],
)
def test_an_error_of_train_is_told_in_its_options(
    words: str, expected: str, tmp_path: object, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("train", "--output", f"{tmp_path}/new", *words.split()) == 2
    assert capsys.readouterr().err.splitlines()[-1] == f"error: {expected}"
