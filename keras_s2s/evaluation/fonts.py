"""Font selection for plot labels in any script, among the installed fonts."""

from __future__ import annotations

import functools
import importlib.util
import itertools
import unicodedata
from collections.abc import Sequence, Set
from pathlib import Path

BASE_FAMILY = "DejaVu Sans"  # Included in matplotlib.
KOREAN_FAMILY = "NanumGothic"  # Included in koreanize-matplotlib.
REGULAR_WEIGHTS = (400, "normal", "regular", "book")


def readable_labels(texts: Sequence[str]) -> tuple[list[str], list[str]]:
    r"""Return labels for texts in any script, and the font families that render them.

    Characters without a glyph in any installed font are written as code points (`U+D55C`), and so
    are control characters, and spaces in a text of spaces only.

    Args:
        texts: One text per label.

    Returns:
        The labels, each a single line in NFC form, and the font families for matplotlib in order of
        preference.

    Example:
        >>> readable_labels(["▁Straße", "дом", "a\tb", " "])
        (['▁Straße', 'дом', 'a U+0009 b', 'U+0020'], ['DejaVu Sans'])
    """
    composed = [unicodedata.normalize("NFC", text) for text in texts]
    characters = frozenset[str]().union(*composed)
    controls = frozenset(filter(_is_control, characters))
    families, undrawn = _choose_families(characters - controls)
    return [_spell_out(text, controls | undrawn) for text in composed], families


def _choose_families(characters: frozenset[str]) -> tuple[list[str], frozenset[str]]:
    """Return a few families that cover the characters, and the characters that none covers."""
    families = [BASE_FAMILY]
    missing = characters - _drawn(BASE_FAMILY, characters)
    if missing:
        _register_korean_font()
    while missing:
        family, drawn = _best_family(missing)
        if not drawn:
            break
        families.append(family)
        missing -= drawn
    return families, missing


def _best_family(characters: frozenset[str]) -> tuple[str, frozenset[str]]:
    """Return the first family that covers all the characters, or else the most of them."""
    best, most = "", frozenset[str]()
    for family in _plain_families():
        drawn = _drawn(family, characters)
        if len(drawn) > len(most):
            best, most = family, drawn
        if drawn == characters:
            break
    return best, most


def _drawn(family: str, characters: frozenset[str]) -> frozenset[str]:
    return frozenset(character for character in characters if _draws(family, character))


@functools.lru_cache(maxsize=100_000)
def _draws(family: str, character: str) -> bool:
    """Tell whether the family has a visible glyph for the character."""
    from matplotlib.font_manager import FontProperties, findfont, get_font

    properties = FontProperties(family=[family])
    try:
        path = findfont(properties, fallback_to_default=False, rebuild_if_missing=False)
        font = get_font(path)
        if not font.get_char_index(ord(character)):
            return False
        font.load_char(ord(character))
    except (ValueError, OSError, RuntimeError):  # Missing, broken or bitmap font.
        return False
    return len(font.get_path()[0]) > 0 or _may_be_blank(character)


def _may_be_blank(character: str) -> bool:
    """Tell whether an empty glyph is correct: spaces, joiners, variation selectors."""
    is_variation_selector = "VARIATION SELECTOR" in unicodedata.name(character, "")
    return unicodedata.category(character)[0] in "CZ" or is_variation_selector


def _is_control(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp")


def _spell_out(text: str, hidden: Set[str]) -> str:
    """Replace hidden characters, or all characters of a blank text, by their code points."""
    if all(map(_may_be_blank, text)):
        hidden = set(text)
    parts = []
    for is_hidden, run in itertools.groupby(text, hidden.__contains__):
        characters = list(run)
        parts += [f"U+{ord(one):04X}" for one in characters] if is_hidden else ["".join(characters)]
    return " ".join(parts)


@functools.lru_cache(maxsize=1)
def _plain_families() -> list[str]:
    """List the families with an upright regular face: Korean, then sans-serif, then the rest."""
    from matplotlib.font_manager import fontManager

    names = {
        entry.name
        for entry in fontManager.ttflist
        if entry.style == "normal" and entry.weight in REGULAR_WEIGHTS
    }
    # Last-resort fonts draw every character as a box.
    names -= {name for name in names if "lastresort" in name.replace(" ", "").lower()}

    def rank(name: str) -> tuple[bool, bool, bool, str]:
        return (name != KOREAN_FAMILY, not name.startswith("Noto Sans"), "Sans" not in name, name)

    return sorted(names, key=rank)


def _register_korean_font() -> None:
    """Register the font file of koreanize-matplotlib with matplotlib, unless it is registered.

    The package is not imported, since its import changes matplotlib's global options. Matplotlib
    drops the font when it rebuilds its font list, so the check is made every time.
    """
    from matplotlib.font_manager import fontManager

    package = importlib.util.find_spec("koreanize_matplotlib")
    known = any(entry.name == KOREAN_FAMILY for entry in fontManager.ttflist)
    if known or package is None or not package.submodule_search_locations:
        return
    path = Path(package.submodule_search_locations[0], "fonts", "NanumGothic.ttf")
    if path.is_file():
        fontManager.addfont(path)
