"""Tokenize Multi30k en-de with the SentencePiece models that all sides of the benchmarks use.

Usage: python tests/benchmarks/prepare.py WORK [--data FOLDER] [--vocabulary-size N]

WORK then holds, for each language (en, de):

- `train.sp.en`, `val.sp.en`, `test_2016_flickr.sp.en`: one sentence per line, tokens
  separated by spaces;
- `vocabulary.opennmt.en`: the vocabulary in OpenNMT-tf's format.

The last line printed is JSON with the counts.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

LANGUAGES = ("en", "de")
SPLITS = ("train", "val", "test_2016_flickr")
DEFAULT_DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "multi30k"
# OpenNMT-tf gives these the ids 0, 1, 2 and appends <unk> after the last line of the file.
OPENNMT_SPECIAL_TOKENS = ("<blank>", "<s>", "</s>")
NUM_SPECIAL_IDS = 4


def read_lines(path: Path) -> list[str]:
    """Return the lines of a file."""
    return path.read_text(encoding="utf-8").split("\n")[:-1]


def write_vocabulary(pieces: list[str], path: Path) -> None:
    """Write the vocabulary file of OpenNMT-tf: its special tokens, then the others."""
    tokens = [*OPENNMT_SPECIAL_TOKENS, *pieces]
    path.write_text("".join(f"{token}\n" for token in tokens), encoding="utf-8", newline="\n")


def prepare_language(language: str, *, data: Path, work: Path, vocabulary_size: int) -> dict:
    """Write the tokenized text and the vocabulary of one language; return the counts."""
    from keras_s2s import SentencePieceTokenizer

    tokenizer = SentencePieceTokenizer.train(
        read_lines(data / f"train.{language}"), vocabulary_size
    )
    size = tokenizer.vocabulary_size
    pieces = tokenizer.pieces(range(NUM_SPECIAL_IDS, size))
    write_vocabulary(pieces, work / f"vocabulary.opennmt.{language}")
    tokens: dict[str, int] = {}
    for split in SPLITS:
        sentences = tokenizer.encode_all(read_lines(data / f"{split}.{language}"))
        lines = [" ".join(tokenizer.pieces(sentence)) for sentence in sentences]
        text = "".join(f"{line}\n" for line in lines)
        (work / f"{split}.sp.{language}").write_text(text, encoding="utf-8", newline="\n")
        tokens[split] = sum(len(sentence) for sentence in sentences)
    return {"vocabulary_size": size, "tokens_without_end_marks": tokens}


def main() -> None:
    """Read the command line and prepare both languages."""
    parser = argparse.ArgumentParser(description="Tokenize Multi30k en-de.")
    parser.add_argument("work", type=Path, help="folder to write to; made when missing")
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA, help="folder of Multi30k")
    parser.add_argument("--vocabulary-size", type=int, default=8000, help="tokens a side")
    arguments = parser.parse_args()
    if not (arguments.data / "train.en").is_file():
        parser.error(f"Multi30k is needed. Received: --data={arguments.data}. Give its folder.")
    arguments.work.mkdir(parents=True, exist_ok=True)
    start = time.perf_counter()
    counts = {
        language: prepare_language(
            language,
            data=arguments.data,
            work=arguments.work,
            vocabulary_size=arguments.vocabulary_size,
        )
        for language in LANGUAGES
    }
    print(json.dumps({**counts, "seconds": round(time.perf_counter() - start, 1)}))


if __name__ == "__main__":
    main()
