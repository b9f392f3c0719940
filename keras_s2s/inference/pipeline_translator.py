"""`translate` and `stream`, the same for trained and exported models."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from keras_s2s.inference.checks import check_search, check_sizes, check_texts
from keras_s2s.inference.limits import DEFAULT_LIMIT, LengthLimit
from keras_s2s.inference.pipeline import TextPipeline
from keras_s2s.inference.prefixes import with_prefixes
from keras_s2s.inference.translation import Translation
from keras_s2s.inference.unknown import unknown_words
from keras_s2s.search.strategies import Beam, Greedy, Strategy
from keras_s2s.text.tokenizer import Tokenizer

if TYPE_CHECKING:
    from keras_s2s.inference.protocol import SearchBackend


class PipelineTranslator(ABC):
    """Translates texts with a search backend, which is all that a subclass has to provide.

    Attributes:
        source_tokenizer: Tokenizer of the sources.
        target_tokenizer: Tokenizer of the translations.
        search: Default search.
        maximum_source_length: The most tokens that are read of a text, end mark included.
        default_limit: The longest translation where none is named.
    """

    source_tokenizer: Tokenizer
    target_tokenizer: Tokenizer
    search: Greedy | Beam
    maximum_source_length: int
    default_limit: LengthLimit = DEFAULT_LIMIT

    @abstractmethod
    def search_backend(self) -> SearchBackend:
        """What decodes the batches of one stream of texts."""

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
        """Return the best translation of each text, in order.

        Args:
            texts: Any number of texts.
            search: `Greedy()`, `Beam(...)` or `Sample(...)`; `None` for the translator's own. An
                export does not sample.
            prefixes: What the translation of each text begins with, "" for anything; read beside
                the texts. A prefix ends at a token: what follows may continue its last word. Of a
                blank text the translation is empty all the same.
            maximum_length: Longest translation in tokens, end mark included; `None` for 20 more
                than three times the source's; an export has its own default in its manifest.
            replace_unknown: Whether to replace each unknown word by the source word with the
                highest attention weight.
            dictionary: With `replace_unknown`, translations of source words; words that it lacks
                are copied.
            strict: Whether a text that is too long raises an error instead of being cut with a
                warning.
            batch_size: The most texts that are decoded together; an export decodes one by one.
            progress: Whether to count on the standard error stream.

        Returns:
            One text for each.

        Raises:
            TypeError, ValueError: As `stream`.
        """
        found = self.stream(
            texts,
            search=search,
            prefixes=prefixes,
            maximum_length=maximum_length,
            replace_unknown=replace_unknown,
            dictionary=dictionary,
            strict=strict,
            batch_size=batch_size,
            progress=progress,
        )
        return [translations[0].text for translations in found]

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
        """Return all that the search finds, for one text after the other, in order.

        Args:
            texts: Any number of texts; a window of them is held at a time.
            search: As in `translate`. What a `Sample` draws depends on its seed, the text and its
                position among the texts.
            n_best: Number of translations of each text, at most the beam size; of samples any.
            prefixes: As in `translate`.
            maximum_length: As in `translate`.
            attention: Whether to return the attention weights.
            replace_unknown: As in `translate`; the text changes, the tokens stay.
            dictionary: As in `translate`.
            strict: As in `translate`.
            batch_size: As in `translate`.
            window: Texts that are read and sorted by length before the first of them is
                translated; with 1, and where texts are decoded one by one, each is translated
                before the next is read.
            progress: As in `translate`.

        Returns:
            An iterator: for each text a list of up to `n_best` translations, the best first, or
            samples as they were drawn; one empty translation of a blank text.

        Raises:
            TypeError: `texts` or `prefixes` is one string, no iterable, or holds something else
                than strings; `search` is no strategy; `dictionary` does not map strings to strings.
            ValueError: A number is out of range, a text or a prefix is too long, there are not as
                many prefixes as texts, or attention weights are needed and the model has none.
        """
        check_texts(texts)
        search = self.search if search is None else search
        backend = self.search_backend()
        tokenizers = self.source_tokenizer, self.target_tokenizer
        unknown = unknown_words(*tokenizers, replace_unknown, dictionary, backend.has_attention)
        check_search(search, n_best, backend, attention, tokenizers[1].vocabulary_size)
        check_sizes(batch_size, window, maximum_length, search.constraints.minimum_length)
        beside = with_prefixes(texts, prefixes, tokenizers[1])
        return TextPipeline(
            backend,
            *tokenizers,
            search,
            n_best,
            maximum_source_length=self.maximum_source_length,
            limit=LengthLimit(0, maximum_length) if maximum_length else self.default_limit,
            batch_size=batch_size,
            window=window,
            progress=progress,
            attention=attention,
            unknown=unknown,
            strict=strict,
            prefixes=beside,
        ).run(texts if beside is None else beside)
