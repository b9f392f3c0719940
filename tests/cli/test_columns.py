"""Source and target may be any two columns of a tab-separated file."""

import json
from pathlib import Path

import pytest

from keras_s2s import Corpus, PreparedCorpus

from .conftest import call

# As Tatoeba exports pairs: number, sentence, number, sentence.
ROWS = [
    ("1276", "Let's try something.", "2481", "¡Intentemos algo!"),
    ("1277", "I have to go to sleep.", "2482", "Tengo que irme a dormir."),
    ("1280", "Today is June 18th.", "2485", "Hoy es 18 de junio."),
]
PAIRS = [(row[1], row[3]) for row in ROWS]


@pytest.fixture(scope="module")
def tsv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("columns") / "pairs.tsv"
    path.write_text("".join("\t".join(row) + "\n" for row in ROWS), encoding="utf-8")
    return path


def prepared(tsv: Path, folder: Path, *more: object) -> int:
    kinds = ["--source-tokenizer", "word", "--target-tokenizer", "word"]
    return call("prepare", "--tsv", tsv, "--output", folder, *kinds, *more)


@pytest.mark.parametrize(
    ("columns", "expected"), [("2,4", PAIRS), (" 4 , 2 ", [(b, a) for a, b in PAIRS])]
)
def test_they_are_counted_from_1(
    tsv: Path, tmp_path: Path, columns: str, expected: list[tuple[str, str]]
) -> None:
    assert prepared(tsv, tmp_path / "out", "--columns", columns, "--workers", 1) == 0
    corpus = PreparedCorpus(tmp_path / "out")
    assert sorted(corpus.samples) == sorted(source for source, _ in expected)


def test_score_takes_its_references_from_them(tsv: Path, tmp_path: Path) -> None:
    (tmp_path / "answers").write_text("".join(f"{target}\n" for _, target in PAIRS))
    words = ["--tsv", tsv, "--columns", "2,4", "--json", tmp_path / "json"]
    assert call("score", "--answers", tmp_path / "answers", *words) == 0
    assert json.loads((tmp_path / "json").read_text())["exact_match"] == 1.0


@pytest.mark.parametrize(
    "columns", ["", "2", "2,2", "0,1", "2,4,1", "a,b", "-1,2", "2;4", "٢,٤", "99999,1", "1.0,2"]
)
def test_what_is_no_pair_of_columns_is_one_line(
    tsv: Path, tmp_path: Path, columns: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert prepared(tsv, tmp_path / "out", "--columns", columns) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: --columns must be two different column numbers from 1 to 9999")
    assert error.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_a_column_that_is_not_there_is_one_line(
    tsv: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert prepared(tsv, tmp_path / "out", "--columns", "2,5") == 2
    assert "every line must have 5 columns" in capsys.readouterr().err


def test_those_of_the_validation_are_chosen_for_a_prepared_corpus(
    tsv: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert prepared(tsv, tmp_path / "out", "--columns", "2,4", "--workers", 1) == 0
    files = ["--prepared", tmp_path / "out", "--valid-tsv", tsv, "--output", tmp_path / "m"]
    assert call("train", *files, "--columns", "2,5") == 2
    assert "every line must have 5 columns" in capsys.readouterr().err
    assert call("train", *files[:2], *files[4:], "--columns", "2,4") == 2
    assert "--columns goes with a tab-separated file" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["train", "prepare", "evaluate", "score"])
def test_they_need_a_tab_separated_file(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {
        "train": ["--source", "a", "--target", "b", "--output", tmp_path / "x"],
        "prepare": ["--source", "a", "--target", "b", "--output", tmp_path / "x"],
        "evaluate": ["--model", "m", "--source", "a", "--target", "b"],
        "score": ["--answers", "c", "--source", "a", "--target", "b"],
    }[command]
    assert call(command, *files, "--columns", "1,2") == 2
    assert "--columns goes with a tab-separated file" in capsys.readouterr().err


@pytest.mark.filterwarnings("always:the column of the source holds numbers")
def test_a_column_of_numbers_is_told_where_there_are_others(
    tsv: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert prepared(tsv, tmp_path / "out", "--workers", 1) == 0
    error = capsys.readouterr().err
    assert "warning: the column of the source holds numbers only" in error
    assert (
        "column 1, counted from 1. Choose other columns, on the command line by --columns" in error
    )
    assert "the column of the target" not in error


def test_numbers_are_all_right_where_there_is_no_other_column(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text("12\ttwelve\n3\tthree\n")
    assert list(Corpus.from_tsv(tmp_path / "a.tsv")) == [("12", "twelve"), ("3", "three")]
