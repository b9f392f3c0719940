"""The command that exports, and the commands that use what it wrote."""

import json
from pathlib import Path

import pytest

from ..budget import first
from .conftest import call

pytest.importorskip("ai_edge_litert", reason="LiteRT's runtime is not installed.")
pytest.importorskip("tf2onnx", reason="tf2onnx is not installed.")
pytest.importorskip("tensorflow_serving", reason="tensorflow-serving-api is not installed.")

from keras_s2s import CharacterTokenizer, Decoder, Encoder, LuongAttention, Seq2Seq, Translator

TEXTS = ["abc", "", "cab a", "bb"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli") / "model"
    tokenizer = CharacterTokenizer.train(["abc abc"])
    size = tokenizer.vocabulary_size
    network = Seq2Seq(Encoder(size, 16), Decoder(size, 16, attention=LuongAttention(16)))
    Translator(network, tokenizer, tokenizer).save(folder)
    return folder


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("samples") / "texts"
    path.write_text("".join(f"{text}\n" for text in TEXTS), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "words",
    first(
        1,
        [
            ["onnx"],
            ["litert", "--max-length", 12, "--lengths", "8", "--quantize", "int8"],
            ["saved_model", "--version", 3],
        ],
    ),
    ids=str,
)
def test_an_export_is_made_told_about_and_translated_with(
    model: Path, samples: Path, tmp_path: Path, words: list, capfd: pytest.CaptureFixture[str]
) -> None:
    goal = tmp_path / "export"
    sampled = ["--samples", samples]
    assert call("export", "--model", model, "--output", goal, "--format", *words, *sampled) == 0
    report = capfd.readouterr().out
    assert "answers are the model's, token for token" in report
    place = goal / "3" if "saved_model" in words else goal
    assert f"the export is in {place}" in report.splitlines()[-2:]
    if "saved_model" in words:
        assert report.splitlines()[-1].startswith("serve it: docker run --rm -p 127.0.0.1:8500")
        assert "TensorFlow Serving 2.12 and later" in report
    golden = json.loads((place / "golden.json").read_text(encoding="utf-8"))
    assert [one["text"] for one in golden[:3]] == ["abc", "cab a", "bb"]
    if "--max-length" in words:
        assert json.loads((goal / "manifest.json").read_text())["lengths"] == [8, 12]
    plot = ["--attention-plot", tmp_path / "plot.png"]
    assert call("translate", "--model", goal, "--input", samples, "--scores", *plot) == 0
    answers, remarks = map(str.splitlines, capfd.readouterr())
    assert [line for line in remarks if not line.startswith("warning: ")] == []
    assert len(answers) == len(TEXTS)
    assert (tmp_path / "plot.png").stat().st_size > 1000
    if "int8" in words:
        files = ["--source", samples, "--target", samples]
        assert call("evaluate", "--model", goal, *files) == 0
        assert "exact_match" in capfd.readouterr().out
    else:
        assert call("translate", "--model", model, "--input", samples, "--scores") == 0
        expected = capfd.readouterr().out.splitlines()
        assert [one.split("\t")[1] for one in answers] == [one.split("\t")[1] for one in expected]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--format", "coreml"], "--format must be one of litert|onnx|saved_model. Received: "),
        (["--quantize", "int4"], "--quantize must be one of"),
        (["--lengths", "8,x"], "--lengths must be numbers like 16,32,64. Received: '8,x'"),
        (["--max-length", "100000"], "--max-length must be from 2 to 512 tokens"),
        (
            ["--format", "onnx", "--max-length", "9"],
            "--max-length goes with --format litert. Received: --format onnx",
        ),
        (
            ["--format", "saved_model", "--quantize", "int8"],
            "--quantize goes with --format litert or onnx. Received: --format saved_model",
        ),
        (["--version", "2"], "--version goes with --format saved_model"),
        (["--model", "nowhere"], "must be the folder of a translator"),
    ],
    ids=str,
)
def test_a_mistake_is_one_line_and_leaves_nothing(
    model: Path,
    tmp_path: Path,
    words: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert call("export", "--model", model, "--output", tmp_path / "x", *words) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("error: ") and message in error
    assert not list(tmp_path.iterdir())


def test_samples_without_a_sentence_do_not_become_those_of_the_training(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "blank").write_text("\n  \n")
    words = ["--samples", tmp_path / "blank", "--output", tmp_path / "x"]
    assert call("export", "--model", model, *words) == 2
    assert "--samples must hold a sentence" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()


def test_a_missing_package_is_one_line(
    model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, form, extra in (
        ("ai_edge_litert", "litert", "litert"),
        ("onnxruntime", "onnx", "onnx"),
        ("tf2onnx", "onnx", "onnx"),
        ("tensorflow_serving", "saved_model", "serving"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(
                "keras_s2s.export.formats.find_spec",
                lambda wanted, name=name: None if wanted == name else wanted,
            )
            goal = tmp_path / form
            assert call("export", "--model", model, "--output", goal, "--format", form) == 2
        error = capsys.readouterr().err.splitlines()[-1]
        assert error.startswith("error: ") and f"pip install 'keras-s2s[{extra}]'" in error
    assert not list(tmp_path.iterdir())


def test_a_folder_of_something_else_is_left_alone(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    goal = tmp_path / "papers"
    goal.mkdir()
    (goal / "thesis.txt").write_text("years of work")
    assert call("export", "--model", model, "--output", goal) == 2
    assert "which holds 'thesis.txt'" in capsys.readouterr().err
    for form in ("saved_model", "litert"):
        assert call("export", "--model", model, "--output", model, "--format", form) == 2
    assert (model / "translator.json").is_file()
