"""The documents: what their blocks, tables and links are, for the tests that check them."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
PAGES = [
    ROOT / "README.md",
    ROOT / "README.ko.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
NAMES = {path.relative_to(ROOT).as_posix(): path for path in PAGES}


class Block(NamedTuple):
    """A code block: its language, its text, and the headings above it."""

    language: str
    text: str
    section: str


def blocks(path: Path, language: str | None = None) -> list[Block]:
    """The fenced blocks of a page, or those in one language."""
    found, section = [], ""
    pattern = r"^(#+ [^\n]*)$|^```(\S*)\n(.*?)^```$"
    for match in re.finditer(pattern, path.read_text(encoding="utf-8"), flags=re.M | re.S):
        heading, name, text = match.groups()
        if heading is not None:
            section = heading.lstrip("# ")
        elif language in (None, name):
            found.append(Block(name, text, section))
    return found


def prose(path: Path) -> str:
    """A page without its blocks."""
    text = path.read_text(encoding="utf-8")
    return re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)


def anchors(path: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub and MkDocs make them."""
    found = set()
    for heading in re.findall(r"^#+ (.*)$", prose(path), flags=re.M):
        word = re.sub(r"[^\w\- ]", "", heading.lower(), flags=re.UNICODE)
        found.add(re.sub(r"[\s-]+", "-", word.strip()))
    return found


def links(path: Path) -> Iterator[tuple[str, str]]:
    """File and anchor of each link to another page or to a place in this one."""
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(path)):
        if not target.startswith(("http://", "https://")):
            file, _, anchor = target.partition("#")
            yield file, anchor


def sections(path: Path) -> Iterator[tuple[str, str]]:
    """Heading and text of each section that has a heading of its own, blocks included."""
    parts = re.split(r"^(#+ .*)$", "\n" + path.read_text(encoding="utf-8"), flags=re.M)
    yield from zip(parts[1::2], parts[2::2], strict=True)


def measured_tables(text: str) -> list[str]:
    """The tables of a section that hold figures: ten cells or more that are numbers."""
    tables = re.findall(r"(?:^\|.*\n)+", text, flags=re.M)
    number = r"(?<=\|) *[\d.,]+ *(?=\|)"
    return [table for table in tables if len(re.findall(number, table)) >= 5]
