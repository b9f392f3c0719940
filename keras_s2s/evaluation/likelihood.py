"""How likely a model holds the right answers to be: perplexity, by teacher forcing."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from keras_s2s.inference.protocol import TextTranslator


@dataclasses.dataclass(frozen=True)
class Likelihood:
    """What a model makes of targets when each token is foretold from the right ones before it.

    Perplexities can be compared where the target tokenizer is the same: they are per token.

    Attributes:
        perplexity: `exp` of the mean cross-entropy in nats over all target tokens, without label
            smoothing; lower is better, and 1 is best.
        token_accuracy: Share of the target tokens that the model holds for the likeliest.
        target_tokens: Number of target tokens, end marks included.
    """

    perplexity: float
    token_accuracy: float
    target_tokens: int

    def to_dict(self) -> dict[str, float | int]:
        """Returns the figures as plain values that JSON can hold."""
        return dataclasses.asdict(self)


def likelihood(
    translator: TextTranslator,
    sources: Sequence[str],
    targets: Sequence[str],
    *,
    batch_tokens: int = 2048,
) -> Likelihood:
    """Measures how likely a translator's model holds the targets of a corpus to be.

    A source is cut at `translator.maximum_source_length`, as for translating. How the pairs are
    cut into batches changes nothing but rounding.

    Args:
        translator: A trained translator; an export has no model to ask.
        sources: One string per sentence.
        targets: As many strings; a sentence with several right answers stands there once for each.
        batch_tokens: Most target tokens that are computed together, padding included.

    Returns:
        The `Likelihood`.

    Raises:
        TypeError: `translator` is no `Translator`, or a side is one string.
        ValueError: There is no pair, the sides differ in number, or `batch_tokens` is below 1.

    Example:
        >>> from keras_s2s import CharacterTokenizer, Decoder, Encoder, Seq2Seq, Translator
        >>> tokenizer = CharacterTokenizer.train(["abc"])
        >>> size = tokenizer.vocabulary_size
        >>> model = Seq2Seq(Encoder(size, 8), Decoder(size, 8))
        >>> model.set_weights([0 * weights for weights in model.get_weights()])
        >>> found = likelihood(Translator(model, tokenizer, tokenizer), ["cab", "b"], ["bac", "b"])
        >>> round(found.perplexity, 3) == size, found.target_tokens  # all tokens are as likely
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
    longest = translator.maximum_source_length - 1  # And an end mark.
    batches = Batches(
        [ids[:longest] for ids in translator.source_tokenizer.encode_all(sources)],
        translator.target_tokenizer.encode_all(targets),
        batch_tokens=batch_tokens,
        shuffle=False,
    )
    found = token_evaluator(translator.model)(batches.epoch(0))
    return Likelihood(found["perplexity"], found["token_accuracy"], batches.target_tokens)
