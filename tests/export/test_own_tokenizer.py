"""A tokenizer class that is defined outside of the package goes into exports."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import pytest

from keras_s2s import Decoder, Encoder, LuongAttention, Seq2Seq, Translator, export
from keras_s2s.special_ids import UNK_ID
from keras_s2s.text.tokenizers import Tokenizer

if TYPE_CHECKING:
    import tensorflow as tf

    from keras_s2s.text.tensorflow_ops import TextModule

TEXTS = ["abc", "", "cab", "aXb"]


class Letters(Tokenizer):
    """Letters of an alphabet; no trie, no table, no vocabulary file."""

    def __init__(self, alphabet: str, normalization: str = "NFC") -> None:
        super().__init__(normalization)
        self.alphabet = alphabet

    @classmethod
    def train(
        cls,
        lines: Iterable[str],
        vocabulary_size: int | None = None,
        *,
        normalization: str = "NFC",
    ) -> "Letters":
        return cls("".join(sorted(set("".join(lines)))), normalization)

    @property
    def vocabulary_size(self) -> int:
        return 4 + len(self.alphabet)

    def encode_normalized(self, text: str) -> list[int]:
        return [4 + self.alphabet.index(c) if c in self.alphabet else UNK_ID for c in text]

    def decode_tokens(self, ids: list[int], unknown: list[str]) -> str:
        return "".join("?" if index == UNK_ID else self.piece(index) for index in ids)

    def piece(self, index: int) -> str:
        return self.alphabet[index - 4]

    def get_config(self) -> dict[str, Any]:
        return {"alphabet": self.alphabet, **super().get_config()}


class GraphLetters(Letters):
    """Letters that a SavedModel can hold."""

    def make_in_graph(self) -> "TextModule":
        return _in_graph(self.alphabet, self.normalization)


def _in_graph(alphabet: str, form: str) -> "TextModule":
    import tensorflow as tf

    from keras_s2s.text.tensorflow_ops import TextModule

    class Module(TextModule):
        def encode_normalized(self, text: "tf.Tensor") -> "tf.RaggedTensor":
            points = tf.strings.unicode_decode(text, "UTF-8")
            is_letter = points.flat_values[:, None] == tf.constant([ord(c) for c in alphabet])
            places = 4 + tf.argmax(is_letter, axis=1, output_type=tf.int32)
            known = tf.reduce_any(is_letter, axis=1)
            return points.with_flat_values(tf.where(known, places, UNK_ID))

        def decode_tokens(self, ids: "tf.RaggedTensor") -> "tf.Tensor":
            letters = tf.constant(["?"] * 4 + list(alphabet))
            return tf.strings.reduce_join(tf.gather(letters, ids), axis=-1)

    return Module(form)


def make(cls: type[Letters]) -> Translator:
    keras.utils.set_random_seed(1)
    tokenizer = cls.train(["abc"])
    size = tokenizer.vocabulary_size
    model = Seq2Seq(Encoder(size, 8), Decoder(size, 8, attention=LuongAttention(8)))
    return Translator(model, tokenizer, tokenizer)


FORMATS = [
    pytest.param(export.litert, lambda: export.LiteRTTranslator, {"lengths": (8,)}, id="litert"),
    pytest.param(export.onnx, lambda: export.OnnxTranslator, {}, id="onnx"),
    pytest.param(export.saved_model, lambda: export.SavedModelTranslator, {}, id="saved_model"),
]
NEEDED = {"litert": "ai_edge_litert", "onnx": "tf2onnx", "saved_model": "tensorflow_serving"}


@pytest.mark.slow  # Three exports; test_own_classes.py has them with classes of all kinds.
@pytest.mark.parametrize(("write", "runner", "options"), FORMATS)
def test_it_is_exported_and_loaded_with_custom_objects(
    write: Callable[..., Any], runner: Callable[[], Any], options: dict[str, Any], tmp_path: Path
) -> None:
    pytest.importorskip(NEEDED[write.__name__])
    translator = make(GraphLetters)
    manifest = write(translator, tmp_path / "x", samples=TEXTS, **options)
    assert {found["share"] for found in manifest["parity"].values()} == {1.0}
    alone = runner()(tmp_path / "x", custom_objects={"GraphLetters": GraphLetters})
    assert alone.translate(TEXTS) == translator.translate(TEXTS)
    with pytest.raises(ValueError, match="not in custom_objects"):
        runner()(tmp_path / "x")


def test_a_translator_is_saved_and_loaded_with_custom_objects(tmp_path: Path) -> None:
    translator = make(Letters)
    translator.save(tmp_path / "x")
    loaded = Translator.load(tmp_path / "x", custom_objects={"Letters": Letters})
    assert loaded.translate(TEXTS) == translator.translate(TEXTS)


def test_a_saved_model_needs_one_that_runs_in_the_graph(tmp_path: Path) -> None:
    pytest.importorskip("tensorflow_serving")
    with pytest.raises(TypeError, match="`make_in_graph`. Received: a Letters"):
        export.saved_model(make(Letters), tmp_path / "on" / "the" / "way", samples=TEXTS)
    assert not list(tmp_path.iterdir())
