import hashlib
import json
import random
import socket
import unicodedata
from pathlib import Path

import pytest
import sacrebleu
from hypothesis import given
from hypothesis import strategies as st

from keras_s2s.evaluation.scores import Scores, _moses_tokenize, score

GERMAN = ["Ein Mann mit einem orangefarbenen Hut, der etwas anstarrt.", "Zwei Hunde rennen."]


def test_perfect_hypotheses_get_the_best_scores():
    scores = score(GERMAN, GERMAN, language="de")
    assert scores.bleu == pytest.approx(100)
    assert scores.bleu_lowercased_tokenized == pytest.approx(100)
    assert scores.chrf == pytest.approx(100)
    assert (scores.rouge_1, scores.rouge_2, scores.rouge_l) == (100, 100, 100)
    assert (scores.token_error_rate, scores.character_error_rate) == (0, 0)
    assert (scores.sequence_error_rate, scores.exact_match) == (0, 1)
    assert scores.sentences == 2


def test_bleu_and_chrf_are_what_sacrebleu_prints():
    hypotheses = ["Ein Mann mit einem Hut, der jemanden anstarrt.", "Zwei Hunde laufen."]
    scores = score(hypotheses, GERMAN)
    assert scores.bleu == sacrebleu.corpus_bleu(hypotheses, [GERMAN]).score
    assert 0 < scores.bleu < 100
    assert scores.chrf == sacrebleu.corpus_chrf(hypotheses, [GERMAN]).score
    version = sacrebleu.__version__
    assert scores.bleu_signature == (
        f"nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:{version}"
    )
    assert (
        scores.chrf_signature == f"nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:no|version:{version}"
    )


def test_several_references_are_given_to_sacrebleu_sentence_by_sentence():
    hypotheses = ["a b c d e", "f g h i j"]
    references = [["a b c d x", "a y c d e"], ["f g h i z"]]
    streams = [["a b c d x", "f g h i z"], ["a y c d e", None]]
    scores = score(hypotheses, references)
    assert scores.bleu == sacrebleu.corpus_bleu(hypotheses, streams).score
    assert scores.chrf == sacrebleu.corpus_chrf(hypotheses, streams).score
    assert scores.bleu_signature.startswith("nrefs:var|")


def test_each_rouge_stands_under_its_own_name():
    # Of 6 and 8 words 6 are the same, 5 in the same order; of 5 and 7 pairs of words 2.
    scores = score(["a b c d e x"], [["y", "y a b d c e x z"]])
    assert scores.rouge_1 == pytest.approx(100 * 2 * 6 / (6 + 8))
    assert scores.rouge_2 == pytest.approx(100 * 2 * 2 / (5 + 7))
    assert scores.rouge_l == pytest.approx(100 * 2 * 5 / (6 + 8))
    assert scores.rouge_signature.startswith("case:lc|")


def test_lowercased_tokenized_bleu_ignores_case_and_kinds_of_quotation_marks():
    scores = score(
        ['EIN MANN SAGT: "komm her, du Hund"'],
        ["Ein Mann sagt: „Komm her, du Hund“"],
        language="de",
    )
    assert scores.bleu_lowercased_tokenized == pytest.approx(100)
    assert scores.bleu < 50
    signature = scores.bleu_lowercased_tokenized_signature
    assert "case:lc" in signature and "tok:moses.de.sacremoses-" in signature


def test_lowercased_tokenized_bleu_sees_a_dash_inside_a_word():
    scores = score(["the man in a t shirt"], ["the man in a t-shirt"])
    assert scores.bleu_lowercased_tokenized < 100


@pytest.mark.parametrize(
    ("language", "text", "tokens"),
    [
        ("de", "Er sagt: „Komm, jetzt.“", 'er sagt : " komm , jetzt " .'),
        ("de", "z.B. A & B <c> [d] | 5 % usw.", "z.b. a & b < c > [ d ] | 5 % usw."),
        ("de", "Ein T-Shirt (rot): 3,5 m…", "ein t-shirt ( rot ) : 3,5 m ..."),
        ("fr", "Un verre d’eau.", "un verre d' eau ."),
        ("en", "It's a man's hat", "it 's a man 's hat"),
        ("ko", "안녕하세요, 세상!", "안녕하세요 , 세상 !"),
        ("xx", "A dog's life.", "a dog ' s life ."),
        ("en", "  ", ""),
    ],
)
def test_moses_tokens_are_as_expected(language: str, text: str, tokens: str):
    assert _moses_tokenize(text, language) == tokens


@pytest.mark.parametrize(
    ("split", "language", "digest"),
    [
        (
            "test_2016_flickr",
            "de",
            "b11694ac423429374ec30d35d87939b6",
        ),
        (
            "test_2017_flickr",
            "de",
            "ba573fef0f98b3389b95351f0eed1307",
        ),
        (
            "test_2016_flickr",
            "fr",
            "850308bccaff5789a01e65738712fa85",
        ),
        ("val", "fr", "d16b2f7a24133f0e76fc785d91a3d13f"),
        ("val", "en", "abf2a3424fb7147af8d3c7261f5e9cfc"),
    ],
)
def test_moses_tokens_of_multi30k_are_those_of_the_perl_scripts(
    shared_data: Path, split: str, language: str, digest: str
):
    # Half of the SHA-256 of what `normalize-punctuation.perl -l L | tokenizer.perl -no-escape -l L`
    # makes of the lower-cased file.
    text = (shared_data / "multi30k" / f"{split}.{language}").read_bytes().decode()
    tokens = [_moses_tokenize(line, language) for line in text.removesuffix("\n").split("\n")]
    assert hashlib.sha256("\n".join(tokens).encode()).hexdigest()[:32] == digest


def test_token_error_rate_counts_edits_over_all_reference_tokens():
    # One substitution and one deletion; one insertion. Seven reference tokens.
    scores = score(["a x c", "e f g h"], ["a b c d", "e f g"])
    assert scores.token_error_rate == pytest.approx(3 / 7)


def test_character_error_rate_counts_blanks_too():
    assert score(["ab cd"], ["abcd"]).character_error_rate == pytest.approx(1 / 4)


def test_error_rate_exceeds_one_for_long_outputs():
    scores = score(["a b c d"], ["x"])
    assert scores.token_error_rate == 4
    assert scores.sequence_error_rate == 1


def test_nearest_reference_counts_and_any_reference_matches():
    references = [["T AH M AA T OW", "T AH M EY T OW"], ["K AE T"]]
    scores = score(["T AH M EY T OW", "K AH T"], references)
    assert scores.token_error_rate == pytest.approx(1 / 9)
    assert (scores.exact_match, scores.sequence_error_rate) == (0.5, 0.5)


def test_longer_of_two_equally_near_references_counts():
    assert score(["a b"], [["a", "a b c"]]).token_error_rate == pytest.approx(1 / 3)


def test_exact_match_ignores_composition_and_extra_blanks():
    decomposed = unicodedata.normalize("NFD", "한국어 é")
    scores = score([decomposed], [" 한국어  é "])
    assert scores.exact_match == 1
    assert scores.character_error_rate == 0


@pytest.mark.parametrize(
    ("hypothesis", "reference", "token_error_rate", "exact_match"),
    [("", "a b", 1, 0), ("a b", "", 2, 0), ("", "", 0, 1), ("  ", "", 0, 1)],
)
def test_empty_strings_are_scored(
    hypothesis: str, reference: str, token_error_rate: float, exact_match: float
):
    scores = score([hypothesis], [reference])
    assert scores.token_error_rate == token_error_rate
    assert scores.exact_match == exact_match
    assert scores.bleu == scores.bleu_lowercased_tokenized == 0


def test_an_empty_reference_beside_others_costs_its_insertions():
    scores = score(["a b c d e", "x"], ["a b c d e", ""])
    assert scores.token_error_rate == pytest.approx(1 / 5)
    assert 90 < scores.bleu < 100


def test_scores_become_json_under_their_own_names():
    values = json.loads(json.dumps(score(["a b c d"], ["a b c d"]).to_dict()))
    assert values["exact_match"] == 1
    assert set(values) >= {
        *("bleu", "bleu_signature", "bleu_lowercased_tokenized", "chrf", "token_error_rate"),
        *("sequence_error_rate", "exact_match", "sentences"),
    }
    assert Scores(**values).to_dict() == values


def test_nothing_is_downloaded_and_nothing_is_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    def refuse(*args: object) -> None:
        raise AssertionError("tried to connect")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    tokenized = ["a man runs ."] * 150
    assert score(tokenized, tokenized, language="fr").bleu == pytest.approx(100)
    assert not caplog.records


@pytest.mark.parametrize(
    ("hypotheses", "references", "error", "message"),
    [
        ([], [], ValueError, "at least one"),
        (["a"], ["a", "b"], ValueError, "Received: 1 hypotheses, 2 references"),
        (["a", "b"], ["a", []], ValueError, r"Received: references\[1\]=\[\]"),
        ("a", ["a"], TypeError, "Received: hypotheses='a'"),
        (["a"], "a", TypeError, "Received: references='a'"),
        (["a", b"b"], ["a", "b"], TypeError, r"Received: hypotheses\[1\]=b'b'"),
        (["a"], [["a", None]], TypeError, r"references\[0\]=\['a', None\]"),
        (["a"], [3], TypeError, r"references\[0\]=3"),
        ((text for text in ["a"]), ["a"], TypeError, "hypotheses must be a sequence"),
    ],
)
def test_wrong_arguments_are_named(hypotheses, references, error, message):
    with pytest.raises(error, match=message):
        score(hypotheses, references)


def slow_edit_distance(first: list[str], second: list[str]) -> int:
    row = list(range(len(second) + 1))
    for one in first:
        diagonal, row[0] = row[0], row[0] + 1
        for place, other in enumerate(second, 1):
            best = min(row[place] + 1, row[place - 1] + 1, diagonal + (one != other))
            diagonal, row[place] = row[place], best
    return row[-1]


tokens = st.lists(st.sampled_from(["a", "b", "cd", "한", "é"]), max_size=8)


@given(tokens, tokens)
def test_token_error_rate_is_the_edit_distance_by_its_definition(first, second):
    scores = score([" ".join(first)], [" ".join(second)])
    expected = slow_edit_distance(first, second) / max(len(second), 1)
    assert scores.token_error_rate == pytest.approx(expected)


def test_order_of_sentences_changes_nothing():
    pairs = [(f"a b c d {number}", f"a b c d {number % 3} e") for number in range(20)]
    shuffled = random.Random(1).sample(pairs, len(pairs))
    before, after = (score(*map(list, zip(*some, strict=True))) for some in (pairs, shuffled))
    for name, value in before.to_dict().items():
        assert after.to_dict()[name] == (value if isinstance(value, str) else pytest.approx(value))
