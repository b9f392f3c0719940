"""The options of `translate` that constrain the translations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from keras_s2s.cli.console import say
from keras_s2s.cli.inputs import InputLines
from keras_s2s.search.checks import LARGEST, MOST
from keras_s2s.search.constraints import LONGEST_NGRAM, Constraints
from keras_s2s.search.strategies import Strategy
from keras_s2s.text.option_fields import at_least, at_most, between, check_options, need, option

if TYPE_CHECKING:
    from keras_s2s.data.lines import CorpusReport
    from keras_s2s.inference.protocol import TextTranslator


@dataclass(frozen=True, kw_only=True)
class ConstraintOptions:
    """What the translations must and must not be.

    Raises:
        ValueError: An option is out of range.
    """

    prefix: Path | None = option(
        None,
        help="What each translation begins with, one text per line, parallel to the input; a blank "
        "line forces nothing.",
        group="data",
        metavar="FILE",
    )
    forbid: Path | None = option(
        None,
        help="Words and phrases that must not occur in the translations, one per line.",
        group="data",
        metavar="FILE",
    )
    min_length: int = option(
        0,
        help="Minimum length of a translation in tokens, end mark included.",
        group="text",
        bounds=(between(0, MOST),),
    )
    max_length: int | None = option(
        None,
        help="Maximum length of a translation in tokens, end mark included. Default: 20 more than "
        "three times that of the source; an export has its own.",
        group="text",
        bounds=(between(1, MOST),),
    )
    no_repeat_ngram: int = option(
        0,
        help="No sequence of this many tokens occurs twice in a translation; 0 for no limit.",
        group="text",
        bounds=(between(0, LONGEST_NGRAM),),
    )
    repetition_penalty: float = option(
        1.0,
        help="Factor of the log probability of tokens that the translation already has, at least"
        " 1; larger values repeat less.",
        group="text",
        bounds=(at_least(1), at_most(LARGEST)),
    )

    def __post_init__(self) -> None:
        check_options(self)
        if self.max_length is not None:
            most = f"at most max_length={self.max_length}"
            need(self.min_length <= self.max_length, most, "min_length", self.min_length)

    @property
    def files(self) -> tuple[Path | None, Path | None]:
        """The files that are read, if any."""
        return self.prefix, self.forbid

    def open(self, source: Path) -> Constrained:
        """Open the prefixes and read the forbidden words.

        Args:
            source: The input, which the prefixes are read beside.

        Raises:
            ValueError: Standard input would be read twice, or there is no word.
            OSError: A file can't be read.
        """
        if str(self.prefix) == str(source) == "-":
            raise ValueError(
                "- is standard input, which one option alone can read. Received: --input - and "
                "--prefix -"
            )
        prefixes = None if self.prefix is None else _lines(self.prefix)
        return Constrained(self, prefixes, [] if self.forbid is None else _phrases(self.forbid))


class Constrained(NamedTuple):
    """Constraints, with what their files hold."""

    options: ConstraintOptions
    prefixes: Iterator[str] | None
    phrases: list[str]

    def arguments(self, search: Strategy, translator: TextTranslator) -> dict[str, Any]:
        """What `TextTranslator.stream` needs.

        Args:
            search: The search to constrain.
            translator: What translates.

        Raises:
            ValueError: A phrase is too long, or has too many spellings.
        """
        from keras_s2s.inference.forbidden import forbid

        options = self.options
        constraints = Constraints(
            options.min_length, options.no_repeat_ngram, options.repetition_penalty
        )
        if self.phrases:
            constraints = forbid(self.phrases, translator.target_tokenizer, constraints)
        return {
            "search": replace(search, constraints=constraints),
            "prefixes": self.prefixes,
            "maximum_length": options.max_length,
        }


def say_findings(report: CorpusReport) -> None:
    """Tell what was cleaned, if anything was."""
    if report.findings:
        say(str(report))


def _phrases(path: Path) -> list[str]:
    from keras_s2s.data.corpus import read_lines

    if str(path) == "-":
        raise ValueError("the forbidden words must be in a file. Received: --forbid -")
    phrases = [line for line in read_lines(path) if line]
    if not phrases:
        raise ValueError(f"there is no word in {path}")
    return phrases


def _lines(path: Path) -> Iterator[str]:
    """The lines of a file that exists; what was cleaned in them is reported after the last."""
    from keras_s2s.data.lines import CorpusReport

    report = CorpusReport((str(path),), unit="lines")
    lines = InputLines(path, report)

    def read() -> Iterator[str]:
        yield from lines
        say_findings(report)

    return read()
