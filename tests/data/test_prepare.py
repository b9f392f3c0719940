"""Preparing gives the same folder however often it is stopped, and mixes a sorted corpus."""

import contextlib
import errno
import hashlib
import itertools
import os
import random
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import keras_s2s.data.prepare as preparation
from keras_s2s import CharacterTokenizer, Corpus, PreparedCorpus, WordTokenizer, prepare
from keras_s2s.data import encode_shards, shards
from keras_s2s.files.file_lock import locked
from keras_s2s.recipe.config import Recipe
from keras_s2s.text.tokenizers import saved_files

WORDS = Recipe(source_tokenizer="word", vocabulary_size=500)


def quiet(_: str) -> None:
    pass


def write_corpus(folder: Path, pairs: int) -> Corpus:
    """A corpus in the order of its numbers, which stand at the start of every line."""
    draw = random.Random(pairs)
    with (folder / "s").open("w") as source, (folder / "t").open("w") as target:
        for number in range(pairs):
            words = draw.choices("red green blue black white".split(), k=draw.randint(1, 9))
            source.write(f"{number} {' '.join(words)}\n")
            target.write(f"{' '.join(reversed(words))}\n")
    return open_corpus(folder)


def open_corpus(folder: Path) -> Corpus:
    return Corpus(folder / "s", folder / "t", duplicates="ignore")


def contents(folder: Path) -> dict[str, str]:
    """Digests of all files by their names."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


def texts(prepared: PreparedCorpus) -> list[list[tuple[str, str]]]:
    """The pairs of every shard."""
    found = [shard.read() for shard in prepared._shards]
    return [list(zip(one.texts("source"), one.texts("target"), strict=True)) for one in found]


@pytest.fixture
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encode_shards, "SHARD_PAIRS", 50)


@pytest.mark.usefixtures("small_shards")
def test_every_pair_is_in_one_shard_and_a_shard_is_a_sample(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path, 1000)
    prepared = prepare(corpus, tmp_path / "out", WORDS, workers=1, report=quiet)
    found = texts(prepared)
    assert len(found) == 20 and prepared.pairs == 1000
    assert Counter(pair for shard in found for pair in shard) == Counter(corpus)
    numbers = [[int(source.split()[0]) for source, _ in shard] for shard in found]
    assert all(abs(float(np.mean(shard)) - 500) < 200 for shard in numbers)  # deviates by 41
    assert all(shard != sorted(shard) for shard in numbers)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "s", "t"]


@pytest.mark.usefixtures("small_shards")
def test_the_ids_are_those_of_the_saved_tokenizers(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path, 120)
    prepared = prepare(corpus, tmp_path / "out", WORDS, workers=1, report=quiet)
    for shard in prepared._shards:
        content = shard.read()
        for side in ("source", "target"):
            tokenizer = getattr(prepared, f"{side}_tokenizer")
            lines, rows = content.texts(side), content.rows(side, 1)
            for place, ids in enumerate(tokenizer.encode_all(lines)):
                assert rows.padded(np.array([place])).tolist() == [[*ids, 3]]


def test_given_tokenizers_are_used_and_described_and_others_are_another_job(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path, 20)
    lines = [f"{number} red" for number in range(9)]
    given = WordTokenizer.train(lines), CharacterTokenizer.train(["red green"], protected=["<a>"])
    prepared = prepare(corpus, tmp_path / "out", tokenizers=given, workers=1, report=quiet)
    for side, tokenizer in zip(("source", "target"), given, strict=True):
        found = getattr(prepared, f"{side}_tokenizer")
        assert saved_files(found) == saved_files(tokenizer)
        content = prepared._shards[0].read()
        ids = content.rows(side, 1).padded(np.array([7]))[0].tolist()
        assert ids == [*tokenizer.encode(content.texts(side)[7]), 3]
    kinds = prepared.options["source_tokenizer"], prepared.options["target_tokenizer"]
    assert kinds == ("word", "character")
    assert prepared.options["vocabulary_size"] == max(one.vocabulary_size for one in given)
    said: list[str] = []
    prepare(corpus, tmp_path / "out", tokenizers=given, workers=1, report=said.append)
    assert said == [f"{tmp_path / 'out'} is prepared already"]
    other = WordTokenizer.train(lines[:5]), given[1]
    again = prepare(corpus, tmp_path / "out", tokenizers=other, workers=1, report=said.append)
    assert again.source_tokenizer.vocabulary_size == other[0].vocabulary_size


def test_tokenizers_go_without_options_and_are_those_of_the_package(tmp_path: Path) -> None:
    class OwnTokenizer(WordTokenizer):
        pass

    corpus = write_corpus(tmp_path, 5)
    given = WordTokenizer.train(["red"])
    with pytest.raises(ValueError, match="settled by `tokenizers`. Received: options as well"):
        prepare(corpus, tmp_path / "out", WORDS, tokenizers=(given, given), report=quiet)
    own = OwnTokenizer.train(["red"])
    with pytest.raises(TypeError, match="WordTokenizer, .*Received: a OwnTokenizer"):
        prepare(corpus, tmp_path / "out", tokenizers=(given, own), report=quiet)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["s", "t"]


@pytest.mark.usefixtures("small_shards")
def test_more_pairs_than_partitions_times_shards_make_several_shards_of_a_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encode_shards, "PARTITIONS", 4)
    monkeypatch.setattr("keras_s2s.data.partitions.PARTITIONS", 4)
    corpus = write_corpus(tmp_path, 1000)
    prepared = prepare(corpus, tmp_path / "out", WORDS, workers=1, report=quiet)
    found = texts(prepared)
    assert all(40 <= len(shard) <= 60 for shard in found) and len(found) > 16
    assert Counter(pair for shard in found for pair in shard) == Counter(corpus)


def test_one_pair_is_a_corpus_and_none_is_an_error_that_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "s").write_text("a dog\n\n")
    (tmp_path / "t").write_text("ein Hund\nx\n")
    prepared = prepare(open_corpus(tmp_path), tmp_path / "out", WORDS, report=quiet)
    assert texts(prepared) == [[("a dog", "ein Hund")]] and prepared.samples == ["a dog"]
    assert prepared.batches().steps_per_epoch == 1
    (tmp_path / "s").write_text("\n\n")
    with pytest.raises(ValueError, match="there is no pair in .*s"):
        prepare(open_corpus(tmp_path), tmp_path / "other", WORDS, report=quiet)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "s", "t"]


def test_a_corpus_with_an_error_leaves_nothing_and_the_former_folder_as_it_was(
    tmp_path: Path,
) -> None:
    corpus = write_corpus(tmp_path, 20)
    prepare(corpus, tmp_path / "out", WORDS, report=quiet)
    before = contents(tmp_path / "out")
    (tmp_path / "s").write_bytes(b"a\n\xff\n")
    with pytest.raises(ValueError, match="the text must be UTF-8"):
        prepare(open_corpus(tmp_path), tmp_path / "out", WORDS, report=quiet)
    assert contents(tmp_path / "out") == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "s", "t"]


STOPPED = """
import sys
from keras_s2s.data import encode_shards
from keras_s2s.data.corpus import Corpus
encode_shards.SHARD_PAIRS = 50
from keras_s2s.files.file_lock import locked
from keras_s2s.data.prepare import prepare
from keras_s2s.recipe.train import Recipe
folder, goal, workers = sys.argv[1:]
corpus = Corpus(f"{folder}/s", f"{folder}/t", duplicates="ignore")
recipe = Recipe(source_tokenizer="word", vocabulary_size=500)
if __name__ == "__main__":
    print("begun", flush=True)
    prepare(corpus, goal, recipe, workers=int(workers))
"""


@pytest.mark.slow  # Starts processes and kills them: 30 s each.
@pytest.mark.parametrize("workers", [1, 2])
def test_killed_at_any_moment_it_goes_on_and_gives_the_same_bytes(
    workers: int, tmp_path: Path
) -> None:
    write_corpus(tmp_path, 5000)
    (tmp_path / "program.py").write_text(STOPPED)
    command = [sys.executable, str(tmp_path / "program.py"), str(tmp_path)]

    def run(goal: str, workers: int, seconds: float | None = None) -> bool:
        words = [*command, str(tmp_path / goal), str(workers)]
        with subprocess.Popen(words, stdout=subprocess.PIPE, start_new_session=True) as process:
            assert process.stdout and process.stdout.readline() == b"begun\n"
            try:
                assert process.wait(seconds) == 0
                return True
            except subprocess.TimeoutExpired:
                process.kill()  # The workers must end by themselves.
        for _ in range(1000):
            try:
                os.killpg(process.pid, 0)
            except ProcessLookupError:
                return False
            time.sleep(0.01)
        pytest.fail("a worker outlived its parent")

    started = time.monotonic()
    assert run("whole", 1)
    seconds = time.monotonic() - started
    expected = contents(tmp_path / "whole")
    assert len([name for name in expected if name.endswith(".npz")]) > 90
    draw, kills = random.Random(workers), 0
    while kills < 8 and not run("out", workers, draw.uniform(0.0, 0.5) * seconds):
        kills += 1
        assert not (tmp_path / "out").exists() or contents(tmp_path / "out") == expected
    print(f"{kills} times killed, {workers} at work")
    assert kills > 0
    assert run("out", workers)
    assert contents(tmp_path / "out") == expected
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"out", "whole", "s", "t", "program.py"}


@pytest.mark.usefixtures("small_shards")
def test_stopped_before_any_step_it_goes_on_and_gives_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stop is an error that nothing expects, before the n-th rename, unlink or removal."""
    corpus = write_corpus(tmp_path, 200)
    prepare(corpus, tmp_path / "whole", WORDS, workers=1, report=quiet)
    for steps in itertools.count():
        goal = tmp_path / f"out-{steps}"
        with monkeypatch.context() as patch:
            stop_after(steps, patch)
            with contextlib.suppress(Killed):
                prepare(corpus, goal, WORDS, workers=1, report=quiet)
                break
        prepare(corpus, goal, WORDS, workers=1, report=quiet)
        assert contents(goal) == contents(tmp_path / "whole")
        assert not (tmp_path / f".{goal.name}.preparing").exists()
    print(f"stopped before each of {steps} steps")
    assert steps > 8


class Killed(BaseException):
    """What no code of ours catches."""


def stop_after(steps: int, patch: pytest.MonkeyPatch) -> None:
    left = iter(range(steps))

    def stopping(step: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            if next(left, None) is None:
                raise Killed
            return step(*arguments, **options)

        return call

    for name in ("rename", "replace", "unlink"):
        patch.setattr(Path, name, stopping(getattr(Path, name)))
    patch.setattr(preparation, "shutil", SimpleNamespace(rmtree=stopping(shutil.rmtree)))


def stop_in_the_shards(
    monkeypatch: pytest.MonkeyPatch, corpus: Corpus, goal: Path, shards_done: int
) -> None:
    """Ends with a full disk after so many shards."""
    written, whole = 0, shards.np.savez

    def savez(*arguments: Any, **arrays: Any) -> None:
        nonlocal written
        if written == shards_done:
            raise OSError(errno.ENOSPC, "No space left on device")
        written += 1
        whole(*arguments, **arrays)

    with monkeypatch.context() as patch:
        patch.setattr(shards.np, "savez", savez)
        with pytest.raises(OSError, match="No space left"):
            prepare(corpus, goal, WORDS, workers=1, report=quiet)


@pytest.mark.usefixtures("small_shards")
def test_a_full_disk_leaves_no_folder_and_the_work_goes_on_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = write_corpus(tmp_path, 300)
    stop_in_the_shards(monkeypatch, corpus, tmp_path / "out", 4)
    assert not (tmp_path / "out").exists()
    encoded: list[int] = []
    whole = encode_shards._encode_group
    monkeypatch.setattr(
        encode_shards, "_encode_group", lambda *a: encoded.append(a[-1]) or whole(*a)
    )
    lines: list[str] = []
    prepared = prepare(corpus, tmp_path / "out", WORDS, workers=1, report=lines.append)
    assert encoded == [4, 5] and prepared.pairs == 300
    assert lines[0].startswith("going on with what is in") and "training" not in "".join(lines)


@pytest.mark.usefixtures("small_shards")
@pytest.mark.parametrize("other", ["options", "seed", "text", "sample"])
def test_finished_shards_of_other_options_or_text_are_not_mixed_with_new_ones(
    other: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_in_the_shards(monkeypatch, write_corpus(tmp_path, 300), tmp_path / "out", 2)
    options: dict[str, Any] = {"options": WORDS, "workers": 1, "report": quiet}
    if other == "options":
        options["options"] = Recipe(source_tokenizer="word", vocabulary_size=400)
    if other == "seed":
        options["seed"] = 2
    if other == "sample":
        options["tokenizer_pairs"] = 100
    if other == "text":
        (tmp_path / "s").write_text((tmp_path / "s").read_text().replace("red", "pink"))
    work = tmp_path / ".out.preparing"
    before = contents(work)
    with pytest.raises(ValueError, match=r"Received: others than those of .*delete that folder"):
        prepare(open_corpus(tmp_path), tmp_path / "out", **options)
    assert contents(work) == before and not (tmp_path / "out").exists()


def test_without_a_finished_shard_other_options_begin_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = write_corpus(tmp_path, 300)
    stop_in_the_shards(monkeypatch, corpus, tmp_path / "out", 0)
    recipe = Recipe(source_tokenizer="character", vocabulary_size=50)
    prepared = prepare(corpus, tmp_path / "out", recipe, report=quiet)
    assert prepared.options["source_tokenizer"] == "character"


def test_what_is_prepared_is_left_alone_unless_it_is_damaged_or_other(tmp_path: Path) -> None:
    corpus, goal = write_corpus(tmp_path, 50), tmp_path / "out"
    prepare(corpus, goal, WORDS, report=quiet)
    before, when = contents(goal), os.stat(goal / "prepared.json").st_mtime_ns
    lines: list[str] = []
    prepare(corpus, goal, WORDS, report=lines.append)
    assert lines == [f"{goal} is prepared already"]
    assert os.stat(goal / "prepared.json").st_mtime_ns == when
    (goal / "shards" / "00000.npz").write_bytes(b"damaged")
    lines.clear()
    prepare(corpus, goal, WORDS, report=lines.append)
    assert contents(goal) == before and f"the corpus in {goal} will be replaced" in lines
    other = Recipe(source_tokenizer="word", vocabulary_size=500, target_normalization="NFD")
    assert prepare(corpus, goal, other, report=quiet).options["target_normalization"] == "NFD"


def test_a_second_process_is_kept_out(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path, 20)
    with (
        locked(tmp_path / ".out.lock"),
        pytest.raises(ValueError, match="one process at a time can do this"),
    ):
        prepare(corpus, tmp_path / "out", WORDS, report=quiet)
    prepare(corpus, tmp_path / "out", WORDS, report=quiet)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "s", "t"]


def test_a_corpus_that_grows_meanwhile_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = write_corpus(tmp_path, 20)
    whole = preparation.write_partitions

    def grown(*arguments: Any) -> Any:
        found = whole(*arguments)
        for name in ("s", "t"):
            with (tmp_path / name).open("a") as file:
                file.write("new\n")
        return found

    monkeypatch.setattr(preparation, "write_partitions", grown)
    with pytest.raises(ValueError, match="must stay as it is while it is prepared"):
        prepare(corpus, tmp_path / "out", WORDS, report=quiet)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["s", "t"]


def test_another_s_folder_is_not_written_over(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path, 5)
    with pytest.raises(ValueError, match="A prepared corpus is saved in a folder of its own"):
        prepare(corpus, tmp_path, WORDS, report=quiet)


def test_the_tokenizers_are_trained_on_no_more_than_a_sample(tmp_path: Path) -> None:
    corpus, recipe = write_corpus(tmp_path, 400), Recipe(source_tokenizer="word")
    lines: list[str] = []
    prepared = prepare(corpus, tmp_path / "out", recipe, tokenizer_pairs=30, report=lines.append)
    assert "training the tokenizers on 30 pairs" in lines
    assert prepared.source_tokenizer.vocabulary_size == 4 + 30 + 5  # Marks, numbers and colours.


@pytest.mark.parametrize("wrong", [{"workers": 0}, {"tokenizer_pairs": 0}])
def test_numbers_below_one_are_errors(wrong: dict[str, int], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"`.*` must be at least 1. Received: .*=0"):
        prepare(write_corpus(tmp_path, 5), tmp_path / "out", WORDS, **wrong)  # pyright: ignore


def test_a_pipe_is_refused_as_a_stopped_run_could_not_go_on(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "s")
    (tmp_path / "t").write_text("x\n")
    with pytest.raises(ValueError, match="files that can be read twice"):
        prepare(open_corpus(tmp_path), tmp_path / "out", WORDS, report=quiet)


def test_pairs_are_held_out_by_source_in_the_same_way_each_time(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path, 300)
    lines: list[str] = []
    options: dict[str, Any] = {"workers": 1, "report": lines.append}
    first = prepare(corpus, tmp_path / "a", WORDS, valid_share=0.1, **options)
    held_out = first.valid_pairs
    assert f"{len(held_out):,} pairs held out for validation" in lines
    assert 10 < len(held_out) < 60
    kept = [pair for shard in texts(first) for pair in shard]
    assert sorted([*kept, *held_out]) == sorted(corpus)
    prepare(corpus, tmp_path / "b", WORDS, valid_share=0.1, **options)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    # Another share is another corpus, none included.
    assert prepare(corpus, tmp_path / "a", WORDS, **options).valid_pairs == []
    assert PreparedCorpus(tmp_path / "a").pairs == 300


def test_a_share_that_leaves_nothing_or_is_none_is_an_error(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path, 1)
    for share in (-0.1, 1.0):
        with pytest.raises(ValueError, match="`valid_share` must be at least 0 and below 1"):
            prepare(corpus, tmp_path / "out", WORDS, valid_share=share, report=quiet)
    with pytest.raises(ValueError, match="there is no pair to train on"):
        prepare(corpus, tmp_path / "out", WORDS, valid_share=1 - 1e-12, workers=1, report=quiet)
    assert not (tmp_path / "out").exists()
