"""ROUGE by Google's rouge-score, for words of any script."""

from __future__ import annotations

import importlib.metadata
import unicodedata
from collections.abc import Sequence
from statistics import fmean

TYPES = ("rouge1", "rouge2", "rougeL")


class Words:
    """Splits text into lower-case words of any script; rouge-score handles a-z and 0-9 only.

    A word is a run of letters, combining marks and digits in NFC form. All other characters
    separate words. On ASCII text the words equal the tokens of rouge-score without its stemmer. In
    scripts without spaces, such as Chinese and Japanese, a word ends at the next punctuation mark.

    Example:
        >>> Words().tokenize("A 2nd well-known_name: 한국어의 हिन्दी!")
        ['a', '2nd', 'well', 'known', 'name', '한국어의', 'हिन्दी']
    """

    def tokenize(self, text: str) -> list[str]:
        """Split a text into words."""
        composed = unicodedata.normalize("NFC", text.lower())
        return "".join(one if _is_of_word(one) else " " for one in composed).split()


def rouge_scores(
    hypotheses: Sequence[str], references: Sequence[Sequence[str]]
) -> tuple[float, float, float]:
    """Compute ROUGE-1, ROUGE-2 and ROUGE-L.

    Each score is the mean over sentences of the F1 with the best reference, which is chosen for
    each of the three scores separately. Words are split by `Words` and not stemmed.

    Args:
        hypotheses: One string per sentence, at least one.
        references: One sequence of at least one string per sentence.

    Returns:
        ROUGE-1, ROUGE-2 and ROUGE-L, each from 0 to 100.

    Example:
        >>> rouge_scores(["the cat", "개가 달린다."], [["a dog", "The cat!"], ["개가 걷는다"]])
        (75.0, 50.0, 75.0)

    Source: Lin 2004, sections 2 and 3.1, with beta 1 and the best of several references.
    """
    from rouge_score.rouge_scorer import RougeScorer

    scorer = RougeScorer(TYPES, tokenizer=Words())
    found = [
        scorer.score_multi(texts, hypothesis)
        for hypothesis, texts in zip(hypotheses, references, strict=True)
    ]
    one, two, longest = (100 * fmean(row[name].fmeasure for row in found) for name in TYPES)
    return one, two, longest


def rouge_signature() -> str:
    """Return a signature of `rouge_scores` in the style of sacreBLEU."""
    version = importlib.metadata.version("rouge-score")
    return f"case:lc|tok:words|stem:no|f:1|mean:sentences|rouge-score:{version}"


def _is_of_word(character: str) -> bool:
    return unicodedata.category(character)[0] in "LMN"
