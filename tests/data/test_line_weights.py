"""Weights go with their pairs from the file to the batch, whatever is skipped or shuffled."""

from __future__ import annotations

import gzip
import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from keras_s2s import Batches, Corpus, PreparedCorpus, prepare
from keras_s2s.data import encode_shards
from keras_s2s.data.line_weights import weighted_pairs
from keras_s2s.recipe.config import Recipe

LINES = ["a\tb", "", "c\td", "c\td", "e", "f\tg", " "]
WORDS = Recipe(source_tokenizer="word", target_tokenizer="word")


def write(folder: Path, lines: Sequence[str], weights: Sequence[str]) -> tuple[Path, Path]:
    (folder / "pairs.tsv").write_text("".join(f"{line}\n" for line in lines))
    (folder / "weights").write_text("".join(f"{weight}\n" for weight in weights))
    return folder / "pairs.tsv", folder / "weights"


def test_weights_of_skipped_lines_are_skipped(tmp_path: Path) -> None:
    tsv, weights = write(tmp_path, LINES, "1 2 3 4 5 .5e1 7".split())
    found = list(weighted_pairs(Corpus.from_tsv(tsv, duplicates="remove"), weights))
    assert found == [(("a", "b"), 1.0), (("c", "d"), 3.0), (("f", "g"), 5.0)]


def test_weights_may_be_compressed(tmp_path: Path) -> None:
    tsv, _ = write(tmp_path, ["a\tb"], [])
    (tmp_path / "w.gz").write_bytes(gzip.compress(b"\xef\xbb\xbf+0.25\r\n"))
    assert list(weighted_pairs(Corpus.from_tsv(tsv), tmp_path / "w.gz")) == [(("a", "b"), 0.25)]


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ("1 2 3", "as many lines .* with 3, .* with at least 4"),
        ("1 2 3 4 5 6", "as many lines .* with 6, .* with 7"),
        ("1 2 3 4 5 6 7 8", "as many lines .* with 8, .* with 7"),
        ("0 2 0 0 5 0 7", "above 0"),
        ("1 2 3 -4 5 6 7", "line 4: .*Received: '-4'"),
        ("1 x 3 4 5 6 7", "line 2: .*Received: 'x'"),
        ("1 2 3 4 5 6 nan", "line 7: .*Received: 'nan'"),
        ("1 2 3 4 5 inf 7", "line 6: .*Received: 'inf'"),
        ("1e31 2 3 4 5 6 7", "line 1: .*Received: '1e31'"),
        ("1_0 2 3 4 5 6 7", "line 1: .*Received: '1_0'"),
        ("١ 2 3 4 5 6 7", "line 1: .*Received: '١'"),
    ],
)
def test_what_is_no_weight_of_each_line_is_refused(
    tmp_path: Path, weights: str, message: str
) -> None:
    tsv, path = write(tmp_path, LINES, weights.split(" "))
    with pytest.raises(ValueError, match=message):
        list(weighted_pairs(Corpus.from_tsv(tsv, duplicates="ignore"), path))


def test_a_blank_line_is_no_weight(tmp_path: Path) -> None:
    tsv, path = write(tmp_path, ["a\tb", "c\td"], ["1", ""])
    with pytest.raises(ValueError, match="line 2: .*Received: ''"):
        list(weighted_pairs(Corpus.from_tsv(tsv), path))


def test_a_batch_has_the_weights_of_its_pairs() -> None:
    ids = [[4 + number] for number in range(50)]
    weights = np.arange(50) / 7
    batches = Batches(ids, ids, batch_sentences=8, sample_weight=weights, seed=3)
    for (source, _), _, found in batches.epoch(1).as_numpy_iterator():
        np.testing.assert_array_equal(found, weights.astype("float32")[source[:, 0] - 4])


@pytest.mark.parametrize(
    "weights", [[1.0], [[1.0], [1.0]], [1.0, -1.0], [1.0, float("nan")], [0, 0], 2.0]
)
def test_batches_refuse_what_is_no_weight_of_each_pair(weights: object) -> None:
    with pytest.raises(ValueError, match="sample_weight"):
        Batches([[4], [5]], [[4], [5]], sample_weight=weights)


def test_prepared_pairs_keep_their_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encode_shards, "SHARD_PAIRS", 40)
    numbers = random.Random(1).sample(range(1000), 100)
    lines = [f"s{number}\tt{number}" for number in numbers]
    tsv, path = write(tmp_path, lines, [str(number / 8) for number in numbers])
    corpus = Corpus.from_tsv(tsv, duplicates="ignore")
    quiet = {"workers": 1, "report": lambda _: None}
    found = prepare(corpus, tmp_path / "out", WORDS, weights=path, **quiet)
    assert found.is_weighted
    seen = []
    for (source, _), _, weights in found.batches(batch_sentences=7).epoch(0).as_numpy_iterator():
        texts = [found.source_tokenizer.decode(row[:1].tolist()) for row in source]
        np.testing.assert_array_equal(weights, [int(text[1:]) / 8 for text in texts])
        seen += texts
    assert sorted(seen) == sorted(f"s{number}" for number in numbers)
    before = (tmp_path / "out" / "prepared.json").read_bytes()
    path.write_text(path.read_text().replace("\n", "0\n"))
    prepare(corpus, tmp_path / "out", WORDS, weights=path, **quiet)
    assert (tmp_path / "out" / "prepared.json").read_bytes() != before
    assert not prepare(corpus, tmp_path / "plain", WORDS, **quiet).is_weighted


def test_a_shard_whose_weights_are_missing_is_damaged(tmp_path: Path) -> None:
    tsv, path = write(tmp_path, ["a\tb", "c\td"], ["1", "2"])
    quiet = {"workers": 1, "report": lambda _: None}
    folder = tmp_path / "out"
    prepare(Corpus.from_tsv(tsv, duplicates="ignore"), folder, WORDS, **quiet)
    description = (folder / "prepared.json").read_text()
    (folder / "prepared.json").write_text(description.replace("{", '{"weights": "",', 1))
    batches = PreparedCorpus(folder).batches()
    with pytest.raises(Exception, match="no weights of its pairs"):
        list(batches.epoch(0))


def test_weights_must_be_a_file(tmp_path: Path) -> None:
    tsv, _ = write(tmp_path, ["a\tb"], [])
    with pytest.raises(ValueError, match="standard input"):
        next(weighted_pairs(Corpus.from_tsv(tsv), "-"))
