"""From texts to texts: tokenizers, model and search in one object, saved as one folder."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from keras_s2s.inference.ensemble import Ensemble
from keras_s2s.inference.model_search import (
    Sampling,
    SearchRequest,
    check_at_least,
    check_whole,
)
from keras_s2s.inference.parts import checked_models, checked_translators
from keras_s2s.inference.storage import OPTIONS, load_parts, save_parts
from keras_s2s.inference.stream import ModelSearch, TextSearch
from keras_s2s.inference.translation import Translation
from keras_s2s.inference.unknown import unknown_words
from keras_s2s.model import Seq2Seq
from keras_s2s.text.tokenizers import Tokenizer


class Translator:
    """Translates texts with a model and its tokenizers.

    A text's answer does not depend on the other texts, and a blank text gives an empty answer.

    Args:
        model: A `Seq2Seq`, or a list of them that answer together, see `ensemble`; a copy in
            float32 is made of what computes in a lower precision.
        source_tokenizer: Cuts the texts that come in.
        target_tokenizer: Puts the answers together.
        beam_size: Default width of the beam; 1 is greedy.
        length_penalty: Default exponent of the length penalty.
        coverage_penalty: Default weight of the coverage penalty.
        maximum_source_length: Longest text in tokens, end mark included; what is longer is cut
            there, with a warning.
        samples: Texts of the kind that it was trained on, short and long. They are saved with it;
            an export is tried with them and takes its lengths from them.

    Raises:
        TypeError: `model` is no `Seq2Seq`, a tokenizer is none, or a sample is no string.
        ValueError: A tokenizer's vocabulary is not the model's, or a number is out of range.

    Example:
        >>> from keras_s2s import CharacterTokenizer, Decoder, Encoder, LuongAttention
        >>> tokenizer = CharacterTokenizer.train(["abc"])
        >>> size = tokenizer.vocabulary_size
        >>> model = Seq2Seq(Encoder(size, 8), Decoder(size, 8, attention=LuongAttention(8)))
        >>> translator = Translator(model, tokenizer, tokenizer)
        >>> len(translator.translate(["cab", "", "ba"], maximum_length=5))
        3
    """

    def __init__(
        self,
        model: Seq2Seq | Sequence[Seq2Seq],
        source_tokenizer: Tokenizer,
        target_tokenizer: Tokenizer,
        *,
        beam_size: int = 5,
        length_penalty: float = 1.0,
        coverage_penalty: float = 0.0,
        maximum_source_length: int = 1000,
        samples: Iterable[str] = (),
    ) -> None:
        self.models = checked_models(model, source_tokenizer, target_tokenizer)
        check_whole(1, beam_size=beam_size, maximum_source_length=maximum_source_length)
        check_at_least(0, length_penalty=length_penalty, coverage_penalty=coverage_penalty)
        self.samples = [samples] if isinstance(samples, str) else list(samples)
        if not all(isinstance(sample, str) for sample in self.samples):
            raise TypeError(f"`samples` must be strings. Received: samples={self.samples!r}")
        self.source_tokenizer = source_tokenizer
        self.target_tokenizer = target_tokenizer
        self.beam_size = beam_size
        self.length_penalty = length_penalty
        self.coverage_penalty = coverage_penalty
        self.maximum_source_length = maximum_source_length
        self._searched = self.models[0] if len(self.models) == 1 else Ensemble(self.models)
        self._search = ModelSearch(self._searched)

    @property
    def model(self) -> Seq2Seq:
        """The model; an ensemble has several, `models`.

        Raises:
            ValueError: The translator is an ensemble.
        """
        first, *others = self.models
        if others:
            raise ValueError(
                "An ensemble is not one model, and can only translate: it cannot be saved, "
                f"exported or averaged. Received: an ensemble of {len(self.models)} models. Take "
                "the translators that it was made of."
            )
        return first

    @classmethod
    def ensemble(cls, translators: Iterable[Translator]) -> Translator:
        """Several translators that answer as one: at each step their probabilities are averaged.

        Args:
            translators: One or more, of one model each, which may differ in everything but their
                tokenizers; the options are those of the first.

        Returns:
            A translator whose time and memory are those of all of them. It cannot be saved.

        Raises:
            TypeError: There is something else than translators, or nothing.
            ValueError: Their tokenizers differ, or one is an ensemble.

        Example:
            >>> from keras_s2s import Decoder, Encoder, LuongAttention, WordTokenizer
            >>> words = WordTokenizer.train(["a b c"])
            >>> several = [
            ...     Translator(Seq2Seq(Encoder(7, units), Decoder(7, units)), words, words)
            ...     for units in (4, 8)
            ... ]
            >>> len(Translator.ensemble(several).translate(["a b", "c"], maximum_length=5))
            2
        """
        several = checked_translators(translators, cls)
        return several[0].with_model([one.model for one in several])

    def with_model(self, model: Seq2Seq | Sequence[Seq2Seq]) -> Translator:
        """Another translator with the same tokenizers, options and samples.

        Args:
            model: As for the class.

        Raises:
            TypeError, ValueError: As the class.
        """
        tokenizers = self.source_tokenizer, self.target_tokenizer
        return type(self)(model, *tokenizers, samples=self.samples, **self.options)

    @property
    def options(self) -> dict[str, Any]:
        """The numbers that it was made with, by their names."""
        return {name: getattr(self, name) for name in OPTIONS}

    def translate(
        self,
        texts: Iterable[str],
        *,
        beam_size: int | None = None,
        maximum_length: int | None = None,
        replace_unknown: bool = False,
        dictionary: Mapping[str, str] | None = None,
        strict: bool = False,
        batch_size: int = 64,
        progress: bool = False,
    ) -> list[str]:
        """The best answer to each text, in order.

        Args:
            texts: Any number of texts.
            beam_size: Width of the beam, 1 for greedy; `None` for the translator's.
            maximum_length: Longest answer in tokens, end mark included; `None` for 20 more than
                three times the source's.
            replace_unknown: Whether a source word takes the place of a word that the vocabulary
                lacks: the one that the attention looked at most.
            dictionary: With `replace_unknown`, translations of source words; what it does not hold
                is copied.
            strict: Whether a text that is too long is an error, and not cut.
            batch_size: Most texts that are searched together.
            progress: Whether to count on the standard error stream.

        Returns:
            One text for each.

        Raises:
            TypeError, ValueError: As `stream`.
        """
        found = self.stream(
            texts,
            beam_size=beam_size,
            maximum_length=maximum_length,
            replace_unknown=replace_unknown,
            dictionary=dictionary,
            strict=strict,
            batch_size=batch_size,
            progress=progress,
        )
        return [answers[0].text for answers in found]

    def stream(
        self,
        texts: Iterable[str],
        *,
        beam_size: int | None = None,
        n_best: int = 1,
        length_penalty: float | None = None,
        coverage_penalty: float | None = None,
        maximum_length: int | None = None,
        sampling: Sampling | None = None,
        attention: bool = False,
        replace_unknown: bool = False,
        dictionary: Mapping[str, str] | None = None,
        strict: bool = False,
        batch_size: int = 64,
        window: int = 4096,
        progress: bool = False,
    ) -> Iterator[list[Translation]]:
        """All that a search found, for one text after the other, in order.

        Args:
            texts: Any number of texts; a window of them is held at a time.
            beam_size: As in `translate`.
            n_best: Number of answers to each text, at most `beam_size`.
            length_penalty: Exponent of the length penalty; `None` for the translator's.
            coverage_penalty: Weight of the coverage penalty; `None` for the translator's.
            maximum_length: As in `translate`.
            sampling: Draw the answer in place of the search. What is drawn depends on the seed, the
                text and its place among the texts.
            attention: Whether to return the attention weights.
            replace_unknown: As in `translate`; the text changes, the pieces stay.
            dictionary: As in `translate`.
            strict: As in `translate`.
            batch_size: As in `translate`.
            window: Texts that are read and sorted by length before the first of them is answered;
                1 answers each before the next is read.
            progress: As in `translate`.

        Returns:
            An iterator: for each text a list of up to `n_best` answers, the best first; one empty
            answer to a blank text.

        Raises:
            TypeError: `texts` is one string, no iterable, or holds something else than strings, as
                `dictionary` may not.
            ValueError: A number is out of range, a text too long, or there is no attention to show.
        """
        if isinstance(texts, (str, bytes)) or not isinstance(texts, Iterable):
            raise TypeError(
                f"`texts` must be a list or another iterable of strings. Received: texts={texts!r}"
            )
        request = SearchRequest(
            self.beam_size if beam_size is None else beam_size,
            n_best,
            self.length_penalty if length_penalty is None else length_penalty,
            self.coverage_penalty if coverage_penalty is None else coverage_penalty,
            attention or replace_unknown,
            sampling,
        )
        tokenizers = self.source_tokenizer, self.target_tokenizer
        has_attention = self._searched.decoder.attention is not None
        unknown = unknown_words(*tokenizers, replace_unknown, dictionary, has_attention)
        request.check(self._searched)
        check_whole(1, batch_size=batch_size, window=window)
        if maximum_length is not None:
            check_whole(1, maximum_length=maximum_length)
        return TextSearch(
            self._search.with_kernels(),
            *tokenizers,
            request,
            maximum_source_length=self.maximum_source_length,
            maximum_length=maximum_length,
            batch_size=batch_size,
            window=window,
            progress=progress,
            attention=attention,
            unknown=unknown,
            strict=strict,
        ).run(texts)

    def save(
        self, folder: str | Path, *, write_companions: Callable[[Path], None] | None = None
    ) -> None:
        """Write all that translating needs into a folder: model, tokenizers, options, versions.

        The folder is written aside and renamed, so there is always a whole one, the old or the new.

        Args:
            folder: Made if it does not exist; a translator that was saved there is replaced.
            write_companions: Gets the folder before it takes its place, to write into it what goes
                with a training: `recipe.json`, `history.json`, `curves.png`, `attention.png`.

        Raises:
            ValueError: The folder holds something else, or this is an ensemble.
            OSError: It cannot be written.
        """
        parts = self.model, self.source_tokenizer, self.target_tokenizer
        save_parts(Path(folder), *parts, self.options, self.samples, write_companions)

    @classmethod
    def load(
        cls, folder: str | Path, custom_objects: Mapping[str, Any] | None = None
    ) -> Translator:
        """Read what `save` wrote, in any process, into a translator that gives the same answers.

        Args:
            folder: The folder.
            custom_objects: Classes of your own by name, unless they are registered, see
                `load_tokenizer`.

        Raises:
            ValueError: The folder holds none, or a damaged or newer one.
        """
        parts = load_parts(Path(folder), custom_objects)
        model, source_tokenizer, target_tokenizer, options = parts
        return cls(model, source_tokenizer, target_tokenizer, **options)
