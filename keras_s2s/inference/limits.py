"""How long a translation may become where the user names no limit."""

from typing import TypeVar

Length = TypeVar("Length")  # An integer, or integers in an array or a tensor.


def default_limit(source_length: Length) -> Length:
    """The longest translation in tokens, end mark included: 20 more than three times the source's.

    Args:
        source_length: Tokens of the source, end mark included.

    Example:
        >>> default_limit(2)
        26
    """
    return 3 * source_length + 20  # pyright: ignore[reportOperatorIssue]
