"""Word alignments as text, in the Pharaoh format: `0-0 1-2`, source word and target word."""

from __future__ import annotations

import re
from collections.abc import Iterable

_LINK = re.compile(r"(\d{1,9})-(\d{1,9})", re.ASCII)

# Numbers of a source word and of a target word, from 0.
Link = tuple[int, int]


def write_links(links: Iterable[Link]) -> str:
    """Links in the Pharaoh format.

    Example:
        >>> write_links([(0, 0), (2, 1)])
        '0-0 2-1'
    """
    return " ".join(f"{source}-{target}" for source, target in links)


def read_links(line: str, source_words: int, target_words: int) -> list[Link]:
    """Links of one pair, each once, in the order of their first appearance.

    Args:
        line: Links in the Pharaoh format, separated by white space; blank for no link.
        source_words: Number of words of the source.
        target_words: Number of words of the target.

    Returns:
        The links.

    Raises:
        ValueError: The line has another form, or a link names a word that is not there.

    Example:
        >>> read_links("0-0 2-1 0-0", 3, 2)
        [(0, 0), (2, 1)]
    """
    links: dict[Link, None] = {}
    for text in line.split():
        found = _LINK.fullmatch(text)
        if found is None:
            shown = text if len(text) <= 20 else f"{text[:20]}..."
            raise ValueError(
                "links must be numbers of a source word and a target word, from 0, such as "
                f"0-0 1-2. Received: {shown!r}"
            )
        link = int(found[1]), int(found[2])
        for side, number, count in zip(
            ("source", "target"), link, (source_words, target_words), strict=True
        ):
            if number >= count:
                raise ValueError(
                    f"a link must name words that are there. Received: {text}, with a {side} of "
                    f"{count} words"
                )
        links[link] = None
    return list(links)
