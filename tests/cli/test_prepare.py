"""`keras-s2s prepare`, and training from what it wrote."""

import json
import random
from pathlib import Path

import pytest

from keras_s2s import CharacterTokenizer, Decoder, Encoder, Seq2Seq, Translator, WordTokenizer

from .conftest import call

TINY = """--units 8 --embedding-dimension 8 --epochs 1 --batch-tokens 200 --ema-momentum 0
    --dropout 0""".split()


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    draw = random.Random(1)
    for name, count in (("train", 60), ("valid", 12)):
        words = ["".join(draw.choices("abcd", k=draw.randint(1, 4))) for _ in range(count)]
        (folder / f"{name}.src").write_text("".join(f"{word}\n" for word in words))
        (folder / f"{name}.tgt").write_text("".join(f"{word[::-1]}\n" for word in words))
        (folder / f"{name}.tsv").write_text("".join(f"{word}\t{word[::-1]}\n" for word in words))
    return folder


@pytest.fixture(scope="module")
def prepared(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("prepared") / "shards"
    words = ["--source-tokenizer", "character", "--target-tokenizer", "word", "--workers", 1]
    assert call("prepare", "--tsv", corpus / "train.tsv", "--output", folder, *words) == 0
    return folder


def test_prepare_reports_on_standard_error_and_goes_by_its_options(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    words = ["--source", corpus / "train.src", "--target", corpus / "train.tgt"]
    words += "--source-tokenizer character --vocabulary-size 9 --duplicates remove".split()
    words += "--target-normalization NFD --no-joint-vocabulary --seed 5".split()
    words += "--tokenizer-pairs 20 --protect <2ab> --protect x,y".split()
    assert call("prepare", *words, "--output", tmp_path / "out") == 0
    streams = capsys.readouterr()
    assert streams.out == "" and "exact duplicate" in streams.err
    found = json.loads((tmp_path / "out" / "prepared.json").read_bytes())
    assert found["options"] == {
        "source_tokenizer": "character",
        "target_tokenizer": "character",
        "vocabulary_size": 9,
        "joint_vocabulary": False,
        "source_normalization": "NFC",
        "target_normalization": "NFD",
        "protect": ["<2ab>", "x,y"],
    }
    assert (found["seed"], found["tokenizer_pairs"]) == (5, 20) and found["pairs"] < 60
    assert streams.err.endswith(f"{found['pairs']} pairs in {tmp_path / 'out'}\n")
    assert call("prepare", *words, "--output", tmp_path / "out") == 0
    assert "is prepared already" in capsys.readouterr().err


def test_tokenizers_that_are_not_given_are_chosen_from_the_corpus(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    words = ["가나다", "나다가", "다가나", "각난", "난가"]
    text = "".join(f"{one}\t{' '.join(one)}\n" for one in words * 40)
    (tmp_path / "words.tsv").write_text(text, encoding="utf-8")
    files = ["--tsv", tmp_path / "words.tsv", "--workers", 1]
    assert call("prepare", *files, "--output", tmp_path / "chosen") == 0
    assert "chosen for 200 pairs" in (told := capsys.readouterr().err)
    assert "source-normalization" in told and "units" not in told
    found = json.loads((tmp_path / "chosen" / "prepared.json").read_bytes())["options"]
    kinds = found["source_tokenizer"], found["target_tokenizer"], found["source_normalization"]
    assert kinds == ("character", "word", "NFD")
    given = ["--source-tokenizer", "word", "--target-tokenizer", "none"]
    assert call("prepare", *files, *given, "--output", tmp_path / "given") == 0
    found = json.loads((tmp_path / "given" / "prepared.json").read_bytes())["options"]
    kinds = found["source_tokenizer"], found["target_tokenizer"], found["source_normalization"]
    assert kinds == ("word", None, "NFC")


@pytest.mark.parametrize(
    ("text", "words"),
    [("", "no pair"), ("a\n", "columns"), ("a\t\n", "no pair")],
)
def test_a_corpus_from_which_nothing_can_be_chosen_is_an_error(
    text: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    (tmp_path / "words.tsv").write_text(text, encoding="utf-8")
    assert call("prepare", "--tsv", tmp_path / "words.tsv", "--output", tmp_path / "out") == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("error:") and words in error


def test_a_model_is_trained_from_shards_alone(
    corpus: Path, prepared: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    words = ["--prepared", prepared, "--valid-tsv", corpus / "valid.tsv", *TINY]
    assert call("train", *words, "--output", tmp_path / "model") == 0
    assert "training: 60 pairs in 1 shard, " in capsys.readouterr().err
    recipe = json.loads((tmp_path / "model" / "recipe.json").read_bytes())
    assert (recipe["source_tokenizer"], recipe["target_tokenizer"]) == ("character", "word")
    translator = Translator.load(tmp_path / "model")
    assert translator.samples and translator.source_tokenizer.encode("ab") != [1]


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--source", "train.src"),
        ("--tsv", "train.tsv"),
        ("--source-tokenizer", "character"),
        ("--source-tokenizer", "sentencepiece"),
        ("--target-tokenizer", "word"),
        ("--vocabulary-size", "6000"),
        ("--no-joint-vocabulary", None),
        ("--target-normalization", "NFC"),
    ],
)
def test_what_was_settled_when_preparing_is_an_error_besides_it(
    option: str,
    value: str | None,
    corpus: Path,
    prepared: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
) -> None:
    words = ["--prepared", prepared, "--valid-tsv", corpus / "valid.tsv", "--output", tmp_path]
    assert call("train", *words, option, *([] if value is None else [value])) == 2
    name = option.replace("--no-", "--")
    assert capsys.readouterr().err == (
        f"error: {name} was settled when the corpus was prepared. Received: {name} with "
        "--prepared. Leave it out, or give it to keras-s2s prepare.\n"
    )


@pytest.mark.slow  # Prepares and trains: 9 s.
def test_a_model_is_fine_tuned_with_a_corpus_that_its_tokenizers_prepared(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    tokenizers = [CharacterTokenizer.train(["abcdxyz"]), WordTokenizer.train(["dcba ab"])]
    encoder, decoder = (
        kind(one.vocabulary_size, 8)
        for kind, one in zip((Encoder, Decoder), tokenizers, strict=True)
    )
    Translator(Seq2Seq(encoder, decoder), *tokenizers).save(tmp_path / "model")
    data = ["--tsv", corpus / "train.tsv", "--workers", 1, "--from", tmp_path / "model"]
    assert call("prepare", *data, "--output", tmp_path / "shards") == 0
    words = ["--from", tmp_path / "model", "--prepared", tmp_path / "shards", "--epochs", 1]
    words += ["--valid-share", 0, "--output", tmp_path / "tuned"]
    assert call("train", *words) == 0
    tuned = Translator.load(tmp_path / "tuned")
    assert tuned.source_tokenizer.get_config() == tokenizers[0].get_config()
    capsys.readouterr()
    for option in ("--vocabulary-size", "--tokenizer-pairs"):
        assert call("prepare", *data, option, 9, "--output", tmp_path / "other") == 2
        message = f"{option} is settled by the model whose tokenizers are used. Received: "
        assert message in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model", "shards", "tuned"]


@pytest.mark.slow  # Another training: 7 s; data/test_sharded_batches.py reads damaged shards.
def test_a_damaged_shard_ends_the_training_in_one_line(
    corpus: Path, prepared: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    shard = prepared / "shards" / "00000.npz"
    whole = shard.read_bytes()
    shard.write_bytes(whole[:-200] + bytes([whole[-200] ^ 1]) + whole[-199:])
    words = ["--prepared", prepared, "--valid-tsv", corpus / "valid.tsv", *TINY]
    try:
        assert call("train", *words, "--output", tmp_path / "model") == 2
    finally:
        shard.write_bytes(whole)
    *_, error, end = capsys.readouterr().err.split("\n")
    assert error.startswith("error: A shard must be as") and f"{shard}, damaged" in error
    assert "prepare the corpus again" in error and end == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["prepare"], "give --source and --target, or --tsv"),
        (["prepare", "--tsv", "{corpus}/nothing"], "No such file or directory: {corpus}/nothing"),
        (["prepare", "--tsv", "-"], "read twice. Received: standard input"),
        (["prepare", "--tsv", "{corpus}/train.tsv", "--workers", "0"], "--workers must be at le"),
        (["prepare", "--tsv", "{corpus}/train.tsv", "--seed", "-1"], "--seed must be at least 0"),
        (["prepare", "--tsv", "{corpus}/train.tsv", "--duplicates", "all"], "duplicates must be"),
        (["prepare", "--tsv", "{corpus}/train.tsv", "--vocabulary-size", "4"], "at least 5"),
        (["prepare", "--tsv", "{corpus}/empty.tsv"], "there is no pair in {corpus}/empty.tsv"),
        (["prepare", "--tsv", "{corpus}/train.tsv", "--from", "{corpus}"], "folder of a transl"),
        (["train", "--prepared", "{corpus}"], "must be the folder of a prepared corpus"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing(
    words: list[str], message: str, corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    (corpus / "empty.tsv").write_text("")
    words = [word.format(corpus=corpus) for word in words]
    assert call(*words, "--output", tmp_path / "out") == 2
    *_, error, end = capsys.readouterr().err.split("\n")
    assert error.startswith("error: ") and message.format(corpus=corpus) in error and end == ""
    assert list(tmp_path.iterdir()) == []
