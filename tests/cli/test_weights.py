"""`--weights`: a number for each line of the corpus, in `train` and in `prepare`."""

from pathlib import Path

import pytest

from keras_s2s import Greedy, PreparedCorpus, Translator

from .conftest import call

TINY = """--source-tokenizer word --target-tokenizer word --units 8 --embedding-dimension 8
    --epochs 4 --batch-sentences 8 --ema-momentum 0 --dropout 0 --learning-rate 0.05""".split()


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Contradictory pairs, of which those that weigh nothing are twice as many."""
    folder = tmp_path_factory.mktemp("weights")
    (folder / "train.tsv").write_text("dog\tHund\n\ndog\tKatze\ndog\tKatze\n" * 20)
    (folder / "weights").write_text("1\n9\n0\n0\n" * 20)
    (folder / "valid.tsv").write_text("dog\tHund\n")
    return folder


@pytest.mark.slow  # Trains twice: 10 s.
def test_what_weighs_nothing_is_not_learned(corpus: Path, tmp_path: Path) -> None:
    words = ["--tsv", corpus / "train.tsv", "--valid-tsv", corpus / "valid.tsv", *TINY]
    words += ["--weights", corpus / "weights", "--output", tmp_path / "model"]
    assert call("train", *words) == 0
    translator = Translator.load(tmp_path / "model")
    assert translator.translate(["dog"], search=Greedy()) == ["Hund"]
    # The same training with other weights is another one.
    (tmp_path / "ones").write_text("1\n" * 80)
    again = [tmp_path / "ones" if word == corpus / "weights" else word for word in words]
    assert call("train", *again, "--resume") == 2


def test_prepare_keeps_them(corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    words = ["--tsv", corpus / "train.tsv", "--weights", corpus / "weights", "--workers", 1]
    kinds = ["--source-tokenizer", "word", "--target-tokenizer", "word"]
    assert call("prepare", *words, *kinds, "--output", tmp_path / "out") == 0
    batches = PreparedCorpus(tmp_path / "out").batches()
    found = [weights for *_, weights in batches.epoch(0).as_numpy_iterator()]
    assert sorted(sum((one.tolist() for one in found), [])) == [0.0] * 40 + [1.0] * 20
    more = ["--valid-tsv", corpus / "valid.tsv", "--weights", corpus / "weights"]
    assert call("train", "--prepared", tmp_path / "out", *more, "--output", tmp_path / "m") == 2
    assert "--weights was settled when the corpus was prepared" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "as many lines"),
        (b"1\n" * 79, "as many lines"),
        (b"1\n" * 81, "as many lines"),
        (b"1\nnan\n" * 40, "line 2: a weight must be a number from 0 to 1e+30. Received: 'nan'"),
        (
            "1\n½\n".encode() * 40,
            "line 2: a weight must be a number from 0 to 1e+30. Received: '½'",
        ),
        (b"\xff\xfe1\x00\n\x00", "UTF-8"),
        (b"0\n" * 80, "above 0"),
    ],
)
@pytest.mark.parametrize("command", ["train", "prepare"])
def test_a_wrong_file_is_one_line_and_leaves_nothing(
    command: str,
    content: bytes,
    message: str,
    corpus: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
) -> None:
    (corpus / "wrong").write_bytes(content)
    words = ["--tsv", corpus / "train.tsv", "--weights", corpus / "wrong"]
    words += ["--valid-tsv", corpus / "valid.tsv"] if command == "train" else []
    assert call(command, *words, "--output", tmp_path / "out") == 2
    *_, error, end = capsys.readouterr().err.split("\n")
    assert error.startswith("error: ") and message in error and end == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["-", "missing", "."])
def test_what_is_no_file_is_one_line(
    name: str, corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    words = ["--tsv", corpus / "train.tsv", "--valid-tsv", corpus / "valid.tsv"]
    given = name if name == "-" else corpus / name
    assert call("train", *words, "--weights", given, "--output", tmp_path / "out") == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith("error: ")
    assert list(tmp_path.iterdir()) == []
