import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from keras_s2s.text.tokenizers import (
    CharacterTokenizer,
    SentencePieceTokenizer,
    Tokenizer,
    WordTokenizer,
    load_tokenizer,
)

LINES = ["A dog runs, doesn't it?", "한글은 좋다.", "K AE1 T", "<s> a▁b ▅ <unk>"]
TRAINED = {
    "sentencepiece": SentencePieceTokenizer.train(LINES),
    "word": WordTokenizer.train(LINES),
    "word-whole": WordTokenizer.train(LINES, split_punctuation=False),
    "character-nfd": CharacterTokenizer.train(LINES, normalization="NFD"),
}
every_kind = pytest.mark.parametrize("tokenizer", TRAINED.values(), ids=TRAINED)


@every_kind
def test_a_saved_tokenizer_gives_the_same_ids_in_a_fresh_process(
    tokenizer: Tokenizer, tmp_path: Path
) -> None:
    tokenizer.save(tmp_path / "new" / "folder")
    code = (
        "import json, sys; from keras_s2s.text.tokenizers import load_tokenizer\n"
        "tokenizer = load_tokenizer('new/folder')\n"
        "ids = tokenizer.encode_all(json.load(sys.stdin))\n"
        "print(json.dumps([type(tokenizer).__name__, ids, tokenizer.decode(ids[1])]))\n"
        "assert not {'tensorflow', 'keras'} & {*sys.modules}"
    )
    texts = [*LINES, "ö dog한"]
    found = subprocess.run(
        [sys.executable, "-c", code],
        input=json.dumps(texts).encode(),
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )
    ids = tokenizer.encode_all(texts)
    expected = [type(tokenizer).__name__, ids, tokenizer.decode(ids[1])]
    assert json.loads(found.stdout) == expected


@every_kind
def test_saving_again_writes_the_same_bytes(tokenizer: Tokenizer, tmp_path: Path) -> None:
    tokenizer.save(tmp_path / "a")
    loaded = load_tokenizer(tmp_path / "a")
    loaded.save(tmp_path / "b")
    names = sorted(path.name for path in (tmp_path / "a").iterdir())
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert vars(loaded).keys() == {*vars(tokenizer)} - {"in_graph"}


def test_another_class_is_an_error_that_names_the_way(tmp_path: Path) -> None:
    TRAINED["word"].save(tmp_path)
    with pytest.raises(ValueError, match="class='WordTokenizer'.*load_tokenizer"):
        CharacterTokenizer.load(tmp_path)


def test_a_folder_without_a_tokenizer_is_an_error_that_names_it(tmp_path: Path) -> None:
    for load in (load_tokenizer, WordTokenizer.load):
        with pytest.raises(ValueError, match=f"{tmp_path.name}.*must be a folder"):
            load(tmp_path)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b"\xff", b"[" * 100_000, b"3"])
def test_a_settings_file_that_is_something_else_is_an_error(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_bytes(content)
    with pytest.raises(ValueError, match=r"tokenizer\.json must be as.*Copy the folder anew"):
        load_tokenizer(tmp_path)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("version", 2, "newer"),
        ("class", "BytePairTokenizer", "none of"),
        ("class", None, "class=None"),
        ("normalization", "NFX", "NFX"),
        ("normalization", None, "normalization=None"),
        ("vocabulary_size", 3, "vocabulary_size"),
        ("special_ids", {"pad": 3, "unk": 1, "start": 2, "end": 0}, "special_ids"),
        ("symbols", ["a", "a"], "'a' twice"),
        ("symbols", ["a"], "vocabulary_size"),
        ("symbols", [1], "must be a str"),
        ("symbols", None, "must be a list"),
        ("symbols", [], "at least one"),
        ("split_punctuation", "yes", "split_punctuation"),
        ("split_punctuation", ..., "split_punctuation"),
    ],
)
def test_a_changed_settings_file_is_an_error(
    name: str, value: object, message: str, tmp_path: Path
) -> None:
    TRAINED["word"].save(tmp_path)
    path = tmp_path / "tokenizer.json"
    saved = json.loads(path.read_text(encoding="utf-8"))
    saved[name] = value
    if value is ...:
        del saved[name]
    path.write_text(json.dumps(saved), encoding="utf-8")
    with pytest.raises(ValueError, match=rf"tokenizer\.json must.*(?s:{message})"):
        load_tokenizer(tmp_path)


@pytest.mark.parametrize("damage", [bytes, lambda model: model[:-1], lambda model: model + b"\0"])
def test_a_damaged_model_file_is_an_error(damage: Callable, tmp_path: Path) -> None:
    TRAINED["sentencepiece"].save(tmp_path)
    path = tmp_path / "tokenizer.model"
    path.write_bytes(damage(path.read_bytes()) if damage is not bytes else b"")
    with pytest.raises(ValueError, match=r"bytes in tokenizer\.model.*Copy the folder anew"):
        load_tokenizer(tmp_path)
    path.unlink()
    with pytest.raises(ValueError, match=r"no tokenizer\.model beside it"):
        load_tokenizer(tmp_path)
