"""From texts to texts: tokenizers, model and search in one object, saved as one folder."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

from keras_s2s.inference.checks import check_options
from keras_s2s.inference.ensemble import Ensemble, only_model
from keras_s2s.inference.forced_model import ForcedModel
from keras_s2s.inference.graph_search import GraphSearch
from keras_s2s.inference.model_backend import ModelBackend
from keras_s2s.inference.model_search import run_search
from keras_s2s.inference.parts import checked_models, checked_samples, checked_translators
from keras_s2s.inference.right_to_left import ReversedBackend, ReversedForced
from keras_s2s.inference.saved_translator import SavedTranslator
from keras_s2s.model import Seq2Seq
from keras_s2s.search.strategies import Beam, Greedy
from keras_s2s.text.tokenizers import Tokenizer


class Translator(SavedTranslator):
    """Translates texts with a model and its tokenizers.

    The translation of a text does not depend on the other texts; that of a blank text is empty.

    Args:
        model: A `Seq2Seq`, or a list of them that decode together, see `ensemble`; a model that
            computes in a lower precision is copied to float32, and the copy follows its weights.
        source_tokenizer: Tokenizer of the sources.
        target_tokenizer: Tokenizer of the translations.
        search: Default search, `Greedy()` or `Beam(...)`.
        maximum_source_length: Longest text in tokens, end mark included; longer texts are cut, with
            a warning.
        samples: Texts of the kind that the model was trained on, short and long. They are saved
            with it; an export is verified with them and takes its lengths from them.
        reverse_target: Whether the model predicts targets from their last token to the first.

    Raises:
        TypeError: `model` is no `Seq2Seq`, a tokenizer is none, `search` is no such object, or a
            sample is no string.
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
        search: Greedy | Beam = Beam(),
        maximum_source_length: int = 1000,
        samples: Iterable[str] = (),
        reverse_target: bool = False,
    ) -> None:
        self.models = checked_models(model, source_tokenizer, target_tokenizer)
        check_options(search, maximum_source_length)
        self.samples = checked_samples(samples)
        self.source_tokenizer = source_tokenizer
        self.target_tokenizer = target_tokenizer
        self.search: Greedy | Beam = search
        self.maximum_source_length = maximum_source_length
        self.reverse_target = reverse_target
        self._decoded = self.models[0] if len(self.models) == 1 else Ensemble(self.models)
        self._graphs = GraphSearch(partial(run_search, self._decoded))

    @property
    def model(self) -> Seq2Seq:
        """The model; an ensemble has several, `models`.

        Raises:
            ValueError: The translator is an ensemble.
        """
        return only_model(self.models)

    @classmethod
    def ensemble(cls, translators: Iterable[Translator]) -> Translator:
        """Several translators that decode as one: at each step their probabilities are averaged.

        Args:
            translators: One or more, of one model each, which may differ in everything but their
                tokenizers and `reverse_target`; the options are those of the first.

        Returns:
            A translator whose time and memory are those of all of them. It cannot be saved.

        Raises:
            TypeError: There is something else than translators, or nothing.
            ValueError: Their tokenizers or directions differ, or one is an ensemble.

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
        return several[0].with_model([only_model(one.models.originals) for one in several])

    def with_model(self, model: Seq2Seq | Sequence[Seq2Seq]) -> Translator:
        """Another translator with the same tokenizers, options and samples.

        Args:
            model: As for the class.

        Raises:
            TypeError, ValueError: As the class.
        """
        names = "search", "maximum_source_length", "samples", "reverse_target"
        options = {name: getattr(self, name) for name in names}
        return type(self)(model, self.source_tokenizer, self.target_tokenizer, **options)

    def search_backend(self) -> ModelBackend | ReversedBackend:
        """The search, with the weights as they are now."""
        self.models.update()
        backend = ModelBackend(self._decoded, self._graphs.in_this_process())
        return ReversedBackend(backend) if self.reverse_target else backend

    def forced_backend(self) -> ForcedModel | ReversedForced:
        """What reads given targets, with the weights as they are now."""
        backend = ForcedModel(self.models)
        return ReversedForced(backend) if self.reverse_target else backend
