"""What the rules of a training without options know, and what they choose."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, NamedTuple

from keras_s2s.data.profile import Profile, SideProfile
from keras_s2s.recipe.config import Recipe
from keras_s2s.text.options import TextOptions

if TYPE_CHECKING:
    from keras_s2s.training.machine import ProductSpeed

    MeasureProducts = Callable[[int, int], ProductSpeed]

EFFORTS = ("quick", "normal", "thorough")
# Target tokens of a small corpus: subwords, or characters and symbols, which say less each.
SMALL, SMALL_SPELLED = 150_000, 500_000
MOST_SYMBOLS = 500  # different words of a text that consists of symbols


class Choice(NamedTuple):
    """An option that was chosen.

    Attributes:
        name: Its name.
        value: Its value.
        reason: Why, in a few words.
    """

    name: str
    value: Any
    reason: str


@dataclass
class Known:
    """What the rules know.

    Attributes:
        profile: The data.
        effort: One of `EFFORTS`.
        options: The options that are given or chosen so far.
        measure: Measures the products of a step, see `product_speed`; `None` where the machine is
            one of several.
    """

    profile: Profile
    effort: str
    options: dict[str, Any]
    measure: MeasureProducts | None

    def __getitem__(self, name: str) -> Any:
        """The value of an option: given, chosen, or else its default."""
        return self.options.get(name, getattr(Recipe, name))

    def tokenizer(self, side: str) -> str:
        """The kind of a side's tokenizer."""
        own = self[f"{side}_tokenizer"]
        return self["source_tokenizer"] if own is None else own

    def tokens(self, side: str) -> float:
        """Tokens of a text of a side, on average, with its end mark."""
        texts: SideProfile = getattr(self.profile, side)
        kind = self.tokenizer(side)
        if kind == "character":
            # A syllable of Hangul is two to three jamo.
            is_apart = self[f"{side}_normalization"] == "NFD"
            return texts.characters * (1 + 1.4 * texts.hangul * is_apart) + 1
        return (texts.words if kind == "word" else texts.subwords) + 1

    @property
    def target_tokens(self) -> float:
        """Target tokens of the corpus."""
        return self.profile.pairs * self.tokens("target")

    @property
    def is_small(self) -> bool:
        """Whether the corpus is small."""
        return self.target_tokens < (SMALL_SPELLED if self.is_spelled else SMALL)

    @property
    def is_spelled(self) -> bool:
        """Whether the targets are spelled, by characters or by symbols."""
        kind, words = self.tokenizer("target"), self.profile.target.distinct_words
        return kind == "character" or (kind == "word" and words <= MOST_SYMBOLS)

    @property
    def has_joint_vocabulary(self) -> bool:
        """Whether both sides share one SentencePiece vocabulary."""
        names = (field.name for field in fields(TextOptions))
        given = {name: self.options[name] for name in names if name in self.options}
        return TextOptions(**given).has_joint_vocabulary

    @property
    def rows(self) -> int:
        """Pairs of a batch, about."""
        by_tokens = max(1, round(self["batch_tokens"] / self.tokens("target")))
        return min(self["batch_sentences"] or by_tokens, self.profile.pairs)

    @property
    def steps_per_epoch(self) -> int:
        """Batches of an epoch, about."""
        return max(1, round(self.profile.pairs / self.rows))
