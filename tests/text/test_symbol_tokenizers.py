import pytest

from keras_s2s.text.normalization import normalize
from keras_s2s.text.symbol_tokenizers import CharacterTokenizer, WordTokenizer


def test_words_are_sorted_by_frequency_then_code_point() -> None:
    tokenizer = WordTokenizer.train(["b b c", "a c b é"])
    assert tokenizer.symbols == ("b", "c", "a", "é")
    assert WordTokenizer.train(["b b c", "a c b é"], 6).symbols == ("b", "c")


def test_punctuation_is_split_off_and_comes_back_where_it_was() -> None:
    tokenizer = WordTokenizer.train(["don't (stop)... now ? a . m ."])
    ids = tokenizer.encode("don't (stop)... now ? a . m .")
    pieces = "don ￭'￭ t (￭ stop ￭) ￭. ￭. ￭. now ? a . m ."
    assert " ".join(tokenizer.pieces(ids)) == pieces
    assert tokenizer.decode(ids) == "don't (stop)... now ? a . m ."


def test_joiners_that_a_model_puts_side_by_side_join_once() -> None:
    tokenizer = WordTokenizer.train(["(a a)"])
    opening, closing = tokenizer.encode("(a")[0], tokenizer.encode("a)")[-1]
    assert tokenizer.decode([opening, closing]) == "()"
    assert tokenizer.decode([closing, opening]) == ") ("


def test_without_splitting_only_blanks_separate_words() -> None:
    tokenizer = WordTokenizer.train(["don't t_h", "don't"], split_punctuation=False)
    assert tokenizer.symbols == ("don't", "t_h")


@pytest.mark.parametrize("split_punctuation", [True, False])
def test_phonemes_between_blanks_are_one_id_each(split_punctuation: bool) -> None:
    for line in ("K AE1 T", "k ɔ ʒ a n", "t͡ɕʰ i kʰ a̠ ɭ", "ɒ ɟː ɒʲ ɑ̃ tʼ"):
        tokenizer = WordTokenizer.train([line], split_punctuation=split_punctuation)
        assert len(tokenizer.encode(line)) == len(line.split())
        assert tokenizer.decode(tokenizer.encode(line)) == normalize(line)


@pytest.mark.parametrize(
    ("symbols", "error"),
    [
        ([], ValueError),
        (["a", "a"], ValueError),
        (["a b"], ValueError),
        ([""], ValueError),
        (["e\u0301"], ValueError),
        (["\ud800"], ValueError),
        ([3], TypeError),
        ("abc", TypeError),
    ],
)
def test_symbols_that_text_cannot_contain_are_an_error(symbols: list, error: type) -> None:
    with pytest.raises(error, match="Received"):
        WordTokenizer(symbols)


def test_a_character_is_one_code_point() -> None:
    with pytest.raises(ValueError, match="one code point.*Received: 'ab'"):
        CharacterTokenizer(["ab"])
