"""Metrics of hypotheses against references, as functions of lists of strings."""

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
    """Scores of a list of hypotheses.

    BLEU, chrF and ROUGE range from 0 to 100; higher is better. The other metrics are fractions:
    0.25 means 25 %. An error rate exceeds 1 when there are more edits than reference tokens, as for
    long hypotheses and short references.

    Attributes:
        bleu: Cased corpus BLEU on untokenized strings, as printed by the `sacrebleu` command.
        bleu_signature: sacreBLEU's signature of `bleu`.
        bleu_lowercased_tokenized: Corpus BLEU on lower-cased, Moses-tokenized text.
        bleu_lowercased_tokenized_signature: Signature of `bleu_lowercased_tokenized`.
        chrf: Corpus chrF2 on untokenized strings.
        chrf_signature: sacreBLEU's signature of `chrf`.
        rouge_1: ROUGE-1 for summaries: mean over sentences of the unigram F1.
        rouge_2: The same for bigrams.
        rouge_l: The same for the longest common subsequence of words.
        rouge_signature: Signature of the three ROUGE scores.
        token_error_rate: Edits of whitespace-separated tokens over reference tokens: the word error
            rate for text, the phoneme error rate for whitespace-separated phonemes.
        character_error_rate: Edits of characters over reference characters, spaces included.
        sequence_error_rate: Fraction of sentences that equal none of their references; the word
            error rate in the literature on pronunciation.
        exact_match: Fraction of sentences that equal one of their references.
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
        """Return the scores as JSON-serializable values."""
        return dataclasses.asdict(self)


def score(
    hypotheses: Sequence[str],
    references: Sequence[str] | Sequence[Sequence[str]],
    *,
    language: str = "en",
) -> Scores:
    """Compute scores of hypotheses against one or more references per sentence.

    BLEU and chrF use the strings unchanged. Error rates and exact match compare NFC forms with
    white space collapsed to single spaces, as the tokenizers do. With several references, BLEU and
    chrF combine them as sacreBLEU does, ROUGE uses the best one, the error rates use the nearest
    one, and an exact match may be with any of them. Empty strings are allowed on both sides. If the
    references have no token at all, the error rates are the number of edits.

    `bleu_lowercased_tokenized` is the BLEU of the literature on Multi30k: lower-casing, punctuation
    normalization and tokenization by the Moses scripts (without aggressive hyphen splitting), then
    BLEU on the tokens. The XML escaping of Moses is left out, as it does not change BLEU: equal
    tokens stay equal and different tokens stay different.

    ROUGE is computed by rouge-score without its stemmer, on words of any script, see
    `keras_s2s.evaluation.rouge.Words`. On ASCII text the result equals that of rouge-score's own
    tokenizer.

    Args:
        hypotheses: One string per sentence.
        references: One string per sentence, or a sequence of strings per sentence. The number of
            references may vary.
        language: ISO 639-1 code of the references' language for Moses' rules on apostrophes and
            abbreviations, such as `de` or `fr`; general rules apply to other languages. Words in
            Hangul need `ko`, in kana `ja` and in Han `zh` or `ja`; otherwise each such character
            is a token.

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
    reference_lists = references_per_sentence(hypotheses, references)
    bleu, bleu_signature = _corpus_bleu(hypotheses, reference_lists, tokenize="13a")
    prepare = functools.partial(_moses_tokenize, language=language)
    moses_bleu, moses_signature = _corpus_bleu(
        [prepare(text) for text in hypotheses],
        [[prepare(text) for text in texts] for texts in reference_lists],
        tokenize="none",
    )
    chrf, chrf_signature = _corpus_chrf(hypotheses, reference_lists)
    rouge_1, rouge_2, rouge_l = rouge_scores(hypotheses, reference_lists)
    tokens = [_tokens(text) for text in hypotheses]
    reference_tokens = [[_tokens(text) for text in texts] for texts in reference_lists]
    matches = sum(mine in theirs for mine, theirs in zip(tokens, reference_tokens, strict=True))
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
        token_error_rate=_error_rate(tokens, reference_tokens, unit=list),
        character_error_rate=_error_rate(tokens, reference_tokens, unit=" ".join),
        sequence_error_rate=(len(tokens) - matches) / len(tokens),
        exact_match=matches / len(tokens),
        sentences=len(tokens),
    )


def references_per_sentence(
    hypotheses: Sequence[str], references: Sequence[str] | Sequence[Sequence[str]]
) -> list[list[str]]:
    """Check hypotheses and references as `score` does; return a list of references each."""
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
    reference_lists = []
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
        reference_lists.append(texts)
    return reference_lists


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
    """Transpose references to sacreBLEU's layout, one list per reference, padded with None."""
    streams = [list(stream) for stream in itertools.zip_longest(*references)]
    return cast(list[list[str]], streams)  # sacreBLEU accepts None but does not declare it.


@functools.lru_cache(maxsize=4)
def _moses(language: str) -> tuple[MosesPunctNormalizer, MosesTokenizer]:
    from sacremoses import MosesPunctNormalizer, MosesTokenizer

    return MosesPunctNormalizer(language, perl_parity=True), MosesTokenizer(language)


def _moses_tokenize(text: str, language: str) -> str:
    normalizer, tokenizer = _moses(language)
    # The Perl scripts see the line end, and one of their rules (a quotation mark after a full stop)
    # depends on it. With it, all 9,042 lines of Multi30k's validation and test files are tokenized
    # as by the Perl scripts.
    normalized = normalizer.normalize(text.lower() + "\n")
    return " ".join(tokenizer.tokenize(normalized, escape=False))


def _name_moses(signature: str, language: str) -> str:
    """Add the preprocessing to BLEU's signature."""
    tokenizer = f"tok:moses.{language}.sacremoses-{importlib.metadata.version('sacremoses')}"
    return signature.replace("case:mixed", "case:lc").replace("tok:none", tokenizer)


def _tokens(text: str) -> list[str]:
    return unicodedata.normalize("NFC", text).split()


def _error_rate(
    hypotheses: list[list[str]],
    references: list[list[list[str]]],
    unit: Callable[[list[str]], Sequence[str]],
) -> float:
    """Divide the edits to the nearest references by these references' length, both in units."""
    from rapidfuzz.distance import Levenshtein

    edits = length = 0
    for hypothesis, texts in zip(hypotheses, references, strict=True):
        mine = unit(hypothesis)
        theirs = [unit(text) for text in texts]
        # On a tie the longer reference is used, which gives the lower rate.
        fewest, minus_length = min((Levenshtein.distance(mine, one), -len(one)) for one in theirs)
        edits, length = edits + fewest, length - minus_length
    return edits / max(length, 1)
