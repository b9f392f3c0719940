"""Batches with the alignments of their pairs, for guided alignment."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from keras_s2s.data.alignments import read_links
from keras_s2s.data.batches import Batches
from keras_s2s.data.derived_batches import DerivedBatches
from keras_s2s.data.pairs import Pairs
from keras_s2s.special_ids import PAD_ID
from keras_s2s.text.tokenizer import Tokenizer
from keras_s2s.text.word_finder import WordFinder, words_of


class PairAlignments:
    """The word alignments of pairs, as distributions over the tokens of a batch.

    Words are what white space separates, punctuation included. A token of a target word has the
    distribution of its word: equal parts for each source word that is linked to it, and within a
    source word equal parts for each of its tokens. The end marks, and the tokens of words without a
    link, have none.

    Args:
        pairs: Sources and targets.
        alignments: For each pair its links in the Pharaoh format, such as "0-0 1-2"; blank for
            none.
        source_tokenizer: Tokenizer of the sources.
        target_tokenizer: Tokenizer of the targets.

    Raises:
        ValueError: The numbers of pairs and alignments differ, or a line has an error.

    Example:
        >>> from keras_s2s import WordTokenizer
        >>> words = WordTokenizer.train(["a b", "c d"])
        >>> alignments = PairAlignments([("a b", "c d")], ["0-1 1-1"], words, words)
        >>> source, target = np.array([[4, 5, 3]]), np.array([[6, 7, 3]])
        >>> alignments.matrices(np.array([0]), source, target).tolist()
        [[[0.0, 0.0, 0.0], [0.5, 0.5, 0.0], [0.0, 0.0, 0.0]]]
    """

    def __init__(
        self,
        pairs: Pairs,
        alignments: Sequence[str],
        source_tokenizer: Tokenizer,
        target_tokenizer: Tokenizer,
    ) -> None:
        check_alignments(pairs, alignments)
        self._pairs = pairs
        self._links = list(map(_links, itertools.count(1), pairs, alignments))
        self._find_source = WordFinder(source_tokenizer)
        self._find_target = WordFinder(target_tokenizer)

    def matrices(self, pairs: np.ndarray, source: np.ndarray, target: np.ndarray) -> np.ndarray:
        """The alignments of a batch, whatever its segmentation.

        Args:
            pairs: Numbers of the pairs, int64 `[B]`.
            source: Ids with end marks, int32 `[B, S]`, padded with 0.
            target: Likewise, `[B, T]`.

        Returns:
            float32 `[B, T, S]`; a row sums to 1, or to 0 where a token has no alignment.
        """
        found = np.zeros((*target.shape, source.shape[1]), np.float32)
        for row, pair in enumerate(pairs.tolist()):
            links = self._links[pair]
            if not len(links):
                continue
            ids = [side[row][side[row] != PAD_ID][:-1] for side in (source, target)]
            texts = self._pairs[pair]
            of_source = self._find_source(texts[0], ids[0])
            of_target = self._find_target(texts[1], ids[1])
            found[row, : len(ids[1]), : len(ids[0])] = _matrix(links, of_source, of_target)
        return found


def _matrix(links: np.ndarray, of_source: np.ndarray, of_target: np.ndarray) -> np.ndarray:
    """The distributions of one pair, `[T, S]`, from the word of each token, -1 for none."""
    last_source = max(links[:, 0].max(), of_source.max(initial=-1))
    last_target = max(links[:, 1].max(), of_target.max(initial=-1))
    # The last row and the last column belong to the tokens of no word.
    words = np.zeros((last_target + 2, last_source + 2))
    words[links[:, 1], links[:, 0]] = 1
    tokens = np.bincount(of_source[of_source >= 0], minlength=last_source + 2)
    shares = (words / np.maximum(tokens, 1))[of_target][:, of_source]
    return shares / np.maximum(shares.sum(axis=1, keepdims=True), np.finfo(float).tiny)


def check_alignments(pairs: Pairs, alignments: Sequence[str]) -> None:
    """Raise ValueError unless there is an alignment for each pair."""
    if isinstance(alignments, str) or len(alignments) != len(pairs):
        raise ValueError(
            f"every pair needs an alignment, blank for none. Received: {len(pairs):,} pairs and "
            f"{len(alignments):,} alignments"
        )


def _links(number: int, pair: tuple[str, str], line: str) -> np.ndarray:
    try:
        links = read_links(line, *(len(words_of(side)) for side in pair))
    except ValueError as error:
        raise ValueError(f"Alignment {number}: {error}") from error
    return np.array(links, np.int32).reshape(-1, 2)


class AlignedBatches(DerivedBatches):
    """`Batches` whose targets are `(target_out, alignment)`, for `GuidedAlignment`.

    Args:
        batches: Batches of the pairs; where they have new segmentations in every epoch, the
            alignments follow.
        alignments: The alignments of the same pairs.
        decay: Factor of the alignments from one epoch to the next: in epoch n, from 0, they are
            multiplied by `decay ** n`, and so is the loss.

    Raises:
        ValueError: `decay` is not above 0 and at most 1.

    Example:
        >>> from keras_s2s import WordTokenizer
        >>> words, pairs = WordTokenizer.train(["a b"]), [("a b", "b a")]
        >>> batches = Batches([[4, 5]], [[5, 4]], batch_sentences=1)
        >>> aligned = AlignedBatches(batches, PairAlignments(pairs, ["0-1 1-0"], words, words))
        >>> _, (target_out, alignment) = next(iter(aligned.epoch(0)))
        >>> alignment.numpy()[0].tolist()
        [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
    """

    def __init__(self, batches: Batches, alignments: PairAlignments, decay: float = 1.0) -> None:
        if not 0 < decay <= 1:
            raise ValueError(f"decay must be above 0 and at most 1. Received: decay={decay!r}.")
        super().__init__(batches)
        self._alignments = alignments
        self._decay = decay

    def _batches(self, starts: Iterable[tuple[int, int]]) -> Iterator[Any]:
        for epoch, first_step in starts:
            plan = self.plan(epoch)[first_step:]
            batches = self._batches_of_pairs._batches([(epoch, first_step)])
            for pairs, (inputs, target_out, *weights) in zip(plan, batches, strict=True):
                found = self._alignments.matrices(pairs, inputs[0], target_out)
                yield inputs, (target_out, found * np.float32(self._decay**epoch)), *weights

    def _target_spec(self) -> Any:
        import tensorflow as tf

        alignment = tf.TensorSpec([None, None, None], tf.float32)  # pyright: ignore[reportArgumentType]
        return super()._target_spec(), alignment
