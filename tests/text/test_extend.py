"""An extended vocabulary keeps its ids, and spells what it could not spell before."""

import itertools
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_s2s.special_ids import UNK_ID
from keras_s2s.text.extend import extend_tokenizer, old_ids_of_new
from keras_s2s.text.sentencepiece_model import model_message
from keras_s2s.text.sentencepiece_tokenizer import SentencePieceTokenizer
from keras_s2s.text.symbol_tokenizers import CharacterTokenizer, WordTokenizer
from keras_s2s.text.tokenizer import Tokenizer

OLD = ["A dog runs, doesn't it?", "The dogs run in the house.", "a cat sleeps"] * 3
NEW = ["Żółw biegnie, nieprawdaż?", "강아지가 달린다.", "The żółw sleeps 😀"] * 6
KINDS: dict[str, Any] = {
    "sentencepiece": lambda form: SentencePieceTokenizer.train(OLD, normalization=form),
    "tagged pieces": lambda form: SentencePieceTokenizer.train(
        OLD, normalization=form, protected=("<2de>", "<2fr>")
    ),
    "tagged words": lambda form: WordTokenizer.train(
        OLD, normalization=form, protected=("<2de>", "<2fr>")
    ),
    "word": lambda form: WordTokenizer.train(OLD, normalization=form),
    "whole words": lambda form: WordTokenizer.train(
        OLD, normalization=form, split_punctuation=False
    ),
    "character": lambda form: CharacterTokenizer.train(OLD, normalization=form),
}
every_kind = pytest.mark.parametrize("kind", KINDS)


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@every_kind
def test_old_ids_mean_the_same_and_nothing_new_is_unknown(kind: str, form: str) -> None:
    old = KINDS[kind](form)
    new = extend_tokenizer(old, NEW)
    ids = range(old.vocabulary_size)
    assert type(new) is type(old) and new.pieces(ids) == old.pieces(ids)
    assert any(UNK_ID in row for row in old.encode_all(NEW))
    assert not any(UNK_ID in row for row in new.encode_all([*OLD, *NEW]))
    assert [new.decode(new.encode(text)) for text in NEW] == [
        CharacterTokenizer.train(NEW).decode(CharacterTokenizer.train(NEW).encode(text))
        for text in NEW
    ]
    assert new.normalization == form
    config = new.get_config(), old.get_config()
    assert config[0].get("split_punctuation") == config[1].get("split_punctuation")


@every_kind
def test_of_a_text_without_anything_new_the_tokenizer_itself_is_returned(kind: str) -> None:
    old = KINDS[kind]("NFC")
    assert extend_tokenizer(old, OLD) is old


@given(st.lists(st.text("ab cdéż", min_size=1), min_size=1, max_size=5))
def test_words_and_characters_that_were_known_keep_their_ids(lines: list[str]) -> None:
    lines = [*lines, "a"]
    for old in (WordTokenizer.train(["ab c d"]), CharacterTokenizer.train(["abc d"])):
        new = extend_tokenizer(old, lines)
        pairs = zip(old.encode_all(lines), new.encode_all(lines), strict=True)
        for before, after in pairs:
            assert all(
                one == other for one, other in zip(before, after, strict=True) if one != UNK_ID
            )
            assert UNK_ID not in after


def test_a_text_whose_words_had_few_pieces_is_split_as_before() -> None:
    old = SentencePieceTokenizer.train(OLD)
    new = extend_tokenizer(old, NEW)
    assert isinstance(new, SentencePieceTokenizer)
    assert new.encode_all(OLD) == old.encode_all(OLD)
    scores = [score for _, score in new.vocabulary()]
    size = old.vocabulary_size
    assert set(scores[size:]) == {min(scores[4:size]) - 1}


def test_a_long_piece_that_hardly_occurs_is_left_out_and_a_character_is_not() -> None:
    old = SentencePieceTokenizer.train(OLD)
    size = old.vocabulary_size
    rare, frequent = (extend_tokenizer(old, [*OLD, *["żół"] * uses]) for uses in (4, 5))
    assert sorted(rare.pieces(range(size, rare.vocabulary_size))) == ["ó", "ł", "ż"]
    assert "▁żół" in frequent.pieces(range(size, frequent.vocabulary_size))


@pytest.mark.parametrize("kind", ["sentencepiece", "word", "character"])
def test_the_largest_size_holds_and_single_characters_come_first(kind: str) -> None:
    old = KINDS[kind]("NFC")
    size = old.vocabulary_size
    new = extend_tokenizer(old, NEW, size + 2)
    assert new.vocabulary_size == size + 2
    if kind != "word":
        assert all(len(piece) == 1 for piece in new.pieces([size, size + 1]))
    assert extend_tokenizer(old, NEW, size) is old
    with pytest.raises(ValueError, match=f"`vocabulary_size` must be at least {size}"):
        extend_tokenizer(old, NEW, size - 1)


def test_a_tokenizer_of_ones_own_is_refused() -> None:
    class Own(WordTokenizer):
        pass

    with pytest.raises(TypeError, match="Received: a Own"):
        extend_tokenizer(Own(["a"]), ["b"])


def test_no_text_is_an_error() -> None:
    with pytest.raises(ValueError, match="must contain text"):
        extend_tokenizer(SentencePieceTokenizer.train(OLD), [" "])
    with pytest.raises(TypeError, match="an iterable of lines"):
        extend_tokenizer(WordTokenizer(["a"]), "text")


def test_a_new_piece_is_spelled_by_the_old_ones_with_the_largest_score() -> None:
    old = SentencePieceTokenizer.train(OLD)
    proto = model_message().FromString(old.model)
    added = ["▁dogrun", "thecat", "sżs", "s"]
    added = [piece for piece in added if piece not in {one.piece for one in proto.pieces}]
    for piece in added:
        proto.pieces.add(piece=piece, score=-30, type=1)
    new = SentencePieceTokenizer(proto.SerializeToString())
    scores = dict(old.vocabulary()[4:])
    index = {piece: number for number, (piece, _) in enumerate(old.vocabulary())}
    for piece, found in zip(added, old_ids_of_new(old, new), strict=True):
        splits = []
        for cuts in itertools.product([False, True], repeat=len(piece) - 1):
            ends = [place + 1 for place, is_cut in enumerate(cuts) if is_cut]
            parts = [piece[i:j] for i, j in itertools.pairwise([0, *ends, len(piece)])]
            if all(part in scores for part in parts):
                splits.append((sum(scores[part] for part in parts), parts))
        if not splits:
            assert found == []
            continue
        best = max(splits)[0]
        assert [index[part] for part in max(splits)[1]] == found or best == sum(
            score for _, score in (old.vocabulary()[one] for one in found)
        )


def test_words_and_characters_are_spelled_by_nothing() -> None:
    old = WordTokenizer(["a"])
    assert old_ids_of_new(old, extend_tokenizer(old, ["b c"])) == [[], []]


@pytest.mark.skipif(sys.platform != "linux", reason="tensorflow-text has no wheels")
@every_kind
def test_the_graph_gives_the_same_ids(kind: str) -> None:
    tf = pytest.importorskip("tensorflow")
    new: Tokenizer = extend_tokenizer(KINDS[kind]("NFC"), NEW)
    lines = [*OLD, *NEW, "Thezżó dogs강", "żżżżż", "unknown ☃ż"]
    assert new.tokenize(tf.constant(lines)).to_list() == new.encode_all(lines)


@pytest.mark.parametrize("kind", ["tagged pieces", "tagged words"])
def test_protected_symbols_stay_protected(kind: str) -> None:
    old = KINDS[kind]("NFC")
    new = extend_tokenizer(old, ["<2de> Żółw<2fr>", *NEW])
    assert new.protected == old.protected == ("<2de>", "<2fr>")
    pieces = new.pieces(new.encode("<2de> żółw <2fr>"))
    assert {"<2de>", "<2fr>"} <= {*pieces} and UNK_ID not in new.encode("<2de> żółw <2fr>")
