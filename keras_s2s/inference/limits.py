"""How long a translation may become where the user names no limit."""

from typing import NamedTuple, TypeVar

Length = TypeVar("Length")  # An integer, or integers in an array or a tensor.


class LengthLimit(NamedTuple):
    """A limit that grows with the source: `factor` times its length, plus `constant`.

    Attributes:
        factor: Tokens of the translation for each token of the source.
        constant: Tokens of the translation besides these.

    Example:
        >>> LengthLimit(factor=2, constant=10).tokens(5)
        20
    """

    factor: int
    constant: int

    def tokens(self, source_length: Length) -> Length:
        """The longest translation in tokens, end mark included.

        Args:
            source_length: Tokens of the source, end mark included.
        """
        return self.factor * source_length + self.constant  # pyright: ignore[reportOperatorIssue]


# The only definition: every export records it, and what runs the export reads it there.
DEFAULT_LIMIT = LengthLimit(factor=3, constant=20)
