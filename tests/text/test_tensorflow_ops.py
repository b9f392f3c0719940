import sys
from pathlib import Path

import pytest

from keras_s2s.special_ids import END_ID, PAD_ID, START_ID
from keras_s2s.text.normalization import normalize
from keras_s2s.text.tokenizers import (
    CharacterTokenizer,
    SentencePieceTokenizer,
    Tokenizer,
    WordTokenizer,
    load_tokenizer,
)

tf = pytest.importorskip("tensorflow")
in_graph = pytest.mark.skipif(
    sys.platform != "linux", reason="tensorflow-text has no wheels for this system"
)

LINES = ["A dog runs, doesn't it?", "한글은 좋다.", "K AE1 T", "<s> a▁b ▅ <unk>"]
TRAINED = {
    "sentencepiece": SentencePieceTokenizer.train(LINES),
    "word": WordTokenizer.train(LINES),
    "word-whole": WordTokenizer.train(LINES, split_punctuation=False),
    "character-nfd": CharacterTokenizer.train(LINES, normalization="NFD"),
}
every_kind = pytest.mark.parametrize("tokenizer", TRAINED.values(), ids=TRAINED)


class Service(tf.Module):
    """What an exporter makes of a tokenizer."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        super().__init__()
        self.tokenizer = tokenizer.in_graph

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def ids(self, text):
        return self.tokenizer.tokenize(text).to_tensor()

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.int32)])
    def text(self, ids):
        return self.tokenizer.detokenize(ids)


@in_graph
@every_kind
def test_it_can_be_saved_in_a_saved_model(tokenizer: Tokenizer, tmp_path: Path) -> None:
    tf.saved_model.save(Service(tokenizer), str(tmp_path))
    loaded = tf.saved_model.load(str(tmp_path))
    ids = loaded.ids(tf.constant(LINES))
    expected = tokenizer.encode_all(LINES)
    assert [row[: len(want)] for row, want in zip(ids.numpy().tolist(), expected, strict=True)] == (
        expected
    )
    assert [text.decode() for text in loaded.text(ids).numpy()] == [
        tokenizer.decode(row) for row in expected
    ]


@in_graph
def test_two_tokenizers_of_one_saved_model_stay_two(tmp_path: Path) -> None:
    tokenizers = [SentencePieceTokenizer.train(lines) for lines in (LINES, ["und der Hund", "a"])]
    module = tf.Module()
    module.services = [Service(tokenizer) for tokenizer in tokenizers]
    tf.saved_model.save(module, str(tmp_path))
    loaded = tf.saved_model.load(str(tmp_path)).services
    for line in ("A dog runs", "der Hund"):
        for tokenizer, service in zip(tokenizers, loaded, strict=True):
            assert service.ids(tf.constant([line])).numpy().tolist() == [tokenizer.encode(line)]


@in_graph
@every_kind
def test_its_first_use_may_be_inside_a_data_set(tokenizer: Tokenizer, tmp_path: Path) -> None:
    tokenizer.save(tmp_path)
    fresh = load_tokenizer(tmp_path)
    data = tf.data.Dataset.from_tensor_slices(LINES).batch(4)
    rows = [row for batch in data.map(fresh.tokenize) for row in batch.to_list()]
    assert rows == tokenizer.encode_all(LINES)
    texts = data.map(fresh.tokenize).map(fresh.detokenize).unbatch().as_numpy_iterator()
    assert [text.decode() for text in texts] == [normalize(line) for line in LINES]
    assert fresh.in_graph is fresh.in_graph


@in_graph
@every_kind
def test_the_graph_reads_vectors_and_any_integers(tokenizer: Tokenizer) -> None:
    assert tokenizer.tokenize(tf.zeros([0], tf.string)).to_list() == []
    ids = tf.constant([[START_ID, *tokenizer.encode("K AE1 T"), END_ID, PAD_ID]], tf.int64)
    assert tokenizer.detokenize(ids).numpy().tolist() == [b"K AE1 T"]
    for text in (tf.constant("a"), tf.constant([["a"]])):
        with pytest.raises(ValueError, match="vector of strings"):
            tokenizer.tokenize(text)


@every_kind
def test_without_tensorflow_text_all_but_the_graph_works(
    tokenizer: Tokenizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow_text", None)
    tokenizer.save(tmp_path)
    fresh = load_tokenizer(tmp_path)
    assert fresh.decode(fresh.encode(LINES[0])) == LINES[0]
    with pytest.raises(ImportError, match=r"pip install tensorflow-text==.*Linux on x86-64"):
        fresh.tokenize(tf.constant(["a"]))
    with pytest.raises(ImportError, match=r"pip install tensorflow-text==.*Linux on x86-64"):
        fresh.detokenize(tf.constant([[4]]))
