"""Scores of translations against references: functions on lists of strings, without a model."""

from __future__ import annotations

import dataclasses
import functools
import importlib.metadata
import itertools
import unicodedata
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, cast

from keras_s2s.evaluation.rouge import rouge_scores, rouge_signature

if TYPE_CHECKING:
    from sacremoses import MosesPunctNormalizer, MosesTokenizer


@dataclasses.dataclass(frozen=True)
class Scores:
    """The scores of a list of hypotheses.

    BLEU, chrF and ROUGE run from 0 to 100, higher is better. The other figures are fractions: 0.25
    means 25 %. An error rate is above 1 when the hypotheses need more edits than the references
    have tokens, as long outputs for short references do.

    Attributes:
        bleu: Cased corpus BLEU on the strings as they are, what the `sacrebleu` command prints.
        bleu_signature: sacreBLEU's signature of `bleu`.
        bleu_lowercased_tokenized: Corpus BLEU on lower-cased, Moses-tokenized text.
        bleu_lowercased_tokenized_signature: How `bleu_lowercased_tokenized` was made.
        chrf: Corpus chrF2 on the strings as they are.
        chrf_signature: sacreBLEU's signature of `chrf`.
        rouge_1: ROUGE-1 for summaries: mean over sentences of the F1 of words.
        rouge_2: The same of pairs of neighbouring words.
        rouge_l: The same of the longest common subsequence of words.
        rouge_signature: How the three were made.
        token_error_rate: Edits of blank-separated tokens over reference tokens; word error rate
            for text, phoneme error rate for phonemes that are separated by blanks.
        character_error_rate: Edits of characters over reference characters, blanks included.
        sequence_error_rate: Share of sentences that equal none of their references; word error
            rate in the literature on pronunciation.
        exact_match: Share of sentences that equal one of their references.
        sentences: Number of sentences.
    """

    bleu: float
    bleu_signature: str
    bleu_lowercased_tokenized: float
    bleu_lowercased_tokenized_signature: str
    chrf: float
    chrf_signature: str
    rouge_1: float
    rouge_2: float
    rouge_l: float
    rouge_signature: str
    token_error_rate: float
    character_error_rate: float
    sequence_error_rate: float
    exact_match: float
    sentences: int

    def to_dict(self) -> dict[str, float | int | str]:
        """Returns the scores as plain values that JSON can hold."""
        return dataclasses.asdict(self)


def score(
    hypotheses: Sequence[str],
    references: Sequence[str] | Sequence[Sequence[str]],
    *,
    language: str = "en",
) -> Scores:
    """Scores hypotheses against one or several references per sentence.

    BLEU and chrF take the strings as they are. Error rates and exact match compare NFC forms with
    white space folded to single blanks, as the tokenizers do. With several references, BLEU and
    chrF take them as sacreBLEU does, ROUGE takes the best one, the error rates take the nearest
    one, and an exact match is one with any of them. Empty strings are allowed on both sides; where
    all references together have no token, the error rates are the number of edits.

    `bleu_lowercased_tokenized` is the BLEU of the literature on Multi30k: lower-case, normalize
    punctuation and tokenize as the Moses scripts do (no aggressive splitting of dashes), then BLEU
    on the tokens. Moses escapes `&`, `'` and others as XML; BLEU is the same without, since equal
    tokens stay equal and different ones different.

    ROUGE is that of rouge-score without its stemmer, on words of any script, see
    `keras_s2s.evaluation.rouge.Words`; on ASCII it gives what that library's own tokenizer gives.

    Args:
        hypotheses: One string per sentence.
        references: One string per sentence, or a sequence of strings per sentence; the numbers of
            references may differ.
        language: ISO 639-1 code of the references' language for Moses' rules on apostrophes and
            abbreviations, such as `de` or `fr`; a language without rules of its own gets general
            ones. Hangul needs `ko`, kana `ja` and Han `zh` or `ja` to stay in words: elsewhere
            each such character is a token.

    Returns:
        The `Scores`.

    Raises:
        TypeError: If an argument is not a sequence of strings.
        ValueError: If there is no sentence, the numbers of sentences differ, or a sentence has no
            reference.

    Example:
        >>> scores = score(["Ein Hund rennt.", "Hallo"], ["Ein Hund rennt.", "Hallo Welt"])
        >>> scores.exact_match, scores.token_error_rate
        (0.5, 0.2)
        >>> score(["T AH M EY T OW"], [["T AH M AA T OW", "T AH M EY T OW"]]).exact_match
        1.0

    Source: BLEU, Papineni et al. 2002; sacreBLEU, Post 2018; chrF, Popović 2015, with beta 2 as in
    sacreBLEU; ROUGE, Lin 2004; the Moses steps are those of `task1-tokenize.sh` in the Multi30k
    repository.
    """
    answers = references_per_sentence(hypotheses, references)
    bleu, bleu_signature = _corpus_bleu(hypotheses, answers, tokenize="13a")
    prepare = functools.partial(_moses_tokenize, language=language)
    moses_bleu, moses_signature = _corpus_bleu(
        [prepare(text) for text in hypotheses],
        [[prepare(text) for text in texts] for texts in answers],
        tokenize="none",
    )
    chrf, chrf_signature = _corpus_chrf(hypotheses, answers)
    rouge_1, rouge_2, rouge_l = rouge_scores(hypotheses, answers)
    tokens = [_tokens(text) for text in hypotheses]
    answer_tokens = [[_tokens(text) for text in texts] for texts in answers]
    matches = sum(mine in theirs for mine, theirs in zip(tokens, answer_tokens, strict=True))
    return Scores(
        bleu=bleu,
        bleu_signature=bleu_signature,
        bleu_lowercased_tokenized=moses_bleu,
        bleu_lowercased_tokenized_signature=_name_moses(moses_signature, language),
        chrf=chrf,
        chrf_signature=chrf_signature,
        rouge_1=rouge_1,
        rouge_2=rouge_2,
        rouge_l=rouge_l,
        rouge_signature=rouge_signature(),
        token_error_rate=_error_rate(tokens, answer_tokens, unit=list),
        character_error_rate=_error_rate(tokens, answer_tokens, unit=" ".join),
        sequence_error_rate=(len(tokens) - matches) / len(tokens),
        exact_match=matches / len(tokens),
        sentences=len(tokens),
    )


def references_per_sentence(
    hypotheses: Sequence[str], references: Sequence[str] | Sequence[Sequence[str]]
) -> list[list[str]]:
    """Checks hypotheses and references as `score` promises; returns a list per sentence."""
    for name, value in (("hypotheses", hypotheses), ("references", references)):
        if isinstance(value, str) or not isinstance(value, Sequence):
            raise TypeError(
                f"{name} must be a sequence with one item per sentence; put a single sentence "
                f"into a list. Received: {name}={value!r}"
            )
    if not hypotheses or len(hypotheses) != len(references):
        raise ValueError(
            "hypotheses and references must have the same number of sentences, at least one. "
            f"Received: {len(hypotheses)} hypotheses, {len(references)} references"
        )
    answers = []
    for index, (hypothesis, item) in enumerate(zip(hypotheses, references, strict=True)):
        texts = list(item) if isinstance(item, Sequence) and not isinstance(item, str) else [item]
        if not texts:
            raise ValueError(
                f"each sentence needs a reference; drop it or give one. Received: "
                f"references[{index}]={item!r}"
            )
        if not all(isinstance(text, str) for text in [hypothesis, *texts]):
            raise TypeError(
                f"hypotheses and references must be strings; decode ids and bytes first. Received: "
                f"hypotheses[{index}]={hypothesis!r}, references[{index}]={item!r}"
            )
        answers.append(texts)
    return answers


def _corpus_bleu(
    hypotheses: Sequence[str], references: list[list[str]], tokenize: str
) -> tuple[float, str]:
    from sacrebleu.metrics.bleu import BLEU

    metric = BLEU(tokenize=tokenize, force=True)  # force: no advice on text that has blanks
    value = metric.corpus_score(hypotheses, _streams(references)).score
    return value, str(metric.get_signature())


def _corpus_chrf(hypotheses: Sequence[str], references: list[list[str]]) -> tuple[float, str]:
    from sacrebleu.metrics.chrf import CHRF

    metric = CHRF()
    value = metric.corpus_score(hypotheses, _streams(references)).score
    return value, str(metric.get_signature())


def _streams(references: list[list[str]]) -> list[list[str]]:
    """Turns references per sentence into sacreBLEU's sentences per reference, None for none."""
    streams = [list(stream) for stream in itertools.zip_longest(*references)]
    return cast(list[list[str]], streams)  # sacreBLEU documents None and does not declare it.


@functools.lru_cache(maxsize=4)
def _moses(language: str) -> tuple[MosesPunctNormalizer, MosesTokenizer]:
    from sacremoses import MosesPunctNormalizer, MosesTokenizer

    return MosesPunctNormalizer(language, perl_parity=True), MosesTokenizer(language)


def _moses_tokenize(text: str, language: str) -> str:
    normalizer, tokenizer = _moses(language)
    # The scripts read lines with their ends, and one of their rules (a quotation mark after a full
    # stop) looks at what follows. With the line end, all 9,042 lines of Multi30k's validation and
    # test files come out as from the Perl scripts.
    normalized = normalizer.normalize(text.lower() + "\n")
    return " ".join(tokenizer.tokenize(normalized, escape=False))


def _name_moses(signature: str, language: str) -> str:
    """Names what happened before BLEU in its signature."""
    tokenizer = f"tok:moses.{language}.sacremoses-{importlib.metadata.version('sacremoses')}"
    return signature.replace("case:mixed", "case:lc").replace("tok:none", tokenizer)


def _tokens(text: str) -> list[str]:
    return unicodedata.normalize("NFC", text).split()


def _error_rate(
    hypotheses: list[list[str]],
    references: list[list[list[str]]],
    unit: Callable[[list[str]], Sequence[str]],
) -> float:
    """Edits to each nearest reference over these references' length, both counted in `unit`."""
    from rapidfuzz.distance import Levenshtein

    edits = length = 0
    for hypothesis, answers in zip(hypotheses, references, strict=True):
        mine = unit(hypothesis)
        theirs = [unit(answer) for answer in answers]
        # A tie goes to the longer reference: as many edits are a smaller share of it.
        fewest, minus_length = min((Levenshtein.distance(mine, one), -len(one)) for one in theirs)
        edits, length = edits + fewest, length - minus_length
    return edits / max(length, 1)
