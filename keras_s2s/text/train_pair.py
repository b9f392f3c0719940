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

    def trained(kind: str, lines: Sequence[str], form: str) -> Tokenizer:
        size, protected = options.vocabulary_size, options.protect
        return kinds[kind].train(lines, size, normalization=form, protected=protected)

    if options.has_joint_vocabulary:
        both = trained(source_kind, (*sources, *targets), forms[0])
        return both, both
    return trained(source_kind, sources, forms[0]), trained(target_kind, targets, forms[1])
