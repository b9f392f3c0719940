"""Word alignments that the attention of a model gives, and the alignment error rate."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from keras_s2s.data.alignments import Link
from keras_s2s.text.word_finder import WordFinder

if TYPE_CHECKING:
    from keras_s2s.inference.protocol import TextTranslator


class AlignedPair(NamedTuple):
    """The attention of one pair, and the links between its words.

    Attributes:
        source_pieces: The S tokens that the encoder read, end mark included.
        target_pieces: The T tokens of the target, end mark included.
        weights: Attention weights, float32 `[T, S]`: row t is where the model looked to predict
            token t.
        links: Source word and target word of each link, numbers from 0, by the target word.
    """

    source_pieces: list[str]
    target_pieces: list[str]
    weights: np.ndarray
    links: list[Link]


def align(
    translator: TextTranslator,
    pairs: Iterable[tuple[str, str]],
    *,
    strict: bool = False,
    batch_size: int = 64,
    window: int = 4096,
) -> Iterator[AlignedPair]:
    """Align the words of given pairs by the attention weights of a model (teacher forcing).

    Words are what white space separates, punctuation included. Each target word is linked to one
    source word: the one with the largest attention weight, summed over the tokens of both. The end
    marks are never linked, and neither is a word that was cut off, nor any word of a pair with a
    blank side. Text without blanks is one word; read the weights there.

    Args:
        translator: A `Translator` with attention, an ensemble too, or a translator of an export.
        pairs: Sources and targets; at most `window` of them are held in memory.
        strict: Whether a side that is longer than `translator.maximum_source_length` raises an
            error instead of being cut with a warning.
        batch_size: The most pairs that are computed together.
        window: The most pairs that are read before the first one is returned.

    Returns:
        The aligned pairs, in order.

    Raises:
        TypeError: `translator` is none, or a pair does not consist of two strings.
        ValueError: The model has no attention, a number is below 1, or with `strict` a side is too
            long.

    Example:
        >>> from keras_s2s import Decoder, Encoder, LuongAttention, Seq2Seq, Translator
        >>> from keras_s2s import WordTokenizer
        >>> words = WordTokenizer.train(["a dog ."])
        >>> model = Seq2Seq(Encoder(7, 8), Decoder(7, 8, attention=LuongAttention(8)))
        >>> (pair,) = align(Translator(model, words, words), [("a dog .", "dog .")])
        >>> pair.target_pieces, pair.weights.shape, [target for _, target in pair.links]
        (['dog', '.', '</s>'], (3, 4), [0, 1])

    Source: the attention as an alignment: Bahdanau et al. 2015, section 5.2.1; Luong et al. 2015,
    section 5.4.
    """
    from keras_s2s.inference.forced import force

    options = {"strict": strict, "batch_size": batch_size, "window": window}
    found = force(translator, pairs, attention=True, **options)
    return _aligned(translator, found)


def _aligned(translator: TextTranslator, found: Iterable) -> Iterator[AlignedPair]:
    source, target = translator.source_tokenizer, translator.target_tokenizer
    source_finder, target_finder = WordFinder(source), WordFinder(target)
    for pair in found:
        yield AlignedPair(
            source.pieces(pair.source_ids),
            target.pieces(pair.target_ids),
            pair.found.attention,
            links_between(
                pair.found.attention[:-1, :-1],
                source_finder(pair.source, pair.source_ids[:-1]),
                target_finder(pair.target, pair.target_ids[:-1]),
            ),
        )


def links_between(
    weights: np.ndarray, source_words: np.ndarray, target_words: np.ndarray
) -> list[Link]:
    """Link each target word to the source word with the largest sum of weights.

    Args:
        weights: Attention weights `[T, S]`, without end marks.
        source_words: The number of the word of each source token, `[S]`; -1 for none.
        target_words: The number of the word of each target token, `[T]`; -1 for none.

    Returns:
        The links, by the target word; of equal sums the first source word's. A target word to
        whose tokens no source word has any weight has none.

    Example:
        >>> weights = np.array([[0.4, 0.3, 0.3], [0.2, 0.2, 0.6]])
        >>> links_between(weights, np.array([0, 1, 1]), np.array([0, 1]))
        [(1, 0), (1, 1)]
    """
    rows, columns = target_words.max(initial=-1) + 1, source_words.max(initial=-1) + 1
    if not rows or not columns:
        return []
    sums = np.zeros((rows, columns))
    real = weights[np.ix_(target_words >= 0, source_words >= 0)]
    source, target = source_words[source_words >= 0], target_words[target_words >= 0]
    np.add.at(sums, (target[:, None], source[None]), real)
    best = sums.argmax(axis=1)
    return [(int(word), number) for number, word in enumerate(best) if sums[number, word] > 0]


def alignment_error_rate(
    found: Iterable[Iterable[Link]],
    sure: Iterable[Iterable[Link]],
    possible: Iterable[Iterable[Link]] | None = None,
) -> float:
    """Compute the alignment error rate (AER) of a corpus.

    With the links A that were found, S that are sure and P that are possible, S included::

        AER = 1 - (|A and S| + |A and P|) / (|A| + |S|)

    Args:
        found: The links of each pair.
        sure: The sure links of each pair.
        possible: The possible links of each pair; `None` where all are sure. Sure links need not
            be among them.

    Returns:
        The rate, 0 to 1; lower is better. 0 where there are no links at all.

    Raises:
        ValueError: The numbers of pairs differ.

    Example:
        >>> round(alignment_error_rate([[(0, 0), (1, 2)]], [[(0, 0), (1, 1)]]), 3)
        0.5

    Source: Och and Ney 2003, "A Systematic Comparison of Various Statistical Alignment Models",
    section 5.1.
    """
    answers, certain = [set(row) for row in found], [set(row) for row in sure]
    allowed = certain if possible is None else [set(row) for row in possible]
    if not len(answers) == len(certain) == len(allowed):
        raise ValueError(
            "Every pair needs its links. Received: links of "
            f"{len(answers)}, {len(certain)} and {len(allowed)} pairs"
        )
    right = size = 0
    for a, s, p in zip(answers, certain, allowed, strict=True):
        right += len(a & s) + len(a & (s | p))
        size += len(a) + len(s)
    return 1 - right / size if size else 0.0
