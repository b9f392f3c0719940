"""A prepared corpus is read as it was written, or an error says what is wrong with it."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from keras_s2s import Batches, Corpus, PreparedCorpus, SentencePieceTokenizer, prepare
from keras_s2s.data.noise import Noise
from keras_s2s.files.artifact_folder import digest
from keras_s2s.recipe.config import Recipe

TEXT = ["low lower lowest", "new newer newest", "wide wider widest", "slow slower slowest"]
SUBWORDS = Recipe(vocabulary_size=30)


def quiet(_: str) -> None:
    pass


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A corpus of 40 pairs by subwords."""
    lines = [f"{line} {place}\n" for place in range(10) for line in TEXT]
    (tmp_path / "s").write_text("".join(lines))
    (tmp_path / "t").write_text("".join(reversed(lines)))
    corpus = Corpus(tmp_path / "s", tmp_path / "t")
    return prepare(corpus, tmp_path / "out", SUBWORDS, report=quiet).folder


def rewrite(folder: Path, **changes: Any) -> None:
    """Changes what the folder says about itself."""
    path = folder / "prepared.json"
    path.write_text(json.dumps({**json.loads(path.read_bytes()), **changes}))


def rows(dataset: tf.data.Dataset) -> Counter:
    return Counter(
        (tuple(source[source > 3]), tuple(target[target > 3]))
        for (sources, _), targets in dataset.as_numpy_iterator()
        for source, target in zip(sources, targets, strict=True)
    )


def test_it_holds_tokenizers_samples_options_and_the_pairs(folder: Path) -> None:
    prepared = PreparedCorpus(folder)
    assert isinstance(prepared.source_tokenizer, SentencePieceTokenizer)
    assert prepared.source_tokenizer.model == prepared.target_tokenizer.model  # type: ignore
    assert prepared.options["vocabulary_size"] == 30 and prepared.pairs == 40
    assert prepared.samples == sorted(prepared.samples, key=len)
    sides = [(folder.parent / name).read_text().splitlines() for name in "st"]
    ids = [prepared.source_tokenizer.encode_all(side) for side in sides]
    assert rows(prepared.batches(seed=2).epoch(1)) == rows(Batches(*ids).epoch(0))


def test_batches_follow_their_arguments(folder: Path) -> None:
    prepared = PreparedCorpus(folder)
    assert prepared.batches(batch_sentences=4).steps_per_epoch == 10
    assert prepared.batches(batch_tokens=10**6).steps_per_epoch == 1
    assert prepared.batches(maximum_length=9).skipped > 0
    first, again, other = (
        next(iter(prepared.batches(batch_sentences=4, seed=seed, shuffle=seed > 0).epoch(0)))
        for seed in (1, 1, 0)
    )
    np.testing.assert_array_equal(first[1], again[1])
    assert first[1].shape != other[1].shape or (first[1] != other[1]).numpy().any()
    wide = prepared.batches(source_step=64, target_step=32, batch_sentences=4)
    ((source, _), target) = next(iter(wide.epoch(0)))
    assert (source.shape[1] % 64, target.shape[1] % 32) == (0, 0)


def test_subwords_are_drawn_anew_in_each_epoch_and_the_same_after_a_restart(folder: Path) -> None:
    prepared = PreparedCorpus(folder)
    batches = prepared.batches(subword_sampling=0.1, batch_sentences=4)
    best, first, second = (
        rows(each) for each in (prepared.batches().epoch(0), batches.epoch(0), batches.epoch(1))
    )
    assert first != best and second != best and first != second
    assert rows(PreparedCorpus(folder).batches(subword_sampling=0.1).epoch(1)) == second
    texts = Counter(prepared.source_tokenizer.decode(source) for source, _ in second.elements())
    assert texts == Counter((folder.parent / "s").read_text().splitlines())
    later = [t.numpy().tolist() for _, t in batches.dataset(1, 3).take(4)]
    assert later == [t.numpy().tolist() for _, t in batches.dataset().skip(13).take(4)]


def test_noise_is_other_in_each_epoch_and_the_same_after_a_restart(folder: Path) -> None:
    prepared = PreparedCorpus(folder)
    noisy, plain = prepared.batches(noise=Noise(drop=0.3, seed=2)), prepared.batches()
    first, second = (rows(noisy.epoch(epoch)) for epoch in (0, 1))
    assert first != second and first != rows(plain.epoch(0))
    again = PreparedCorpus(folder).batches(noise=Noise(drop=0.3, seed=2))
    assert rows(again.epoch(1)) == second

    def targets(found: Counter) -> Counter:
        return Counter(target for _, target in found.elements())

    assert targets(first) == targets(rows(plain.epoch(0)))  # The best segmentations, as before.
    decode = prepared.source_tokenizer.decode
    words = {tuple(decode(source).split()) for source, _ in first}
    lines = [line.split() for line in (folder.parent / "s").read_text().splitlines()]
    assert words - set(map(tuple, lines))
    assert {word for some in words for word in some} <= {word for line in lines for word in line}


@pytest.mark.parametrize("name", ["text/samples.json", "text/source_tokenizer/tokenizer.model"])
def test_a_damaged_file_is_named(name: str, folder: Path) -> None:
    (folder / name).write_bytes((folder / name).read_bytes()[:-1] + b"x")
    with pytest.raises(ValueError, match=f"missing or damaged. Received: .*{name}.*prepare"):
        PreparedCorpus(folder)
    (folder / name).unlink()
    with pytest.raises(ValueError, match=f"missing or damaged. Received: .*{name}"):
        PreparedCorpus(folder)


@pytest.mark.parametrize(
    "changes",
    [
        {"sha256": None},
        {"sha256": {}},
        {"options": None},
        {"options": {"vocabulary_size": 30}},
        {"pairs": "40"},
    ],
    ids=str,
)
def test_a_description_that_lacks_what_it_must_say_is_an_error(
    changes: dict[str, Any], folder: Path
) -> None:
    rewrite(folder, **changes)
    with pytest.raises(ValueError, match=r"prepared\.json is damaged. Received: wrong files"):
        PreparedCorpus(folder)


def test_what_is_no_prepared_corpus_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="must be the folder of a prepared corpus.*keras-s2s prep"):
        PreparedCorpus(tmp_path)


@pytest.mark.parametrize("name", ["shards/../../../elsewhere.npz", "/elsewhere.npz"])
def test_files_outside_of_the_folder_are_refused(name: str, folder: Path) -> None:
    found = json.loads((folder / "prepared.json").read_bytes())["sha256"]
    rewrite(folder, sha256={**found, name: "0" * 64})
    with pytest.raises(ValueError, match=r"prepared\.json is damaged"):
        PreparedCorpus(folder)


def test_a_link_out_of_the_folder_is_refused_though_its_digest_is_right(folder: Path) -> None:
    shard = folder / "shards" / "00000.npz"
    shard.rename(folder.parent / "elsewhere.npz")
    shard.symlink_to(folder.parent / "elsewhere.npz")
    assert json.loads((folder / "prepared.json").read_bytes())["sha256"][
        "shards/00000.npz"
    ] == digest(shard)
    with pytest.raises(ValueError, match=r"Received: .*00000\.npz, a link"):
        PreparedCorpus(folder)


def test_the_folder_itself_may_be_a_link(folder: Path) -> None:
    link = folder.parent / "link"
    link.symlink_to(folder)
    assert PreparedCorpus(link).batches().pairs == 40
