"""Protected symbols are one token wherever they occur; SentencePiece itself is the reference."""

import io
import re
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sentencepiece import SentencePieceProcessor, SentencePieceTrainer

from keras_s2s.special_ids import UNK_ID
from keras_s2s.text.normalization import normalize
from keras_s2s.text.sentencepiece_model import model_message
from keras_s2s.text.tokenizers import (
    CharacterTokenizer,
    SentencePieceTokenizer,
    Tokenizer,
    WordTokenizer,
    load_tokenizer,
)
from keras_s2s.text.unigram_sampler import UnigramSampler

LINES = [
    "the cat sat on the mat, the <num> cats ran (<num>)",
    "<2de> ein Hund lief <2fr>",
    "low lower lowest new newer newest world two ab cab",
] * 4
SYMBOLS = ["<2de>", "<2fr>", "<num>", "<num>s", "%", "wo", "e\u0301", "①"]
parts = st.sampled_from(
    [*SYMBOLS, "low", "new", "lowest", "a", "b", " ", " ", ".", "(", "한", "<2"]
)
texts = st.lists(parts, max_size=12).map("".join)


def trained(symbols: list[str], **options: Any) -> bytes:
    """What `spm_train` makes; sentencepiece then reads ids of the symbols in texts."""
    model = io.BytesIO()
    SentencePieceTrainer.train(
        sentence_iterator=iter(LINES),
        model_writer=model,
        **{
            "vocab_size": 60,
            "hard_vocab_limit": False,
            "minloglevel": 2,
            "pad_id": 0,
            "unk_id": 1,
            "bos_id": 2,
            "eos_id": 3,
            "normalization_rule_name": "identity",
            "user_defined_symbols": symbols,
            **options,
        },
    )
    return model.getvalue()


@cache
def theirs_and_ours() -> tuple[Any, SentencePieceTokenizer]:
    model = trained(SYMBOLS)
    return SentencePieceProcessor(model_proto=model), SentencePieceTokenizer(model)


@given(texts)
def test_a_model_with_user_defined_symbols_gives_sentencepieces_ids(text: str) -> None:
    reference, tokenizer = theirs_and_ours()
    normalized = normalize(text, "NFC", tuple(SYMBOLS))
    assert tokenizer.encode(text) == reference.encode(normalized)


@cache
def tokenizers() -> dict[str, Tokenizer]:
    return {
        "sentencepiece": SentencePieceTokenizer.train(LINES, protected=SYMBOLS),
        "words": WordTokenizer.train(LINES, protected=SYMBOLS),
        "blanks": WordTokenizer.train(LINES, split_punctuation=False, protected=SYMBOLS),
        "characters": CharacterTokenizer.train(LINES, normalization="NFD", protected=SYMBOLS),
    }


@pytest.mark.parametrize("kind", ["sentencepiece", "words", "blanks", "characters"])
@given(text=texts)
def test_each_symbol_is_one_token_and_the_text_comes_back(kind: str, text: str) -> None:
    tokenizer = tokenizers()[kind]
    ids = tokenizer.encode(text)
    pieces = tokenizer.pieces(ids)
    pattern = "|".join(map(re.escape, sorted(SYMBOLS, key=len, reverse=True)))
    assert [one for one in pieces if one in SYMBOLS] == re.findall(pattern, text)
    if UNK_ID not in ids:
        assert tokenizer.decode(ids) == normalize(text, "NFC", tuple(SYMBOLS))
        assert tokenizer.surfaces(text).count("<2de>") == text.count("<2de>")


@given(texts, st.integers(0, 9))
def test_sampled_segmentations_keep_the_symbols(text: str, seed: int) -> None:
    tokenizer = tokenizers()["sentencepiece"]
    assert isinstance(tokenizer, SentencePieceTokenizer)
    best = tokenizer.encode(text)
    (drawn,) = tokenizer.encode_all([text], alpha=0.0, seed=seed)
    first, last = 4, 4 + len(SYMBOLS)
    assert [i for i in drawn if first <= i < last] == [i for i in best if first <= i < last]


def test_a_symbol_is_sampled_whole_where_its_parts_are_tokens() -> None:
    pieces = ["", "", "", "", "\u2581", "a", "b", "\x04ab\x05", "\x04", "\x05"]
    sampler = UnigramSampler(pieces, [0.0] * 10, 0.0)
    drawn = {tuple(sampler.sample("\u2581\x04ab\x05ab", Random(seed))) for seed in range(9)}
    assert drawn == {(4, 7, 5, 6)}


def test_a_symbol_wins_where_sentencepieces_own_score_does_not_suffice() -> None:
    proto = model_message().FromString(trained(["ab"]))
    del proto.pieces[5:]
    for piece, score in {"▁": -1, "x": -9, "a": -9, "b": -1, "xa": -1}.items():
        proto.pieces.add(piece=piece, score=score)
    model = proto.SerializeToString()
    theirs = SentencePieceProcessor(model_proto=model).encode("xab", out_type=str)
    assert theirs == ["▁", "xa", "b"]
    tokenizer = SentencePieceTokenizer(model)
    assert tokenizer.pieces(tokenizer.encode("xab")) == ["▁", "x", "ab"]


def test_normalization_does_not_change_a_symbol() -> None:
    assert normalize("<x>\u0338 ①", "NFKC") == "<x\u226f 1"
    assert normalize("<x>\u0338 ①", "NFKC", ("<x>", "①")) == "<x>\u0338 ①"
    tokenizer = CharacterTokenizer.train(["a"], normalization="NFKC", protected=["①", "<x>"])
    assert tokenizer.pieces(tokenizer.encode("a①<x>\u0338")) == ["a", "①", "<x>", "<unk>"]


def test_words_know_where_no_blank_was_beside_a_symbol() -> None:
    tokenizer = tokenizers()["words"]
    pieces = tokenizer.pieces(tokenizer.encode("low<2de><2fr> new (<num>)"))
    assert " ".join(pieces) == "low ￭ <2de> ￭ <2fr> new (￭ <num> ￭)"
    assert tokenizer.encode("<2de> low")[0] == tokenizer.encode("low<2de>")[-1]


@pytest.mark.parametrize("kind", ["sentencepiece", "words", "blanks", "characters"])
def test_a_saved_tokenizer_keeps_its_symbols(kind: str, tmp_path: Path) -> None:
    tokenizer = tokenizers()[kind]
    tokenizer.save(tmp_path)
    loaded = load_tokenizer(tmp_path)
    assert loaded.protected == tokenizer.protected == tuple(SYMBOLS)
    assert loaded.encode("low<2de>low") == tokenizer.encode("low<2de>low")


def test_the_saved_model_is_one_that_sentencepiece_reads_alike(tmp_path: Path) -> None:
    tokenizer = tokenizers()["sentencepiece"]
    tokenizer.save(tmp_path)
    reference = SentencePieceProcessor(model_file=str(tmp_path / "tokenizer.model"))
    assert reference.encode("low <2de>new%") == tokenizer.encode("low <2de>new%")


@pytest.mark.parametrize("make", [WordTokenizer, CharacterTokenizer, SentencePieceTokenizer])
@pytest.mark.parametrize(
    ("symbols", "error", "message"),
    [
        (["a b"], ValueError, "without blanks.*Received: 'a b'"),
        ([""], ValueError, "Received: ''"),
        (["\x04"], ValueError, "control characters"),
        (["\ud800"], ValueError, "Received"),
        (["<a>", "<a>"], ValueError, "'<a>' twice"),
        ("<a>", TypeError, "list of str"),
        ([1], TypeError, "list of str"),
    ],
)
def test_symbols_that_cannot_be_are_told(
    make: type[Tokenizer], symbols: Any, error: type, message: str
) -> None:
    with pytest.raises(error, match=message):
        make.train(LINES, protected=symbols)  # pyright: ignore[reportCallIssue]


@pytest.mark.parametrize("make", [WordTokenizer, CharacterTokenizer, SentencePieceTokenizer])
def test_symbols_that_leave_no_room_for_text_are_told(make: type[Tokenizer]) -> None:
    with pytest.raises(ValueError, match="`vocabulary_size` must be at least (13|14).*protected"):
        make.train(LINES, 12, protected=SYMBOLS)  # pyright: ignore[reportCallIssue]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"control_symbols": ["<c>"]}, "type 3.*user_defined_symbols instead"),
        ({"byte_fallback": True, "vocab_size": 320}, "type 6.*byte_fallback=False"),
        ({"user_defined_symbols": ["\u2581x"]}, "without blanks.*'\u2581x'"),
    ],
)
def test_pieces_that_text_cannot_be_made_of_are_told(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SentencePieceTokenizer(trained([], **options))


def test_a_thousand_symbols_are_found() -> None:
    symbols = [f"<tag{number}>" for number in range(1000)]
    tokenizer = WordTokenizer.train(["a b"], protected=symbols)
    assert tokenizer.pieces(tokenizer.encode("<tag7><tag77>a"))[::2] == ["<tag7>", "<tag77>", "a"]
