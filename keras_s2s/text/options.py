"""The options of the tokenizers, which a training and a prepared corpus share."""

from __future__ import annotations

from dataclasses import dataclass

TOKENIZERS = ("sentencepiece", "word", "character")
FORMS = ("NFC", "NFKC", "NFD")


@dataclass(frozen=True, kw_only=True)
class TextOptions:
    """How texts become ids.

    Attributes:
        source_tokenizer: "sentencepiece", "word" or "character".
        target_tokenizer: The same; `None` for the source's kind.
        vocabulary_size: Most ids of a tokenizer.
        joint_vocabulary: One tokenizer for both sides, trained on both, where their kinds agree.
        source_normalization: Unicode form of the source: "NFC", "NFKC" or "NFD".
        target_normalization: The same for the target.
    """

    source_tokenizer: str = "sentencepiece"
    target_tokenizer: str | None = None
    vocabulary_size: int = 6000
    joint_vocabulary: bool = True
    source_normalization: str = "NFC"
    target_normalization: str = "NFC"

    @property
    def has_joint_vocabulary(self) -> bool:
        """Whether both sides share one tokenizer: it is asked for, and their kinds agree."""
        is_alike = self.source_normalization == self.target_normalization
        kinds = {self.source_tokenizer, self.target_tokenizer or self.source_tokenizer}
        return self.joint_vocabulary and is_alike and kinds == {"sentencepiece"}
