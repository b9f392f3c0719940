"""A tag is put before every text, and must be one token."""

from collections.abc import Iterator

import pytest

from keras_s2s import CharacterTokenizer, SentencePieceTokenizer, Tokenizer, WordTokenizer
from keras_s2s.inference.tags import with_tag

LINES = ["a dog runs", "low lower lowest"] * 3
TAGS = ["<2de>", "<2fr>"]


@pytest.mark.parametrize(
    "tokenizer",
    [
        WordTokenizer.train(LINES, protected=TAGS),
        CharacterTokenizer.train(LINES, protected=TAGS),
        SentencePieceTokenizer.train(LINES, protected=TAGS),
    ],
    ids=["words", "characters", "sentencepiece"],
)
def test_every_text_that_is_not_blank_begins_with_the_tag(tokenizer: Tokenizer) -> None:
    texts = list(with_tag(["a dog", "", " \t", "low"], "<2de>", tokenizer))
    assert texts == ["<2de> a dog", "", " \t", "<2de> low"]
    assert tokenizer.encode(texts[0]).count(tokenizer.encode("<2de>")[-1]) == 1
    for wrong in ("<2xx>", "<2de", "<2de> <2fr>", "", "zzz"):
        with pytest.raises(ValueError, match="one token.*Received: tag=.*symbols: <2de>, <2fr>"):
            with_tag([], wrong, tokenizer)


def test_an_ordinary_word_can_be_a_tag() -> None:
    assert list(with_tag(["dog"], "a", WordTokenizer.train(LINES))) == ["a dog"]


def test_texts_come_as_they_are_given_and_can_be_waited_for() -> None:
    class Lines:
        def __iter__(self) -> Iterator[str]:
            yield "a"
            yield 7  # pyright: ignore[reportReturnType]

        def must_wait(self) -> bool:
            return True

    tokenizer = WordTokenizer.train(LINES, protected=TAGS)
    texts = with_tag(Lines(), "<2fr>", tokenizer)
    assert texts.must_wait() and not with_tag([], "<2fr>", tokenizer).must_wait()
    assert list(texts) == ["<2fr> a", 7]  # The translator tells that it is no text.
