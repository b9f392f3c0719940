"""What the command line says about starts, frozen parts, validation and embeddings."""

from pathlib import Path
from typing import Any

import pytest

import keras_s2s.cli.run_training as command
from keras_s2s import Decoder, Encoder, LuongAttention, Seq2Seq, Translator, WordTokenizer

from .conftest import call

LINES = [("the dog", "dog the"), ("a cat", "cat a"), ("the cat", "cat the"), ("a dog", "dog a")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Holds pairs, a translator and vectors."""
    folder = tmp_path_factory.mktemp("start")
    (folder / "tsv").write_text("".join(f"{a}\t{b}\n" for a, b in LINES))
    tokenizer = WordTokenizer.train(["the dog a cat"])
    size = tokenizer.vocabulary_size
    decoder = Decoder(size, 8, attention=LuongAttention(8), tie_embeddings=True)
    Translator(Seq2Seq(Encoder(size, 8), decoder), tokenizer, tokenizer).save(folder / "model")
    (folder / "vectors").write_text("dog 1 2 3\n")
    (folder / "broken").write_text("dog 1 2 3\ncat 1 2\n")
    return folder


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--from {0}/model --units 512", "--units is settled by the model that training starts"),
        ("--from {0}/model --cell gru", "Received: --cell 'gru'. Leave it out"),
        ("--from {0}/model --source-tokenizer character", "--source-tokenizer is settled"),
        ("--from {0}/model --vocabulary-size 5", "--vocabulary-size is settled"),
        ("--from {0}/model --vocabulary extend --vocabulary-size 7", "must be at least that of"),
        ("--from {0}/model --vocabulary new", "--vocabulary must be one of ('keep', 'extend')"),
        ("--from {0}/tsv", "must be the folder of a translator"),
        ("--from {0}/none", "none"),
        ("--vocabulary extend", "--vocabulary 'extend' needs a trained model to start from"),
        ("--freeze head", "parts of a model: encoder, decoder, embeddings, source-embeddings, "),
        ("--freeze encoder --freeze decoder", "Some weights must be left to train."),
        ("--attention none --freeze attention", "Received: 'attention', which has none"),
        ("--valid-share 0.5 --valid-tsv {0}/tsv", "files for validation or --valid-share, not bo"),
        ("--valid-share 1", "--valid-share must be at least 0 and below 1"),
        ("--valid-source {0}/tsv", "give --valid-source and --valid-target, or --valid-tsv"),
        ("--source-embeddings {0}/broken", "must have a word and 3 numbers in line 2. Received"),
        ("--source-embeddings {0}/none", "No such file"),
        ("--source-embeddings {0}/vectors --embedding-dimension 256", "settled by the vectors of"),
        ("--from {0}/model --source-embeddings {0}/vectors", "go to ids that are not trained yet"),
    ],
)
def test_what_cannot_be_is_one_line_and_nothing_is_written(
    words: str, message: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--tsv", folder / "tsv", "--output", tmp_path / "out", "--epochs", 1]
    kind = [] if "--from" in words else ["--source-tokenizer", "word", "--units", 8]
    assert call("train", *given, *kind, *words.format(folder).split()) == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[-1].startswith("error: ") and message in lines[-1]
    assert [path.name for path in tmp_path.iterdir() if path.suffix != ".lock"] == []


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the command hands to `train`, which is not called."""
    found: dict[str, Any] = {}

    def record(*args: Any, **options: Any) -> None:
        found.update(options, args=args)

    monkeypatch.setattr(command, "train", record)
    return found


def test_the_words_of_the_command_are_those_of_python(
    folder: Path, tmp_path: Path, found: dict[str, Any]
) -> None:
    words = ["--from", folder / "model", "--vocabulary", "extend", "--freeze", "encoder"]
    words += ["--freeze", "output", "--source-embeddings", folder / "vectors", "--units", 8]
    assert call("train", "--tsv", folder / "tsv", "--output", tmp_path / "out", *words) == 0
    start = found["start"]
    # Loading computes, which several workers must not before they know each other.
    assert start.translator == folder / "model"
    assert start.vocabulary == "extend" and list(start.freeze) == ["encoder", "output"]
    assert start.source_embeddings == folder / "vectors" and start.target_embeddings is None
    assert {"units", "tsv", "output"} <= set(start.given) and "cell" not in start.given
    assert found["args"][1] is None  # No validation data.


def test_a_thorough_training_takes_options_that_need_teachers(
    folder: Path, tmp_path: Path, found: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["train", "--tsv", folder / "tsv", "--output", tmp_path / "out"]
    options = ["--pseudo-sources", 20, "--distillation-weight", 0.25]
    assert call(*given, *options, "--effort", "thorough") == 0
    assert found["args"][3].given == {"pseudo_sources": 20, "distillation_weight": 0.25}
    for more in ([], ["--effort", "thorough", "--teachers", 0]):
        assert call(*given, *options, *more) == 2
        assert "needs teachers" in capsys.readouterr().err.splitlines()[-1]


def test_teachers_of_the_command_are_those_of_python(
    folder: Path, tmp_path: Path, found: dict[str, Any]
) -> None:
    teachers = ["--teacher", folder / "model", "--teacher", folder / "model"]
    given = ["--tsv", folder / "tsv", "--output", tmp_path / "out", "--distillation-weight", 0.25]
    assert call("distill", *teachers, *given) == 0
    assert found["start"].teachers == [folder / "model"] * 2
    assert found["args"][3].given == {"distillation_weight": 0.25}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("", "Missing option '--teacher'"),
        ("--teacher {0}/tsv", "must be the folder of a translator"),
        ("--teacher {0}/none", "none"),
        ("--teacher {0}/model --source-tokenizer character", "settled by the tokenizers of the te"),
        ("--teacher {0}/model --contrastive-margin 0.1", "needs a trained model to start from"),
        ("--teacher {0}/model --distillation-weight 2", "--distillation-weight must be"),
    ],
)
def test_teachers_that_cannot_be_are_one_line(
    words: str, message: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--tsv", folder / "tsv", "--output", tmp_path / "out"]
    assert call("distill", *given, *words.format(folder).split()) == 2
    assert message in capsys.readouterr().err.splitlines()[-1]
