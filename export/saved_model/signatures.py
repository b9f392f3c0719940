"""The signatures of a SavedModel: a translator as TensorFlow functions, from text to text."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import tensorflow as tf

from keras_s2s.inference.limits import DEFAULT_LIMIT
from keras_s2s.inference.model_search import run_search
from keras_s2s.search.strategies import beam_size_of
from keras_s2s.search.structure import map_tensors
from keras_s2s.special_ids import END_ID, PAD_ID

from ..contract import Contract

# Attention weights that one call may return: 256 MiB.
MOST_WEIGHTS = 2**26
# Score of a missing hypothesis: JSON has no infinity.
NO_SCORE = float(tf.float32.min)


class Signature(NamedTuple):
    """A signature: its inputs by name, and the traced function that takes them."""

    inputs: dict[str, tf.TensorSpec]
    call: Any


class _Module(tf.Module):
    """What is saved besides the signatures: the tokenizers with their tables, and the weights."""

    def __init__(self, tokenizers: list[tf.Module], weights: list[tf.Variable]) -> None:
        super().__init__()
        self.tokenizers = tokenizers
        self.weights = weights


class Served:
    """The signatures of a SavedModel for a translator; in each, dimension 0 is the batch.

    Args:
        translator: A `Translator`; its search becomes the server's.

    Raises:
        ImportError: tensorflow-text is missing.
        TypeError: A tokenizer does not implement `make_in_graph`.
    """

    def __init__(self, translator: Any) -> None:
        self._model = translator.model
        self._longest = translator.maximum_source_length
        self._search = translator.search
        self.source = translator.source_tokenizer.in_graph
        self.target = translator.target_tokenizer.in_graph
        self._source_pieces = _piece_table(translator.source_tokenizer)
        self._target_pieces = _piece_table(translator.target_tokenizer)
        # Weights that a step concatenates are concatenated once, and saved instead of their parts.
        self._weights = map_tensors(
            lambda value: tf.Variable(value, trainable=False), self._model.decoder.step_weights()
        )
        if self._model.decoder.tie_embeddings:
            embeddings = self._model.decoder.embedding.embeddings.value
            self._weights = self._weights._replace(vocabulary=embeddings)
        self.contract = Contract(self._model, weights=self._weights)

    def save(self, folder: Path) -> dict[str, Signature]:
        """Write the SavedModel.

        Args:
            folder: The folder to write.

        Returns:
            The signatures by name: `serving_default`, `beam_search`, `encode`, `decode_step`, and
            `align` if the model has attention.
        """
        signatures = self._signatures()
        calls = {name: one.call for name, one in signatures.items()}
        # Only what the functions read: a Keras model would be saved whole, in addition.
        weights = list({id(one): one for call in calls.values() for one in call.variables}.values())
        module = _Module([self.source, self.target], weights)
        tf.saved_model.save(module, str(folder), signatures=calls)
        return signatures

    def _signatures(self) -> dict[str, Signature]:
        text = {"text": ([None], tf.string)}
        calls: dict[str, tuple[Any, Any]] = {
            "serving_default": (self.translate, text),
            "beam_search": (self.beam_search, text),
        }
        if self.contract.has_attention:
            calls["align"] = self.align, text
        for name, inputs in self.contract.signatures().items():
            calls[name] = getattr(self.contract, name), inputs
        return {name: _traced(*call) for name, call in calls.items()}

    def translate(self, text: Any) -> dict[str, Any]:
        """The best translations: text string `[B]` to translation string `[B]` and score `[B]`."""
        source, lengths = self._read(text)
        found = self._find(source, lengths)
        return {
            "translation": self.target.detokenize(found.ids[:, 0]),
            "score": tf.where(lengths > 0, found.scores[:, 0], 0.0),
        }

    def beam_search(self, text: Any) -> dict[str, Any]:
        """All hypotheses of the beam: text string `[B]` to translations `[B, K]`, best first.

        Returns:
            `translations` string `[B, K]`, `scores` and `log_probabilities` float32 `[B, K]`. A
            missing hypothesis is empty and has the lowest float32; a blank text has one hypothesis,
            the empty one, with score 0.
        """
        source, lengths = self._read(text)
        beam = beam_size_of(self._search)
        found = self._find(source, lengths, n_best=beam)
        texts = self.target.detokenize(tf.reshape(found.ids, [-1, tf.shape(found.ids)[-1]]))
        is_blank_first = (lengths[:, None] == 0) & (tf.range(beam) == 0)

        def finite(numbers: Any) -> Any:
            return tf.where(is_blank_first, 0.0, tf.maximum(numbers, NO_SCORE))

        return {
            "translations": tf.reshape(texts, [-1, beam]),
            "scores": finite(found.scores),
            "log_probabilities": finite(found.log_probabilities),
        }

    def align(self, text: Any) -> dict[str, Any]:
        """Attention weights of the best translations: text string `[B]` to tokens and weights.

        Returns:
            `translation` string `[B]`, `source_pieces` string `[B, S]`, `target_pieces` string
            `[B, T]`, both with the end mark and padded with "", and `attention` float32
            `[B, T, S]`, whose rows sum to 1, and are 0 after the end mark.
        """
        source, lengths = self._read(text)
        cells = (
            tf.size(source, tf.int64)
            * tf.reduce_max(tf.cast(_limits(lengths), tf.int64))
            * beam_size_of(self._search)
        )
        needed = tf.debugging.assert_less_equal(
            cells,
            tf.constant(MOST_WEIGHTS, tf.int64),
            "These texts are too many or too long to be aligned in one call. Send fewer.",
        )
        with tf.control_dependencies([needed]):
            found = self._find(tf.identity(source), lengths, return_weights=True)
        longest = tf.reduce_max(found.lengths)
        ids = found.ids[:, 0, :longest]
        is_source = (source != PAD_ID) & (lengths[:, None] > 0)
        return {
            "translation": self.target.detokenize(ids),
            "source_pieces": tf.where(is_source, tf.gather(self._source_pieces, source), ""),
            "target_pieces": tf.gather(self._target_pieces, ids),
            "attention": found.weights[:, 0, :longest],
        }

    def _read(self, text: Any) -> tuple[Any, Any]:
        """Ids int32 `[B, S]` with end marks, and the length of each row, 0 for a blank text."""
        some = tf.debugging.assert_positive(tf.size(text), "At least one text is needed.")
        with tf.control_dependencies([some]):
            ids = self.source.tokenize(tf.identity(text))
        ends = tf.fill([ids.nrows(out_type=tf.int32), 1], END_ID)
        source = tf.concat([ids[:, : self._longest - 1], ends], axis=1).to_tensor(PAD_ID)
        lengths = tf.cast(ids.row_lengths(), tf.int32)
        return source, tf.where(lengths > 0, tf.minimum(lengths + 1, self._longest), 0)

    def _find(self, source: Any, lengths: Any, **options: Any) -> Any:
        return run_search(
            self._model, source, _limits(lengths), self._search, weights=self._weights, **options
        )


def _traced(call: Any, inputs: dict[str, tuple]) -> Signature:
    given = {key: tf.TensorSpec(*spec, name=key) for key, spec in inputs.items()}
    return Signature(given, tf.function(call, autograph=False).get_concrete_function(**given))


def _limits(lengths: Any) -> Any:
    """The longest translations in tokens, as of `Translator`; 0 for a blank text."""
    return tf.where(lengths > 0, DEFAULT_LIMIT.tokens(lengths), 0)


def _piece_table(tokenizer: Any) -> Any:
    """The token of each id, string `[V]`; empty for padding."""
    return tf.constant(["", *tokenizer.pieces(range(1, tokenizer.vocabulary_size))])
