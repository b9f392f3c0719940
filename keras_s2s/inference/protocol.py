"""What every translator can do, whatever runs its model, and what it needs for that."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Protocol

from keras_s2s.inference.translation import Hypothesis, Translation
from keras_s2s.search.strategies import Beam, Greedy, Strategy
from keras_s2s.text.tokenizer import Tokenizer

if TYPE_CHECKING:
    import numpy as np


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
        prefixes: Iterable[str] | None = None,
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
        prefixes: Iterable[str] | None = None,
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


class SearchBackend(Protocol):
    """What decodes source ids: a model in a graph, or an export in its runtime."""

    @property
    def has_attention(self) -> bool:
        """Whether there are attention weights to return."""
        ...

    @property
    def maximum_batch_size(self) -> int | None:
        """The most sources that are worth decoding together; `None` for any number."""
        ...

    def check(self, search: Strategy) -> None:
        """Raise ValueError for a search that the backend does not have."""
        ...

    def find(
        self,
        sources: list[list[int]],
        limits: np.ndarray,
        positions: np.ndarray,
        search: Strategy,
        n_best: int,
        attention: bool,
        prefixes: list[list[int]] | None = None,
    ) -> Iterable[list[Hypothesis]]:
        """Decode a batch.

        Args:
            sources: Ids of each source, end mark included.
            limits: Longest hypothesis of each in tokens, end mark included.
            positions: Of each text in the stream, from 0; they tell samples of equal texts apart.
            search: The strategy.
            n_best: The most hypotheses for each source.
            attention: Whether attention weights are needed.
            prefixes: Ids that the hypotheses of each begin with; `None` to force nothing.

        Returns:
            For each source at least one hypothesis, the best first.
        """
        ...
