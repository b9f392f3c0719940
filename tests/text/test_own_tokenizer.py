"""A tokenizer class that is defined outside of the package."""

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from keras_s2s.special_ids import UNK_ID, UNKNOWN_TEXT
from keras_s2s.text import registry
from keras_s2s.text.normalization import normalize_lines
from keras_s2s.text.tokenizers import (
    Tokenizer,
    WordTokenizer,
    check_loadable,
    load_tokenizer,
    register_tokenizer,
)

if TYPE_CHECKING:
    import tensorflow as tf

    from keras_s2s.text.tensorflow_ops import TextModule

LINES = ["aa bb", "bbb ac", "c"]


class BigramTokenizer(Tokenizer):
    """Two characters to an id; a blank fills up the last one."""

    def __init__(self, pairs: Iterable[str], normalization: str = "NFC") -> None:
        super().__init__(normalization)
        self.pairs = list(pairs)

    @classmethod
    def train(
        cls,
        lines: Iterable[str],
        vocabulary_size: int | None = None,
        *,
        normalization: str = "NFC",
    ) -> "BigramTokenizer":
        pairs = {pair for line in normalize_lines(lines, normalization) for pair in in_pairs(line)}
        kept = sorted(pairs)
        return cls(kept[: vocabulary_size - 4] if vocabulary_size else kept, normalization)

    @property
    def vocabulary_size(self) -> int:
        return 4 + len(self.pairs)

    def encode_normalized(self, text: str) -> list[int]:
        return [4 + self.pairs.index(p) if p in self.pairs else UNK_ID for p in in_pairs(text)]

    def decode_tokens(self, ids: list[int], unknown: list[str]) -> str:
        words = iter(unknown)
        return "".join(next(words, UNKNOWN_TEXT) if i == UNK_ID else self.piece(i) for i in ids)

    def piece(self, index: int) -> str:
        return self.pairs[index - 4]

    def get_config(self) -> dict[str, Any]:
        return {"pairs": self.pairs, **super().get_config()}


class GraphBigramTokenizer(BigramTokenizer):
    """The same, which a SavedModel can hold."""

    def make_in_graph(self) -> "TextModule":
        import tensorflow as tf

        from keras_s2s.text.tensorflow_ops import SymbolModule

        def split(text: "tf.Tensor") -> "tf.RaggedTensor":
            is_odd = tf.strings.length(text) % 2 == 1
            text = tf.where(is_odd, text + " ", text)
            return tf.strings.split(tf.strings.regex_replace(text, "(..)", r"\1" + "\x01"), "\x01")[
                :, :-1
            ]

        def join(pairs: "tf.RaggedTensor") -> "tf.Tensor":
            return tf.strings.reduce_join(pairs, axis=-1)

        return SymbolModule(self.pairs, self.normalization, split, join)


class Forgetful(BigramTokenizer):
    """It saves less than it needs."""

    def get_config(self) -> dict[str, Any]:
        return {"pairs": []}


class Shuffled(BigramTokenizer):
    """It is another one after it was loaded."""

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "pairs": self.pairs[::-1]}


OWN = {one.__name__: one for one in (BigramTokenizer, GraphBigramTokenizer)}


def in_pairs(text: str) -> list[str]:
    return [text[i : i + 2].ljust(2) for i in range(0, len(text), 2)]


def test_a_class_of_ones_own_is_saved_and_loaded_with_custom_objects(tmp_path: Path) -> None:
    tokenizer = BigramTokenizer.train(LINES, normalization="NFKC")
    check_loadable(tokenizer)
    tokenizer.save(tmp_path)
    loaded = load_tokenizer(tmp_path, OWN)
    assert type(loaded) is BigramTokenizer and loaded.normalization == "NFKC"
    for text in (*LINES, "aabx", ""):
        assert loaded.encode(text) == tokenizer.encode(text)
        assert loaded.pieces(loaded.encode(text)) == tokenizer.pieces(tokenizer.encode(text))
    assert loaded.decode(loaded.encode("aa bb")) == "aa bb"
    assert type(load_tokenizer(tmp_path, {"BigramTokenizer": BigramTokenizer})) is BigramTokenizer


def test_a_class_that_is_not_named_is_an_error_that_names_the_way(tmp_path: Path) -> None:
    BigramTokenizer.train(LINES).save(tmp_path)
    with pytest.raises(ValueError, match="class='BigramTokenizer'.*not in custom_objects"):
        load_tokenizer(tmp_path)
    with pytest.raises(TypeError, match="must give a subclass of .*Tokenizer for 'Bigram"):
        load_tokenizer(tmp_path, {"BigramTokenizer": dict})


def test_a_class_may_have_another_name_later(tmp_path: Path) -> None:
    BigramTokenizer.train(LINES).save(tmp_path)
    loaded = load_tokenizer(tmp_path, {"BigramTokenizer": GraphBigramTokenizer})
    assert type(loaded) is GraphBigramTokenizer


def test_a_registered_class_is_found_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "_CLASSES", {**registry._CLASSES})
    assert register_tokenizer(BigramTokenizer) is BigramTokenizer
    register_tokenizer(BigramTokenizer)
    BigramTokenizer.train(LINES).save(tmp_path)
    assert type(load_tokenizer(tmp_path)) is BigramTokenizer


def test_a_class_registered_with_keras_is_found_by_its_name(tmp_path: Path) -> None:
    import keras

    tokenizer = BigramTokenizer.train(LINES)
    tokenizer.save(tmp_path)
    with keras.saving.CustomObjectScope(OWN):
        assert load_tokenizer(tmp_path).encode_all(LINES) == tokenizer.encode_all(LINES)
    registered = keras.saving.get_custom_objects()
    keras.saving.register_keras_serializable("tests")(BigramTokenizer)
    try:
        assert type(load_tokenizer(tmp_path)) is BigramTokenizer
    finally:
        del registered["tests>BigramTokenizer"]


def test_a_class_inside_a_function_is_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Local(BigramTokenizer):
        pass

    local = Local.train(LINES)
    for call in (lambda: local.save(tmp_path / "x"), lambda: check_loadable(local)):
        with pytest.raises(ValueError, match="Local, which is defined inside a function"):
            call()
    assert not list(tmp_path.iterdir())
    monkeypatch.setattr(registry, "_CLASSES", {**registry._CLASSES})
    register_tokenizer(Local)
    local.save(tmp_path / "x")
    assert type(load_tokenizer(tmp_path / "x")) is Local


def test_a_name_of_the_packages_own_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    own = type("WordTokenizer", (BigramTokenizer,), {"__module__": __name__})
    with pytest.raises(ValueError, match="is .*symbol_tokenizers.WordTokenizer.*Rename the class"):
        own.train(LINES).save(tmp_path / "x")
    with pytest.raises(ValueError, match="Rename the class"):
        register_tokenizer(own)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("cls", "message"),
    [(Forgetful, "4 ids instead of vocabulary_size"), (Shuffled, "tokenizer.json differs")],
)
def test_what_would_not_be_the_same_after_loading_is_refused(cls: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"the same after `save`.*{cls.__name__}: .*{message}"):
        check_loadable(cls.train(LINES))


def test_the_packages_own_tokenizers_are_loadable() -> None:
    check_loadable(WordTokenizer.train(LINES))


def test_what_a_class_does_not_implement_is_told_with_the_method() -> None:
    tokenizer = BigramTokenizer.train(LINES)
    with pytest.raises(TypeError, match="`normalized_surfaces`.*BigramTokenizer"):
        tokenizer.surfaces("aa")
    with pytest.raises(TypeError, match="`make_in_graph`.*BigramTokenizer"):
        tokenizer.in_graph  # noqa: B018


@pytest.mark.skipif(sys.platform != "linux", reason="tensorflow-text has no wheels")
def test_a_class_of_ones_own_tokenizes_in_the_graph() -> None:
    import tensorflow as tf

    tokenizer = GraphBigramTokenizer.train(LINES)
    texts = [*LINES, "aab", "x", ""]
    ids = tokenizer.tokenize(tf.constant(texts))
    assert ids.to_list() == tokenizer.encode_all(texts)
    found = [text.decode() for text in tokenizer.detokenize(ids).numpy()]
    assert found == [tokenizer.decode(row) for row in ids.to_list()]


def test_neither_keras_nor_tensorflow_is_loaded_to_find_a_class(tmp_path: Path) -> None:
    BigramTokenizer.train(LINES).save(tmp_path)
    code = (
        "import sys; from keras_s2s.text.tokenizers import load_tokenizer\n"
        f"try: load_tokenizer({str(tmp_path)!r})\n"
        "except ValueError: print('unknown')\n"
        "assert not {'tensorflow', 'keras'} & {*sys.modules}"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    assert done.stdout == b"unknown\n"
    settings = json.loads((tmp_path / "tokenizer.json").read_text(encoding="utf-8"))
    pairs = [" b", "aa", "ac", "b ", "bb", "c "]
    assert settings["config"] == {"pairs": pairs, "normalization": "NFC"}
