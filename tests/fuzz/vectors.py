"""Files of word vectors as a target."""

import gzip
from pathlib import Path

import numpy as np
from damage import Random, damaged_bytes, link, pick
from runner import Case

TEXTS = ["the dog runs", "개가 é"]
ENCODINGS = ["utf-8"] * 6 + ["utf-8-sig", "utf-16", "utf-16-be", "latin-1", "cp949", "utf-7"]


def embeddings(_: Path) -> Case:
    """Files of word vectors in every format, most of them damaged; what is read is finite."""
    from keras_s2s import SentencePieceTokenizer, WordTokenizer, load_embeddings

    words = ["the", "dog", "runs", "개가", "é", "▁the", ",", "x y", "</s>"]
    several = WordTokenizer(["the", "dog", "runs", "개가"]), SentencePieceTokenizer.train(TEXTS)

    def case(random: Random, folder: Path) -> None:
        size = int(random.integers(1, 5))
        data = vector_file(random, [pick(random, words) for _ in range(9)], size)
        if random.integers(5):
            data = damaged_bytes(random, data)
        if random.integers(4) == 0:
            data = gzip.compress(data)
            data = damaged_bytes(random, data) if random.integers(2) else data
        path = folder / "vectors"
        path.write_bytes(data)
        link(random, path)
        tokenizer = pick(random, several)
        matrix, mask = load_embeddings(path, tokenizer)
        assert len(matrix) == len(mask) == tokenizer.vocabulary_size
        assert np.isfinite(matrix).all() and not matrix[~mask].any() and mask[4:].any()

    return case


def vector_file(random: Random, words: list[str], size: int) -> bytes:
    """Word vectors as text with a header or without, or binary."""
    rows = random.normal(size=(len(words), size)).astype("<f4")
    head = f"{len(words)} {size}\n"
    kind = int(random.integers(3))
    if kind == 0:
        pairs = zip(words, rows, strict=True)
        return head.encode() + b"".join(word.encode() + b" " + row.tobytes() for word, row in pairs)
    lines = [f"{word} {' '.join(map(str, row))}\n" for word, row in zip(words, rows, strict=True)]
    encoding = pick(random, ENCODINGS)
    return "".join([head, *lines] if kind == 1 else lines).encode(encoding, errors="replace")
