"""From texts to texts: tokenizers, model and search in one object, saved as one folder."""

from __future__ import annotations

import itertools
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from keras import backend, ops

from keras_s2s.inference.search import beam_search, greedy_search, repeat_rows, sample_search
from keras_s2s.inference.storage import load_parts, save_parts
from keras_s2s.model import Seq2Seq
from keras_s2s.text.tokenizers import END_ID, Tokenizer

END_PIECE = "</s>"
# Lines that are sorted by length together: enough for full batches, few enough to hold.
WINDOW = 4096
# Most source cells of a batch, so that long lines go in small batches.
BATCH_CELLS = 16_384


class Translation(NamedTuple):
    """One answer to one text.

    Attributes:
        text: The answer.
        score: What the search ordered its hypotheses by, see `beam_search`.
        log_probability: Natural logarithm of the answer's probability, end mark included.
        source_pieces: The S pieces that the encoder read, end mark included.
        target_pieces: The T pieces of the answer; the last is the end mark unless it was cut off.
        weights: Attention, float32 `[T, S]`; `None` unless asked for.
    """

    text: str
    score: float
    log_probability: float
    source_pieces: list[str]
    target_pieces: list[str]
    weights: np.ndarray | None


class Translator:
    """Translates texts with a model and its tokenizers.

    A line's answer does not depend on the other lines. An empty or blank line gives an empty answer.

    Args:
        model: A `Seq2Seq`; a copy in float32 is made where it computes in a lower precision.
        source_tokenizer: Cuts the texts that come in.
        target_tokenizer: Puts the answers together.
        beam_size: Default width of the beam; 1 is greedy.
        length_penalty: Default exponent of the length penalty.
        coverage_penalty: Default weight of the coverage penalty.
        maximum_source_length: Longest text in tokens; what is longer is cut there, with a warning.

    Raises:
        TypeError: `model` is no `Seq2Seq`, or a tokenizer is none.
        ValueError: A tokenizer's vocabulary is not the model's, or a size is below 1.

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
        model: Seq2Seq,
        source_tokenizer: Tokenizer,
        target_tokenizer: Tokenizer,
        *,
        beam_size: int = 5,
        length_penalty: float = 1.0,
        coverage_penalty: float = 0.0,
        maximum_source_length: int = 1000,
    ) -> None:
        if not isinstance(model, Seq2Seq):
            raise TypeError(f"`model` must be a keras_s2s.Seq2Seq. Received: model={model!r}")
        _check_vocabulary("source", source_tokenizer, model.encoder.vocabulary_size)
        _check_vocabulary("target", target_tokenizer, model.decoder.vocabulary_size)
        for name, value in (
            ("beam_size", beam_size),
            ("maximum_source_length", maximum_source_length),
        ):
            if value < 1:
                raise ValueError(f"`{name}` must be at least 1. Received: {name}={value}")
        self.model = (
            model if model.decoder.compute_dtype == "float32" else model.with_dtype("float32")
        )
        self.source_tokenizer = source_tokenizer
        self.target_tokenizer = target_tokenizer
        self.beam_size = beam_size
        self.length_penalty = length_penalty
        self.coverage_penalty = coverage_penalty
        self.maximum_source_length = maximum_source_length
        self._searches: dict[tuple, Callable[..., Any]] = {}

    def translate(
        self,
        texts: Iterable[str],
        *,
        beam_size: int | None = None,
        maximum_length: int | None = None,
        batch_size: int = 64,
        progress: bool = False,
    ) -> list[str]:
        """The best answer to each text, in order.

        Args:
            texts: Any number of texts.
            beam_size: Width of the beam, 1 for greedy; `None` for the translator's.
            maximum_length: Longest answer in tokens, end mark included; `None` for 20 more than
                three times the source's.
            batch_size: Most texts that are searched together.
            progress: Whether to count on the standard error stream.

        Returns:
            One text for each.
        """
        found = self.stream(
            texts,
            beam_size=beam_size,
            maximum_length=maximum_length,
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
        sampling: dict[str, Any] | None = None,
        attention: bool = False,
        batch_size: int = 64,
        progress: bool = False,
    ) -> Iterator[list[Translation]]:
        """All that a search found, for one text after the other, in order.

        Texts are read a few thousand at a time, so a file of any size may pass.

        Args:
            texts: Any number of texts.
            beam_size: As in `translate`.
            n_best: Number of answers to each text, at most `beam_size`.
            length_penalty: Exponent of the length penalty; `None` for the translator's.
            coverage_penalty: Weight of the coverage penalty; `None` for the translator's.
            maximum_length: As in `translate`.
            sampling: Draw the answer in place of the search: `seed` (an integer) and, if wanted,
                `temperature`, `top_k` and `top_p` of `sample_search`.
            attention: Whether to return the attention weights.
            batch_size: As in `translate`.
            progress: As in `translate`.

        Yields:
            For each text a list of up to `n_best` answers, the best first; one empty answer to an
            empty text.

        Raises:
            TypeError: `texts` is one string, or holds something else than strings.
            ValueError: A number is out of range, or attention is asked of a model without.
        """
        if isinstance(texts, str):
            raise TypeError(
                f"`texts` must be a list or generator of strings. Received: {texts[:50]!r}"
            )
        beam_size = self.beam_size if beam_size is None else beam_size
        for name, value in (
            ("beam_size", beam_size),
            ("batch_size", batch_size),
            ("n_best", n_best),
        ):
            if value < 1:
                raise ValueError(f"`{name}` must be at least 1. Received: {name}={value}")
        if maximum_length is not None and maximum_length < 1:
            raise ValueError(
                f"`maximum_length` must be at least 1. Received: maximum_length={maximum_length}"
            )
        if n_best > (1 if sampling is not None else beam_size):
            raise ValueError(
                "`n_best` can be at most `beam_size`, and 1 with sampling. "
                f"Received: n_best={n_best}, beam_size={beam_size}"
            )
        if self.model.decoder.attention is None and (attention or coverage_penalty):
            raise ValueError(
                "This model has no attention to show or to be penalised. Received: attention=True"
            )
        options = {
            "beam_size": beam_size,
            "n_best": n_best,
            "length_penalty": self.length_penalty if length_penalty is None else length_penalty,
            "coverage_penalty": self.coverage_penalty
            if coverage_penalty is None
            else coverage_penalty,
            "return_weights": attention,
            "sampling": None if sampling is None else tuple(sorted(sampling.items())),
        }
        return self._windows(texts, options, maximum_length, batch_size, progress)

    def _windows(
        self,
        texts: Iterable[str],
        options: dict[str, Any],
        maximum_length: int | None,
        batch_size: int,
        progress: bool,
    ) -> Iterator[list[Translation]]:
        search = self._search(options)
        rest = iter(texts)
        done = 0
        while window := list(itertools.islice(rest, WINDOW)):
            sources = self._sources(window, done)
            answers: list[list[Translation]] = [[_EMPTY]] * len(window)
            for rows in _batches([len(ids) for ids in sources], batch_size):
                found = self._answer(
                    search, [sources[row] for row in rows], maximum_length, options
                )
                for row, answer in zip(rows, found, strict=True):
                    answers[row] = answer
                done += len(rows)
                if progress:
                    print(f"\r{done:,} sentences", end="", file=sys.stderr, flush=True)
            yield from answers
        if progress:
            print(file=sys.stderr)

    def _sources(self, texts: list[str], first: int) -> list[list[int]]:
        """Ids with end mark, cut at the limit; `[]` for a text without tokens."""
        for index, text in enumerate(texts):
            if not isinstance(text, str):
                raise TypeError(f"Text {first + index + 1} must be a string. Received: {text!r}")
        sources = self.source_tokenizer.encode_all(texts)
        limit = self.maximum_source_length
        long = sum(len(ids) >= limit for ids in sources)
        if long:
            warnings.warn(
                f"{long} texts were cut to {limit} tokens, end mark included.", stacklevel=4
            )
        return [[*ids[: limit - 1], END_ID] if ids else [] for ids in sources]

    def _answer(
        self,
        search: Callable[..., Any],
        sources: list[list[int]],
        maximum_length: int | None,
        options: dict[str, Any],
    ) -> list[list[Translation]]:
        lengths = np.array([len(ids) for ids in sources])
        padded = np.zeros((len(sources), lengths.max()), "int32")
        for row, ids in enumerate(sources):
            padded[row, : len(ids)] = ids
        limits = (
            3 * lengths + 20 if maximum_length is None else np.full_like(lengths, maximum_length)
        )
        result = search(padded, limits.astype("int32"))
        ids, scores, log_probabilities, counts = (ops.convert_to_numpy(part) for part in result[:4])
        weights = ops.convert_to_numpy(result[4]) if options["return_weights"] else None
        answers = []
        for row, source in enumerate(sources):
            source_pieces = [*self.source_tokenizer.pieces(source[:-1]), END_PIECE]
            found = []
            for best in range(ids.shape[1]):
                count = int(counts[row, best])
                if count == 0 and best:
                    continue
                target = ids[row, best, :count].tolist()
                ended = bool(target) and target[-1] == END_ID
                pieces = self.target_tokenizer.pieces(target[: count - ended])
                found.append(
                    Translation(
                        text=self.target_tokenizer.decode(target),
                        score=float(scores[row, best]),
                        log_probability=float(log_probabilities[row, best]),
                        source_pieces=source_pieces,
                        target_pieces=[*pieces, END_PIECE] if ended else pieces,
                        weights=None
                        if weights is None
                        else weights[row, best, :count, : len(source)],
                    )
                )
            answers.append(found)
        return answers

    def _search(self, options: dict[str, Any]) -> Callable[..., Any]:
        """The search as one graph, made once for each set of options."""
        key = tuple(options.values())
        if key not in self._searches:

            def search(source: Any, limits: Any) -> Any:
                return run_search(self.model, source, limits, **options)

            if backend.backend() == "tensorflow":
                import tensorflow as tf

                signature = [tf.TensorSpec([None, None], tf.int32), tf.TensorSpec([None], tf.int32)]
                search = tf.function(search, input_signature=signature, autograph=False)
            self._searches[key] = search
        return self._searches[key]

    def save(self, folder: str | Path) -> None:
        """Write everything that translating needs into a folder: model, tokenizers, options, versions.

        The folder is written beside its goal and renamed: a crash leaves the old one or the new one.

        Args:
            folder: Made if it does not exist; a translator saved there before is replaced.

        Raises:
            ValueError: The folder exists and holds something else.
        """
        options = {
            "beam_size": self.beam_size,
            "length_penalty": self.length_penalty,
            "coverage_penalty": self.coverage_penalty,
            "maximum_source_length": self.maximum_source_length,
        }
        save_parts(Path(folder), self.model, self.source_tokenizer, self.target_tokenizer, options)

    @classmethod
    def load(cls, folder: str | Path) -> Translator:
        """Read what `save` wrote, in any process.

        Args:
            folder: The folder.

        Returns:
            A translator that gives the same answers.

        Raises:
            ValueError: The folder holds none, or a damaged or newer one.
        """
        model, source_tokenizer, target_tokenizer, options = load_parts(Path(folder))
        return cls(model, source_tokenizer, target_tokenizer, **options)


_EMPTY = Translation("", 0.0, 0.0, [], [], None)


def run_search(
    model: Seq2Seq,
    source: Any,
    limits: Any,
    *,
    beam_size: int = 1,
    n_best: int = 1,
    length_penalty: float = 1.0,
    coverage_penalty: float = 0.0,
    return_weights: bool = False,
    sampling: tuple | None = None,
) -> Any:
    """Encode a batch and search: the whole way from ids to ids, in tensors.

    Args:
        model: The model.
        source: int32 `[B, S]`, each row with its end mark, padded with 0.
        limits: int32 `[B]`: longest answer of each row in tokens, end mark included.
        beam_size: Width of the beam; 1 is greedy.
        n_best: Number of answers.
        length_penalty: Of `beam_search`.
        coverage_penalty: Of `beam_search`.
        return_weights: Whether to return attention weights.
        sampling: Pairs of name and value for `sample_search`; `None` to search.

    Returns:
        A `SearchResult`.
    """
    decoder = model.decoder
    memory, memory_mask, encoder_state = model.encoder(source, training=False)
    state = decoder.initial_state(encoder_state, memory)
    constants: tuple = ()
    if decoder.attention is not None:
        constants = (decoder.attention.project(memory), memory, memory_mask)
    rows = 1 if sampling is not None else beam_size
    constants = repeat_rows(constants, rows) if rows > 1 else constants

    def step(token: Any, state: Any) -> Any:
        return decoder.step(token, state, *constants)

    common = {
        "maximum_length": limits,
        "return_weights": return_weights,
        "source_mask": memory_mask if constants else None,
    }
    batch = ops.shape(source)[0]
    if sampling is not None:
        return sample_search(step, state, batch, **common, **dict(sampling))
    if beam_size == 1:
        return greedy_search(step, state, batch, **common)
    return beam_search(
        step,
        state,
        batch,
        beam_size=beam_size,
        n_best=n_best,
        length_penalty=length_penalty,
        coverage_penalty=coverage_penalty,
        **common,
    )


def _batches(lengths: list[int], batch_size: int) -> Iterator[list[int]]:
    """Rows that share a batch: of like length, the longest first; rows of length 0 are left out."""
    order = sorted((row for row, n in enumerate(lengths) if n), key=lambda row: -lengths[row])
    start = 0
    while start < len(order):
        count = max(1, min(batch_size, BATCH_CELLS // lengths[order[start]]))
        yield order[start : start + count]
        start += count


def _check_vocabulary(side: str, tokenizer: Any, size: int) -> None:
    if not isinstance(tokenizer, Tokenizer):
        raise TypeError(
            f"`{side}_tokenizer` must be a keras_s2s tokenizer. Received: {side}_tokenizer={tokenizer!r}"
        )
    if tokenizer.vocabulary_size != size:
        raise ValueError(
            f"The model and its {side} tokenizer need the same vocabulary. Received: a model of {size} "
            f"ids and a tokenizer of {tokenizer.vocabulary_size}. Give the tokenizer it was trained with."
        )
