"""The options of the tokenizers, which a training and a prepared corpus share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from keras_s2s.text.option_fields import (
    at_least,
    at_most,
    check_options,
    documented,
    option,
)
from keras_s2s.text.symbols import check_protected

TOKENIZERS = ("sentencepiece", "word", "character")
FORMS = ("NFC", "NFKC", "NFD")


@documented
@dataclass(frozen=True, kw_only=True)
class TextOptions:
    """How texts become ids.

    Raises:
        TypeError: An option is of another type.
        ValueError: An option is out of range.

    Example:
        >>> TextOptions(source_tokenizer="word").has_joint_vocabulary
        False
    """

    # What `AutoRecipe`, and so the command line, chooses where it is not given.
    CHOSEN: ClassVar[frozenset[str]] = frozenset(
        "source_tokenizer target_tokenizer source_normalization target_normalization"
        " vocabulary_size".split()
    )

    source_tokenizer: str = option(
        "sentencepiece", help="Tokenizer of the source.", group="text", choices=TOKENIZERS
    )
    target_tokenizer: str | None = option(
        None,
        help="Tokenizer of the target; the same as for the source by default.",
        group="text",
        choices=(*TOKENIZERS, None),
    )
    vocabulary_size: int = option(
        6000,
        help="Maximum vocabulary size of each tokenizer.",
        group="text",
        bounds=(at_least(5), at_most(1_000_000)),
    )
    joint_vocabulary: bool = option(
        True,
        help="Share one SentencePiece vocabulary between source and target, if both sides use"
        " SentencePiece and the same normalization.",
        group="text",
    )
    source_normalization: str = option(
        "NFC",
        help="Unicode normalization form of the source; NFD decomposes Hangul into jamo.",
        group="text",
        choices=FORMS,
    )
    target_normalization: str = option(
        "NFC", help="Unicode normalization form of the target.", group="text", choices=FORMS
    )

    protect: tuple[str, ...] = option(
        (),
        help="Symbol such as `<2de>` or `<num>` that every tokenizer keeps as one token wherever it"
        " occurs, and that normalization does not change; repeat the option for several.",
        group="text",
        metavar="SYMBOL",
    )

    def __post_init__(self) -> None:
        check_options(self)
        check_protected(self.protect)

    @property
    def has_joint_vocabulary(self) -> bool:
        """Whether both sides share one tokenizer: it is asked for, and their kinds agree."""
        is_alike = self.source_normalization == self.target_normalization
        kinds = {self.source_tokenizer, self.target_tokenizer or self.source_tokenizer}
        return self.joint_vocabulary and is_alike and kinds == {"sentencepiece"}
