"""What every translator can do, whatever runs its model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

from keras_s2s.inference.translation import Translation
from keras_s2s.search.strategies import Beam, Greedy, Strategy
from keras_s2s.text.tokenizer import Tokenizer


class TextTranslator(Protocol):
    """A trained or an exported translator, as evaluation and the command line use it.

    `Translator`, `export.LiteRTTranslator`, `export.OnnxTranslator` and
    `export.SavedModelTranslator` satisfy it; `PipelineTranslator` documents the arguments.
    """

    @property
    def source_tokenizer(self) -> Tokenizer:
        """Tokenizer of the sources."""
        ...

    @property
    def target_tokenizer(self) -> Tokenizer:
        """Tokenizer of the translations."""
        ...

    @property
    def search(self) -> Greedy | Beam:
        """Default search."""
        ...

    @property
    def maximum_source_length(self) -> int:
        """The most tokens that are read of a text, end mark included."""
        ...

    def translate(
        self,
        texts: Iterable[str],
        *,
        search: Strategy | None = None,
        maximum_length: int | None = None,
        replace_unknown: bool = False,
        dictionary: Mapping[str, str] | None = None,
        strict: bool = False,
        batch_size: int = 64,
        progress: bool = False,
    ) -> list[str]:
        """Return the best translation of each text, in order."""
        ...

    def stream(
        self,
        texts: Iterable[str],
        *,
        search: Strategy | None = None,
        n_best: int = 1,
        maximum_length: int | None = None,
        attention: bool = False,
        replace_unknown: bool = False,
        dictionary: Mapping[str, str] | None = None,
        strict: bool = False,
        batch_size: int = 64,
        window: int = 4096,
        progress: bool = False,
    ) -> Iterator[list[Translation]]:
        """Return the `n_best` translations of one text after the other, in order."""
        ...
