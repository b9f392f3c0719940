"""Files of word vectors, written by hand, give the rows of a tokenizer's ids."""

import gzip
import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_s2s import CharacterTokenizer, SentencePieceTokenizer, WordTokenizer, load_embeddings
from keras_s2s.data.embedding_file import read_layout
from keras_s2s.text.tokenizer import Tokenizer

DRAW = np.random.default_rng(1)
WORDS = ["house", "tree", ",", "한글", "naïve", "the"]
VECTORS = {word: DRAW.normal(size=3).astype(np.float32) for word in [*WORDS, "unused", "</s>"]}
TOKENIZER = WordTokenizer(
    ["The", "house", "\x01,", "한글", "nai\u0308ve", "door"][:4] + ["naïve", "door"]
)


def numbers(vector: np.ndarray) -> str:
    return " ".join(repr(float(value)) for value in vector)


def glove(vectors: dict[str, np.ndarray]) -> bytes:
    return "".join(f"{word} {numbers(one)}\n" for word, one in vectors.items()).encode()


def with_header(vectors: dict[str, np.ndarray]) -> bytes:
    """As word2vec and fastText write text, with a blank at the end of each line."""
    head = f"{len(vectors)} {len(next(iter(vectors.values())))}\n".encode()
    return head + glove(vectors).replace(b"\n", b" \n")


def binary(vectors: dict[str, np.ndarray]) -> bytes:
    head = f"{len(vectors)} {len(next(iter(vectors.values())))}\n".encode()
    rows = (
        word.encode() + b" " + struct.pack(f"<{len(one)}f", *one) + b"\n"
        for word, one in vectors.items()
    )
    return head + b"".join(rows)


def binary_without_line_feeds(vectors: dict[str, np.ndarray]) -> bytes:
    head, _, _ = binary(vectors).partition(b"\n")
    rows = (word.encode() + b" " + one.astype("<f4").tobytes() for word, one in vectors.items())
    return head + b"\n" + b"".join(rows)


def windows(vectors: dict[str, np.ndarray]) -> bytes:
    return b"\xef\xbb\xbf" + glove(vectors).replace(b"\n", b"\r\n")


def tabs(vectors: dict[str, np.ndarray]) -> bytes:
    return glove(vectors).replace(b" ", b"\t")


FORMATS: dict[str, Callable[[dict[str, np.ndarray]], bytes]] = {
    one.__name__: one
    for one in (glove, with_header, binary, binary_without_line_feeds, windows, tabs)
}


@pytest.mark.parametrize("is_packed", [False, True])
@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_the_same_rows(name: str, is_packed: bool, tmp_path: Path) -> None:
    data = FORMATS[name](VECTORS)
    path = tmp_path / "vectors"
    path.write_bytes(gzip.compress(data) if is_packed else data)
    matrix, mask = load_embeddings(path, TOKENIZER)
    assert matrix.shape == (10, 3) and matrix.dtype == np.float32
    expected = {3: "</s>", 4: "the", 5: "house", 6: ",", 7: "한글", 8: "naïve"}
    assert np.flatnonzero(mask).tolist() == sorted(expected)
    for index, word in expected.items():
        np.testing.assert_array_equal(matrix[index], VECTORS[word])
    assert not matrix[~mask].any()
    layout = read_layout(path)
    assert (layout.dimension, layout.is_binary) == (3, name.startswith("binary"))


def rows_of(tokenizer: Tokenizer, words: list[str], folder: Path) -> dict[str, float]:
    """The first number of each piece's vector; that of the n-th word of the file is n, from 1."""
    path = folder / "vectors"
    path.write_text("".join(f"{word} {n} 0\n" for n, word in enumerate(words, 1)))
    matrix, mask = load_embeddings(path, tokenizer)
    found = np.flatnonzero(mask)
    return dict(zip(tokenizer.pieces(found), matrix[found, 0].tolist(), strict=True))


def test_pieces_are_found_with_their_mark_or_without(tmp_path: Path) -> None:
    tokenizer = SentencePieceTokenizer.train(["low lower lowest new newer", "slow slower"] * 5)
    pieces = tokenizer.pieces(range(4, tokenizer.vocabulary_size))
    assert {"▁low", "er", "▁"} <= set(pieces)
    assert rows_of(tokenizer, ["low", "er", "▁", "zebra"], tmp_path) == {
        "▁low": 1.0,
        "er": 2.0,
        "▁": 3.0,
    }
    # The piece with its mark is better than the word, wherever it stands.
    assert rows_of(tokenizer, ["low", "▁low"], tmp_path)["▁low"] == 2.0


def test_the_same_word_is_better_than_its_lower_case_and_the_first_row_counts(
    tmp_path: Path,
) -> None:
    tokenizer = WordTokenizer(["House", "tree"])
    assert rows_of(tokenizer, ["house", "House", "house", "tree", "tree"], tmp_path) == {
        "House": 2.0,
        "tree": 4.0,
    }


def test_characters_and_other_unicode_forms_are_found(tmp_path: Path) -> None:
    tokenizer = CharacterTokenizer.train(["한 a"], normalization="NFD")
    found = rows_of(tokenizer, ["a", "ᄒ"], tmp_path)
    assert found == {"a": 1.0, "ᄒ": 2.0}
    words = WordTokenizer.train(["é"], normalization="NFD")
    assert len(rows_of(words, ["é"], tmp_path)) == 1


def test_words_with_spaces_as_glove_has_them_are_skipped(tmp_path: Path) -> None:
    path = tmp_path / "vectors"
    path.write_text("house 1 2 3\n. . . 4 5 6\nto me@example.org 7 8 9\ntree 1 1 1\n")
    matrix, mask = load_embeddings(path, WordTokenizer(["house", "tree"]))
    assert matrix[mask].tolist() == [[1, 2, 3], [1, 1, 1]]


BROKEN: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "begin with a word and its vector"),
    "text": (b"a text about vectors\n", "begin with a word and its vector, or with the numbers"),
    "too few columns": (b"house 1 2 3\ntree 1 2\n", "3 numbers in line 2. Received: 3 columns"),
    "too many columns": (b"house 1 2 3\ntree 1 2 3 4\n", "in line 2. Received: 5 columns"),
    "a header that is wrong": (b"2 4\nhouse 1 2 3\ntree 1 2 3\n", "4 numbers in line 2. Received"),
    "no word": (b"house 1 2 3\n 1 2 3\n", "in line 2. Received: 3 columns"),
    "no number": (b"house 1 2 3\ntree 1 x 3\n", "hold numbers. Received: .*'x'.* for 'tree'"),
    "nan": (b"house 1 nan 3\n", "3 finite numbers for each word. Received: others for 'house'"),
    "infinite": (b"house 1 1e300 3\n", "3 finite numbers for each word"),
    "a short file": (b"3 3\nhouse 1 2 3\ntree 1 2 3\n", "hold 3 words, .* Received: 2 in"),
    "a long file": (b"1 3\nhouse 1 2 3\ntree 1 2 3\n", "hold 1 words, .* Received: 2 in"),
    "a huge count": (b"9" * 30 + b" 3\nhouse 1 2 3\n", "have 1 to 10,000,000,000 words"),
    "a huge size": (b"1 99999999\nhouse 1 2 3\n", "vectors of 1 to 100,000 numbers"),
    "no size": (b"1 0\nhouse\n", "vectors of 1 to 100,000 numbers. Received: 0"),
    "cut": (binary(VECTORS)[:-5], "hold 8 vectors. Received: an end in vector 8"),
    "cut in a word": (b"2 1\nhouse \0\0\0\0\ntr", "hold 2 vectors. Received: an end in vector 2"),
    "more": (binary(VECTORS) + b"tree \0", "hold 8 vectors, as its header says. Received: more"),
    "binary nan": (b"1 1\nhouse \0\0\xc0\x7f", "1 finite numbers"),
    "half a gzip file": (gzip.compress(glove(VECTORS))[:-9], "be a whole gzip file"),
    "a damaged gzip file": (b"\x1f\x8b\x08" + b"x" * 50, "be a whole gzip file"),
    "utf-16": ("house 1 2 3\n".encode("utf-16"), "be UTF-8. Received: UTF-16"),
    "latin-1": ("house 1\nmüde 2\n".encode("latin-1"), "be UTF-8. Received: 1 of 2 words"),
    "another language": ("дом 1 2 3\n".encode(), "words of the vocabulary. Received: none of them"),
    "a long line": (b"house " + b"1 " * 2**21 + b"\n", "a line of more than 4,194,304 bytes"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_file_that_is_broken_is_one_line_that_says_how(name: str, tmp_path: Path) -> None:
    data, message = BROKEN[name]
    (tmp_path / "vectors").write_bytes(data)
    with pytest.raises(ValueError, match=message) as caught:
        load_embeddings(tmp_path / "vectors", WordTokenizer(["house", "tree"]))
    assert "\n" not in str(caught.value) and "vectors" in str(caught.value)


def test_a_folder_and_a_file_that_is_not_there_are_errors(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(OSError, match=r"directory"):
            load_embeddings(path, TOKENIZER)


@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), min_size=1, max_size=4),
        st.lists(st.floats(-(2.0**90), 2.0**90, width=32), min_size=2, max_size=2),
        min_size=1,
        max_size=6,
    ),
    st.sampled_from([glove, with_header, binary, binary_without_line_feeds]),
)
def test_any_word_and_any_number_comes_back(
    rows: dict[str, list[float]], write: Callable[[dict[str, np.ndarray]], bytes]
) -> None:
    import tempfile

    vectors = {f"w{word}": np.array(row, np.float32) for word, row in rows.items()}
    vectors["house"] = np.array([1, 2], np.float32)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "vectors"
        path.write_bytes(write(vectors))
        matrix, mask = load_embeddings(path, WordTokenizer(["house", "door"]))
    assert matrix[mask].tolist() == [[1, 2]]


def test_memory_grows_with_the_vocabulary_and_not_with_the_file(tmp_path: Path) -> None:
    row = " ".join(["0.12345"] * 200)
    path = tmp_path / "vectors"
    path.write_text("".join(f"word{number} {row}\n" for number in range(5000)))
    assert path.stat().st_size > 8e6
    tokenizer = WordTokenizer(["word7", "word4999"])
    tracemalloc.start()
    matrix, mask = load_embeddings(path, tokenizer)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert mask.sum() == 2 and matrix.shape == (6, 200)
    assert peak < 2e6
