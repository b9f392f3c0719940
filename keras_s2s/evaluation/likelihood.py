"""How probable given targets are under a model, of a corpus or of each pair (teacher forcing)."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from keras_s2s.special_ids import UNK_ID

if TYPE_CHECKING:
    from keras_s2s.inference.protocol import TextTranslator


@dataclasses.dataclass(frozen=True)
class Likelihood:
    """Perplexity and token accuracy under teacher forcing.

    Perplexity is per token, so it is comparable only between models with the same target tokenizer.

    Attributes:
        perplexity: `exp` of the mean cross-entropy in nats over all target tokens, without label
            smoothing. Lower is better; 1 is the minimum.
        token_accuracy: Fraction of the target tokens to which the model gives the highest
            probability.
        target_tokens: Number of target tokens, end marks included.
    """

    perplexity: float
    token_accuracy: float
    target_tokens: int

    def to_dict(self) -> dict[str, float | int]:
        """Return the fields as JSON-serializable values."""
        return dataclasses.asdict(self)


def likelihood(
    translator: TextTranslator,
    sources: Sequence[str],
    targets: Sequence[str],
    *,
    batch_tokens: int = 2048,
) -> Likelihood:
    """Compute the perplexity and token accuracy of a translator's model on a corpus.

    Sources are truncated to `translator.maximum_source_length`, as in translation. Batching affects
    the result only by rounding.

    Args:
        translator: A trained `Translator`; exported models are not supported.
        sources: One string per sentence.
        targets: One string per source. Repeat a source for each of several references.
        batch_tokens: Maximum number of target tokens per batch, padding included.

    Returns:
        The `Likelihood`.

    Raises:
        TypeError: If `translator` is not a `Translator`, or a side is a single string.
        ValueError: If there is no pair, the sides differ in length, or `batch_tokens` is below 1.

    Example:
        >>> from keras_s2s import CharacterTokenizer, Decoder, Encoder, Seq2Seq, Translator
        >>> tokenizer = CharacterTokenizer.train(["abc"])
        >>> size = tokenizer.vocabulary_size
        >>> model = Seq2Seq(Encoder(size, 8), Decoder(size, 8))
        >>> model.set_weights([0 * weights for weights in model.get_weights()])
        >>> found = likelihood(Translator(model, tokenizer, tokenizer), ["cab", "b"], ["bac", "b"])
        >>> round(found.perplexity, 3) == size, found.target_tokens  # uniform
        (True, 6)
    """
    from keras_s2s.data.batches import Batches
    from keras_s2s.inference.translator import Translator
    from keras_s2s.training.validation import token_evaluator

    if not isinstance(translator, Translator):
        raise TypeError(
            "translator must be a keras_s2s.Translator, which has a model to ask. "
            f"Received: translator={translator!r}"
        )
    for name, texts in (("sources", sources), ("targets", targets)):
        if isinstance(texts, str):
            raise TypeError(
                f"{name} must be a sequence with one item per sentence. Received: {name}={texts!r}"
            )
    longest = translator.maximum_source_length - 1  # The end mark is added.
    batches = Batches(
        [ids[:longest] for ids in translator.source_tokenizer.encode_all(sources)],
        translator.target_tokenizer.encode_all(targets),
        batch_tokens=batch_tokens,
        shuffle=False,
    )
    found = token_evaluator(translator.model)(batches.epoch(0))
    return Likelihood(found["perplexity"], found["token_accuracy"], batches.target_tokens)


class PairLikelihood(NamedTuple):
    """How probable one target is, or several targets together.

    Attributes:
        log_probability: Natural logarithm of the probability of the target given the source: the
            sum over its tokens, end mark included.
        tokens: Number of these tokens.
        unknown_tokens: How many of them are unknown to the tokenizer. Each counts with the
            probability of the unknown token.
    """

    log_probability: float
    tokens: int
    unknown_tokens: int

    @property
    def perplexity(self) -> float:
        """`exp` of the mean negative log-probability of a token."""
        try:
            return math.exp(-self.log_probability / self.tokens)
        except OverflowError:
            return math.inf

    def together(self, other: PairLikelihood) -> PairLikelihood:
        """The likelihood of both."""
        return PairLikelihood(
            self.log_probability + other.log_probability,
            self.tokens + other.tokens,
            self.unknown_tokens + other.unknown_tokens,
        )


def pair_likelihoods(
    translator: TextTranslator,
    pairs: Iterable[tuple[str, str]],
    *,
    strict: bool = False,
    batch_size: int = 64,
    window: int = 4096,
) -> Iterator[PairLikelihood]:
    """Compute how probable each target is, for any number of pairs.

    The log-probability is the one that a search reports for its own translations. An ensemble
    averages the probabilities of its models at each token, as it does in translation. An export
    computes one pair after the other. Each call builds its graphs, so give it all pairs at once.

    A blank side is read as its end mark alone. A source that is longer than
    `translator.maximum_source_length` is cut; a target never is.

    Args:
        translator: A `Translator`, an ensemble too, or a translator of an export.
        pairs: Sources and targets; at most `window` of them are held in memory.
        strict: Whether a side that is longer than `maximum_source_length` raises an error.
        batch_size: The most pairs that are computed together.
        window: The most pairs that are read before the first result is returned.

    Returns:
        The likelihoods, in order.

    Raises:
        TypeError: `translator` is none, or a pair does not consist of two strings.
        ValueError: A number is below 1, or with `strict` a side is too long.

    Example:
        >>> from keras_s2s import CharacterTokenizer, Decoder, Encoder, Seq2Seq, Translator
        >>> tokenizer = CharacterTokenizer.train(["abc"])
        >>> size = tokenizer.vocabulary_size
        >>> model = Seq2Seq(Encoder(size, 8), Decoder(size, 8))
        >>> model.set_weights([0 * weights for weights in model.get_weights()])
        >>> translator = Translator(model, tokenizer, tokenizer)
        >>> (found,) = pair_likelihoods(translator, [("cab", "bac")])
        >>> found.tokens, round(found.perplexity, 3) == size  # uniform
        (4, True)
    """
    from keras_s2s.inference.forced import force

    for pair in force(translator, pairs, strict=strict, batch_size=batch_size, window=window):
        logs = pair.found.log_probabilities.astype("float64")
        yield PairLikelihood(float(logs.sum()), len(logs), pair.target_ids.count(UNK_ID))
