"""Constraints of a search as an object: without Keras and NumPy, as `strategies.py`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields

from keras_s2s.search.checks import check_at_least, check_whole

LONGEST_NGRAM = 100  # Tokens, also of a forbidden sequence.
MOST_FORBIDDEN = 10_000  # Sequences.


@dataclass(frozen=True, repr=False)
class Constraints:
    """What the hypotheses of a search must and must not be; by default anything.

    A token that may not follow is passed over. It keeps its share of the probability, so the
    log-probabilities of the others are the model's own. The end mark may always follow where
    nothing else may, so that every hypothesis can end. Forced prefixes are exempt.

    With a repetition penalty p, the log-probability of every token y that the hypothesis already
    has, its prefix included, is multiplied by p::

        log P'(y) = p * log P(y)

    These are not normalized again, and they replace the model's own in scores and
    log-probabilities.

    Args:
        minimum_length: Shortest hypothesis in tokens, end mark included; 2 forbids the empty one. A
            lower limit of the search cuts hypotheses off all the same.
        no_repeat_ngram_size: No sequence of this many tokens occurs twice in a hypothesis; 0 for
            no such limit, at most 100.
        repetition_penalty: p, at least 1; 1 for none.
        forbidden: Sequences of token ids that must not occur, up to 10,000 of up to 100 ids. One
            that begins with the start mark, 2 unless a search has another, holds at the beginning
            of a hypothesis and after `boundaries`. See `forbid`, which makes them from words.
        boundaries: Token ids after which a word may begin.

    Raises:
        ValueError: A number is out of range, or a sequence is empty.
        TypeError: The ids are no sequences.

    Example:
        >>> Constraints(no_repeat_ngram_size=3)
        Constraints(no_repeat_ngram_size=3)

    Source: Keskar et al. 2019, "CTRL", section 4.1 (penalty; there the logits are divided by p,
    which depends on their sign; a log-probability has only one); Paulus et al. 2018, "A deep
    reinforced model for abstractive summarization", section 2.5 (n-grams).
    """

    minimum_length: int = 0
    no_repeat_ngram_size: int = 0
    repetition_penalty: float = 1.0
    forbidden: tuple[tuple[int, ...], ...] = ()
    boundaries: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        check_whole(0, minimum_length=self.minimum_length)
        check_whole(0, no_repeat_ngram_size=self.no_repeat_ngram_size)
        check_at_least(1, repetition_penalty=self.repetition_penalty)
        if self.no_repeat_ngram_size > LONGEST_NGRAM:
            raise ValueError(
                f"`no_repeat_ngram_size` must be at most {LONGEST_NGRAM}. "
                f"Received: no_repeat_ngram_size={self.no_repeat_ngram_size}"
            )
        given = _tuple("forbidden", self.forbidden, "sequences of ids")
        sequences = tuple(_ids(f"forbidden[{index}]", one) for index, one in enumerate(given))
        if not all(0 < len(one) <= LONGEST_NGRAM for one in sequences):
            lengths = sorted({len(one) for one in sequences})
            raise ValueError(
                f"A forbidden sequence must have 1 to {LONGEST_NGRAM} tokens. "
                f"Received: lengths from {lengths[0]} to {lengths[-1]}"
            )
        if len(sequences) > MOST_FORBIDDEN:
            raise ValueError(
                f"There can be at most {MOST_FORBIDDEN:,} forbidden sequences. "
                f"Received: {len(sequences):,}. Forbid fewer or shorter ones."
            )
        # Lists are taken too; what is kept can be the key of a graph.
        object.__setattr__(self, "forbidden", sequences)
        object.__setattr__(self, "boundaries", _ids("boundaries", self.boundaries))

    def __repr__(self) -> str:
        given = [
            f"{field.name}={value!r}"
            for field in fields(self)
            if (value := getattr(self, field.name)) != field.default
        ]
        return f"Constraints({', '.join(given)})"

    def check_ids(self, vocabulary_size: int, start_id: int, end_id: int, pad_id: int) -> None:
        """Raise ValueError unless every sequence can occur in the hypotheses of a search.

        Args:
            vocabulary_size: V.
            start_id: Start mark, which may stand at the beginning of a sequence.
            end_id: End mark, which ends a hypothesis and can't be forbidden.
            pad_id: Padding.
        """
        marks = {start_id, end_id, pad_id}
        for sequence in self.forbidden:
            body = sequence[1:] if sequence[0] == start_id else sequence
            if not body or marks & {*body} or max(body) >= vocabulary_size:
                raise ValueError(
                    f"A forbidden sequence must consist of tokens below {vocabulary_size:,}, "
                    "without padding and end mark, after at most one start mark. "
                    f"Received: {sequence}"
                )


def _tuple(name: str, value: Iterable, parts: str) -> tuple:
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        raise TypeError(f"`{name}` must consist of {parts}. Received: {name}={value!r}")
    return tuple(value)


def _ids(name: str, value: Iterable) -> tuple[int, ...]:
    ids = _tuple(name, value, "ids")
    for index, one in enumerate(ids):
        check_whole(0, **{f"{name}[{index}]": one})
    return tuple(map(int, ids))
