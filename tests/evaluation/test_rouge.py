import random
import socket
import unicodedata
from pathlib import Path

import pytest
from rouge_score.rouge_scorer import RougeScorer

from keras_s2s.evaluation.rouge import TYPES, Words, rouge_scores, rouge_signature

LANGUAGES = {
    "Korean": "한국어는 재미있다",
    "Hindi": "हिन्दी में लिखो",
    "Arabic": "مرحبا بالعالم",
    "Russian": "собака бежит",
    "Greek": "ο σκύλος τρέχει",
    "IPA": "t͡ɕʰ e̞ ɡ",
}


def test_scores_are_those_of_their_definition():
    # Words: 2 of 3 and of 4. Pairs: 1 of 2 and of 3. In the same order: "the cat".
    one, two, longest = rouge_scores(["the cat sat"], [["the cat is here"]])
    assert one == pytest.approx(100 * 2 * (2 / 3) * (2 / 4) / (2 / 3 + 2 / 4))
    assert two == pytest.approx(100 * 2 * (1 / 2) * (1 / 3) / (1 / 2 + 1 / 3))
    assert longest == pytest.approx(one)


def test_another_order_costs_rouge_2_and_l_and_not_1():
    one, two, longest = rouge_scores(["b a"], [["a b"]])
    assert (one, two, longest) == (100, 0, 50)


def test_the_score_is_the_mean_over_sentences_however_long_they_are():
    assert rouge_scores(["a b c d e f", "x"], [["a b c d e f"], ["y"]]) == (50, 50, 50)


def test_for_each_of_the_three_the_best_reference_counts():
    # The first has all words in another order, the second the longest run.
    found = rouge_scores(["a b c d"], [["d c b a", "a b c x y z"]])
    alone = [rouge_scores(["a b c d"], [[one]]) for one in ("d c b a", "a b c x y z")]
    assert found == tuple(map(max, zip(*alone, strict=True)))
    assert found not in alone


def test_sentences_may_have_different_numbers_of_references():
    assert rouge_scores(["a", "b"], [["x", "y", "a"], ["b"]])[0] == 100


@pytest.mark.parametrize("language", LANGUAGES)
def test_words_of_any_script_are_kept_whole(language: str):
    text = LANGUAGES[language]
    assert Words().tokenize(f"«{text}!»") == unicodedata.normalize("NFC", text).split()
    assert rouge_scores([text], [[text]])[0] == 100
    assert rouge_scores([text], [[text.split()[0]]])[0] < 100


def test_case_composition_and_punctuation_make_no_difference():
    decomposed = unicodedata.normalize("NFD", "Été, à l’hôtel")
    assert rouge_scores([decomposed], [["ÉTÉ (à l'hôtel)."]]) == (100, 100, 100)


def ascii_text(draw: random.Random) -> str:
    return "".join(draw.choices("aAbB12 .,-_'\t", k=draw.randint(0, 30)))


def test_ascii_has_the_scores_of_the_librarys_own_tokenizer():
    draw = random.Random(1)
    for _ in range(200):
        first, second = ascii_text(draw), ascii_text(draw)
        expected = RougeScorer(TYPES).score(second, first)
        found = rouge_scores([first], [[second]])
        assert found == tuple(100 * expected[name].fmeasure for name in TYPES)


def test_english_abstracts_have_the_scores_of_the_librarys_own_tokenizer(shared_data: Path):
    folder = shared_data / "scitldr"
    abstracts, titles = (
        (folder / name).read_text(encoding="utf-8").splitlines()[:100]
        for name in ("test.abstract", "test.title")
    )
    leads = [text.split(". ")[0] for text in abstracts]
    kept = [pair for pair in zip(leads, titles, strict=True) if "".join(pair).isascii()]
    assert len(kept) > 80
    rows = [RougeScorer(TYPES).score(title, lead) for lead, title in kept]
    expected = [100 * sum(row[name].fmeasure for row in rows) / len(rows) for name in TYPES]
    found = rouge_scores([lead for lead, _ in kept], [[title] for _, title in kept])
    assert found == pytest.approx(expected)
    assert 5 < found[1] < found[2] < found[0] < 60


@pytest.mark.parametrize("pair", [("", "a"), ("a", ""), ("", ""), ("!", "?"), ("a", "a")])
def test_what_holds_no_word_and_no_pair_of_words_scores_nothing(pair: tuple[str, str]):
    assert rouge_scores([pair[0]], [[pair[1]]])[1] == 0


def test_nothing_is_downloaded(monkeypatch: pytest.MonkeyPatch):
    def refuse(*args: object) -> None:
        raise AssertionError("tried to connect")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert rouge_scores(["One. Two."], [["One. Two."]]) == (100, 100, 100)


def test_the_signature_names_the_librarys_version():
    assert rouge_signature().startswith(
        "case:lc|tok:words|stem:no|f:1|mean:sentences|rouge-score:0."
    )
