"""Forbidden phrases as token sequences: every text that has one is found, and no other."""

import itertools
import random
import re
import string
from typing import Any

import pytest

from keras_s2s import CharacterTokenizer, Constraints, SentencePieceTokenizer, WordTokenizer, forbid
from keras_s2s.special_ids import START_ID
from keras_s2s.text.spellings import Spellings
from keras_s2s.text.tokenizer import Tokenizer

LINES = [
    "the cat sat on the mat, a catalogue of cats (cat) and con-cat.",
    "a black cat and a black dog; black catalogue!",
    "the dog cannot concatenate “cat”",
    "我喜欢黑猫 和 白猫, 猫咪 在 家",
] * 4


def has_phrase(texts: list[str], phrase: str) -> bool:
    """Whether a phrase begins at a word and ends where a token or a word does."""
    marks = " " + string.punctuation + "“”"
    ends = set(itertools.accumulate(map(len, texts)))
    text = "".join(texts)
    for match in re.finditer(f"(?={re.escape(phrase)})", text):
        before, after = text[: match.start()], text[match.start() + len(phrase) :]
        if "a" <= phrase[0] <= "z" and before and before[-1] not in marks:
            continue
        if match.start() + len(phrase) in ends or after[0] in marks:
            return True
        if not "a" <= phrase[-1] <= "z":
            return True
    return False


def vocabulary_of(kind: str, monkeypatch: pytest.MonkeyPatch) -> tuple[Tokenizer, list[str]]:
    """A tokenizer, and the texts of its tokens."""
    letters = CharacterTokenizer.train(LINES)
    if kind == "characters":
        return letters, list(letters.symbols)
    if kind == "subwords":
        subwords = SentencePieceTokenizer.train(LINES, 53)
        return subwords, [piece.replace("▁", " ") for piece, _ in subwords.vocabulary()[4:]]
    draw, line = random.Random(3), " ".join(LINES[:4])
    cuts = ((draw.randrange(len(line)), draw.randint(1, 6)) for _ in range(150))
    texts = sorted({line[start : start + length] for start, length in cuts} | set(line))
    monkeypatch.setattr("keras_s2s.text.spellings._texts", lambda _: texts)
    return letters, texts


def is_forbidden(ids: list[int], constraints: Constraints) -> bool:
    for end in range(1, len(ids) + 1):
        history = [START_ID, *ids[:end]]
        for sequence in constraints.forbidden:
            last = history[-len(sequence) :]
            if tuple(last) == sequence:
                return True
            if last[0] in constraints.boundaries and (START_ID, *last[1:]) == sequence:
                return True
    return False


@pytest.mark.parametrize("kind", ["characters", "subwords", "any cuts"])
@pytest.mark.parametrize("phrase", ["cat", "black cat", "猫", "(cat", "dog;"])
def test_every_segmentation_of_a_phrase_is_forbidden_and_no_other_text(
    kind: str, phrase: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokenizer, pieces = vocabulary_of(kind, monkeypatch)
    constraints = forbid([phrase], tokenizer)
    draw = random.Random(1)
    near = [i for i, text in enumerate(pieces, 4) if set(text) & set(phrase + " (“")]
    answers = set()
    for _ in range(500):
        if draw.random() < 0.5:
            ids = draw.choices(near, k=draw.randint(1, 8))
        else:
            parts = [phrase, "cat", " ", "(", "a", "猫", ", "]
            ids = segmented(" " + "".join(draw.choices(parts, k=5)), pieces, draw)
        texts = [pieces[i - 4] for i in ids]
        answer = is_forbidden(ids, constraints)
        assert answer == has_phrase(texts, phrase), texts
        answers.add(answer)
    assert answers == {True, False}


def segmented(text: str, pieces: list[str], draw: random.Random) -> list[int]:
    """Any segmentation of a text, by chance; what no token spells is left out."""
    ids, start = [], 0
    while start < len(text):
        fitting = [i for i, piece in enumerate(pieces, 4) if text.startswith(piece, start)]
        if fitting:
            ids.append(draw.choice(fitting))
        start += len(pieces[ids[-1] - 4]) if fitting else 1
    return ids


def test_a_word_is_forbidden_alone_and_a_mark_wherever_it_touches() -> None:
    words = WordTokenizer.train(["a cat, a catalogue ! (b)! c.", "! d !e"])
    index = {symbol: place for place, symbol in enumerate(words.symbols, 4)}
    assert Spellings(words).of("cat", 9) == [(index["cat"],)]
    marks = {(place,) for symbol, place in index.items() if symbol.strip("\x01") == "!"}
    assert len(marks) == 3 and set(Spellings(words).of("!", 9)) == marks
    assert Spellings(words).of("a cat,", 9) == [(index["a"], index["cat"], index["\x01,"])]
    assert Spellings(words).of("dog", 9) == []
    assert forbid(["cat"], words).boundaries == ()


def test_case_and_normal_forms_count_as_in_the_tokenizer() -> None:
    letters = CharacterTokenizer.train(["éÉ"], normalization="NFC")
    composed, decomposed = Spellings(letters).of("é", 9), Spellings(letters).of("e\u0301", 9)
    assert composed == decomposed != Spellings(letters).of("É", 9)


def test_a_tokenizer_of_ones_own_spells_a_phrase_in_one_way() -> None:
    class Digits(Tokenizer):
        """As in the docstring of `Tokenizer`."""

        @property
        def vocabulary_size(self) -> int:
            return 14

        @classmethod
        def train(cls, lines: Any, vocabulary_size: Any = None, **_: Any) -> Any:
            return cls()

        def encode_normalized(self, text: str) -> list[int]:
            return [4 + "0123456789".find(c) if c.isdigit() else 1 for c in text]

        def decode_tokens(self, ids: list[int], unknown: list[str]) -> str:
            return "".join(map(str, ids))

        def piece(self, index: int) -> str:
            return str(index - 4)

    assert forbid(["31", "3x"], Digits()).forbidden == ((7, 5),)


@pytest.mark.parametrize(
    ("phrases", "error", "message"),
    [
        ("cat", TypeError, "`phrases` must be a list"),
        ([4], TypeError, "must be a string. Received: 4"),
        ([" "], ValueError, "1 to 99 characters. Received: ' ' with 0"),
        (["x" * 100], ValueError, "1 to 99 characters"),
        (["a" * 30], ValueError, "room for 10,000 more spellings of forbidden phrases"),
    ],
)
def test_what_cannot_be_forbidden_is_told(phrases: Any, error: Any, message: str) -> None:
    tokenizer = SentencePieceTokenizer.train(["aa aaa aaaa b ab"] * 9, 11)
    with pytest.raises(error, match=message):
        forbid(phrases, tokenizer)


def test_a_list_of_many_words_can_be_forbidden() -> None:
    draw = random.Random(2)
    words = ["".join(draw.choices("abcdefgh", k=6)) for _ in range(2000)]
    tokenizer = WordTokenizer.train(words)
    assert len(forbid(words, tokenizer).forbidden) == len(set(words))
