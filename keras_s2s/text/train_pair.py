"""Training the tokenizers of source and target on pairs."""

from __future__ import annotations

from collections.abc import Sequence

from keras_s2s.text.options import TextOptions
from keras_s2s.text.tokenizers import Tokenizer


def train_tokenizers(
    pairs: Sequence[tuple[str, str]], options: TextOptions
) -> tuple[Tokenizer, Tokenizer]:
    """Train both tokenizers; with a joint vocabulary they are one object."""
    from keras_s2s.text import tokenizers

    kinds = {
        "sentencepiece": tokenizers.SentencePieceTokenizer,
        "word": tokenizers.WordTokenizer,
        "character": tokenizers.CharacterTokenizer,
    }
    source_kind = options.source_tokenizer
    target_kind = options.target_tokenizer or source_kind
    forms = options.source_normalization, options.target_normalization
    sources, targets = zip(*pairs, strict=True)
    if options.has_joint_vocabulary:
        lines = (*sources, *targets)
        both = kinds[source_kind].train(lines, options.vocabulary_size, normalization=forms[0])
        return both, both
    return (
        kinds[source_kind].train(sources, options.vocabulary_size, normalization=forms[0]),
        kinds[target_kind].train(targets, options.vocabulary_size, normalization=forms[1]),
    )
