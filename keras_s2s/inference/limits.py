"""How long a translation may become where the user names no limit."""

from typing import NamedTuple, TypeVar

Length = TypeVar("Length")  # An integer, or integers in an array or a tensor.


class LengthLimit(NamedTuple):
    """The longest translation in tokens, end mark included: `factor * source_length + constant`.

    Example:
        >>> LengthLimit(factor=2, constant=10).tokens(5)
        20
    """

    factor: int
    constant: int

    def tokens(self, source_length: Length) -> Length:
        """The limit for a source of a length in tokens, end mark included."""
        return self.factor * source_length + self.constant  # pyright: ignore[reportOperatorIssue]


# The only definition: every export records it, and what runs the export reads it there.
DEFAULT_LIMIT = LengthLimit(factor=3, constant=20)
