"""Perplexity and token accuracy of a model on given targets, with teacher forcing."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

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
