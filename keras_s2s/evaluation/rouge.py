"""ROUGE by Google's rouge-score, with words of every script."""

from __future__ import annotations

import importlib.metadata
import unicodedata
from collections.abc import Sequence
from statistics import fmean

TYPES = ("rouge1", "rouge2", "rougeL")


class Words:
    """Cuts text into lower-case words of any script, where rouge-score knows a-z and 0-9 alone.

    A word is a run of letters, combining marks and digits in the NFC form; all else parts words. On
    ASCII these are the tokens of rouge-score itself without its stemmer. What is written without
    blanks, as Chinese and Japanese are, is one word up to the next punctuation mark.

    Example:
        >>> Words().tokenize("A 2nd well-known_name: 한국어의 हिन्दी!")
        ['a', '2nd', 'well', 'known', 'name', '한국어의', 'हिन्दी']
    """

    def tokenize(self, text: str) -> list[str]:
        """The words of a text."""
        composed = unicodedata.normalize("NFC", text.lower())
        return "".join(one if _is_of_word(one) else " " for one in composed).split()


def rouge_scores(
    hypotheses: Sequence[str], references: Sequence[Sequence[str]]
) -> tuple[float, float, float]:
    """Scores hypotheses by the words, pairs of words and word order shared with references.

    For each sentence the F1 with the best of its references counts, for each of the three by
    itself; the score is the mean over sentences. Words are those of `Words`, not stemmed.

    Args:
        hypotheses: One string per sentence, at least one.
        references: As many sequences of at least one string.

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
        scorer.score_multi(answers, text)
        for text, answers in zip(hypotheses, references, strict=True)
    ]
    one, two, longest = (100 * fmean(row[name].fmeasure for row in found) for name in TYPES)
    return one, two, longest


def rouge_signature() -> str:
    """How `rouge_scores` are made, in the manner of sacreBLEU's signatures."""
    version = importlib.metadata.version("rouge-score")
    return f"case:lc|tok:words|stem:no|f:1|mean:sentences|rouge-score:{version}"


def _is_of_word(character: str) -> bool:
    return unicodedata.category(character)[0] in "LMN"
