"""Prepares a larger-than-memory corpus for training: tokenizers and shards of token ids."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

from keras_s2s.data.corpus import Corpus
from keras_s2s.data.encode_shards import count_groups, encode_shards, rows_of_group
from keras_s2s.data.hold_out import Splitter
from keras_s2s.data.line_weights import weighted_pairs
from keras_s2s.data.lines import FilePath, digest_of
from keras_s2s.data.pairs import choose_samples
from keras_s2s.data.partitions import write_partitions
from keras_s2s.data.prepared_corpus import (
    CURE,
    PREPARED,
    SAMPLES,
    SHARDS,
    SOURCE,
    TARGET,
    TEXT_OPTIONS,
    VALID,
    PreparedCorpus,
    read_description,
)
from keras_s2s.files.artifact_folder import versions
from keras_s2s.files.file_lock import locked
from keras_s2s.text.describe_pair import options_of_pair
from keras_s2s.text.option_fields import as_json
from keras_s2s.text.options import TextOptions
from keras_s2s.text.tokenizers import Tokenizer, saved_files
from keras_s2s.text.train_pair import train_tokenizers

JOB, COUNTS, HELD_OUT = "job.json", "counts.json", "held_out.tsv"


def prepare(
    corpus: Corpus,
    folder: str | Path,
    options: TextOptions | None = None,
    *,
    tokenizers: tuple[Tokenizer, Tokenizer] | None = None,
    weights: FilePath | None = None,
    seed: int = 1,
    tokenizer_pairs: int = 200_000,
    valid_share: float = 0.0,
    workers: int | None = None,
    report: Callable[[str], None] = print,
) -> PreparedCorpus:
    """Prepare a corpus of any size for training, in constant memory.

    1. Read the pairs and write each to a random partition, so that every partition is a
       random sample of the corpus.
    2. Train the tokenizers on a sample.
    3. Shuffle the partitions, and write shards of about 65,536 pairs with their ids, in parallel.

    If the process is stopped, call it again with the same corpus and options: it resumes, and the
    result is the same byte for byte. Until it is complete, the work is in `.NAME.preparing` beside
    the folder.

    Args:
        corpus: The corpus; with `duplicates="ignore"` memory use does not grow with its size.
        folder: Output folder; an earlier prepared corpus in it is replaced.
        options: How texts are tokenized, `TextOptions` or a `Recipe`; `None` for the defaults, or
            with `tokenizers`. `AutoRecipe.choose_text` chooses them from the corpus.
        tokenizers: Those of source and target, such as of a translator that is to be fine-tuned;
            `None` to train them.
        weights: File with a weight for each line of the corpus, see `weighted_pairs`; `None` for
            none.
        seed: Seed of the order of the pairs and of the sample for the tokenizers.
        tokenizer_pairs: Maximum number of pairs, chosen at random, to train the tokenizers on.
        valid_share: About this share of the pairs is held out for validation, all pairs of a
            source together; `train` uses them where it is given no others.
        workers: Number of encoding processes; `None` for one per core. With more than one, guard
            the main code of a script by `if __name__ == "__main__":`, as every process imports it.
        report: Called with each line of the progress report.

    Returns:
        The prepared corpus, for `train` or to make `batches` of.

    Raises:
        TypeError: A tokenizer is of a class of one's own.
        ValueError: There is no pair, the corpus has an error or cannot be read twice, an argument
            is out of range, there are options with `tokenizers`, or the folder holds other files or
            unfinished work of other options.
        OSError: A file cannot be read or written.
    """
    _check_numbers(tokenizer_pairs=(1, tokenizer_pairs), workers=(1, workers), seed=(0, seed))
    options = _settled(options, tokenizers)
    splitter = Splitter(valid_share, seed, options.source_normalization)
    job = {
        "corpus": corpus.digest(),
        "options": _text_options(options),
        "seed": seed,
        "tokenizer_pairs": tokenizer_pairs,
        "versions": versions("keras-s2s", "numpy", "sentencepiece"),
        **_if_given(valid_share=valid_share or None, weights=_digest(weights)),
        **_if_given(tokenizers=tokenizers and [*map(_tokenizer_digest, tokenizers)]),
    }
    folder = PREPARED.check_goal(Path(folder))
    work = folder.with_name(f".{folder.name}.preparing")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with locked(work.with_suffix(".lock")):
        if _is_whole(folder, job):
            report(f"{folder} is prepared already")
        else:
            _open_work(work, folder, job, report)
            counts = _partition(corpus, weights, job, work, splitter, report)
            sample = partial(_sample, work, counts, seed, tokenizer_pairs)
            _write_text(work, sample, tokenizers or options, report)
            encode_shards(work, counts, seed, workers, report)
            _finish(work, folder, counts, job)
        shutil.rmtree(work, ignore_errors=True)
        return PreparedCorpus(folder)


def _settled(
    options: TextOptions | None, tokenizers: tuple[Tokenizer, Tokenizer] | None
) -> TextOptions:
    """The options of the text, which given tokenizers settle."""
    if tokenizers is None:
        return options or TextOptions()
    if options is not None:
        raise ValueError(
            "The options of the text are settled by `tokenizers`. Received: options as well. Leave "
            "one of them out."
        )
    if not isinstance(tokenizers, (tuple, list)) or len(tokenizers) != 2:
        raise TypeError(
            f"`tokenizers` must be those of source and target. Received: tokenizers={tokenizers!r}"
        )
    return options_of_pair(*tokenizers)


def _text_options(options: TextOptions) -> dict[str, Any]:
    """The options of the text alone, of a `Recipe` for instance."""
    return {name: value for name, value in as_json(options).items() if name in TEXT_OPTIONS}


def _tokenizer_digest(tokenizer: Tokenizer) -> str:
    found = hashlib.sha256()
    for name, content in saved_files(tokenizer).items():
        found.update(f"{name} {len(content)}\n".encode() + content)
    return found.hexdigest()


def _check_numbers(**values: tuple[int, int | None]) -> None:
    """Raise ValueError if a number is given and is less than the least one before it."""
    for name, (least, value) in values.items():
        if value is not None and value < least:
            raise ValueError(f"`{name}` must be at least {least}. Received: {name}={value}")


def _if_given(**values: Any) -> dict[str, Any]:
    """The values that are there: a corpus without them is described as it was before them."""
    return {name: value for name, value in values.items() if value is not None}


def _is_whole(folder: Path, job: dict[str, Any]) -> bool:
    """Whether the folder holds the complete result of this job, undamaged."""
    try:
        found = read_description(folder)
        PREPARED.check_files(folder, found["sha256"], CURE)
    except ValueError:
        return False
    is_same_share = found.get("valid_share") == job.get("valid_share")  # Absent for none.
    return is_same_share and job.items() <= found.items()


def _open_work(
    work: Path, folder: Path, job: dict[str, Any], report: Callable[[str], None]
) -> None:
    """Resume the work of a stopped process, or start anew."""
    if PREPARED.is_in(folder):
        report(f"the corpus in {folder} will be replaced")
    try:
        found = json.loads((work / JOB).read_bytes())
    except (OSError, ValueError, RecursionError):
        found = None
    if found == job:
        report(f"going on with what is in {work}")
        return
    if any((work / "new" / SHARDS).glob("*.npz")):
        raise ValueError(
            "unfinished work must be finished with the same corpus, options and versions. "
            f"Received: others than those of {work}. Give the same ones, or delete that folder."
        )
    if work.exists():
        shutil.rmtree(work)
    (work / "new").mkdir(parents=True)
    _write_whole(work / JOB, job)


def _partition(
    corpus: Corpus,
    weights: FilePath | None,
    job: dict[str, Any],
    work: Path,
    splitter: Splitter,
    report: Callable[[str], None],
) -> list[int]:
    """Write the partitions unless they exist; the number of pairs in each of them."""
    partitions = work / "partitions"
    if not partitions.exists():
        part = _emptied(work / "partitions.part")
        try:
            with (work / HELD_OUT).open("w", encoding="utf-8", newline="\n") as file:
                kept = splitter.split(_rows(corpus, weights), lambda line: print(line, file=file))
                counts = write_partitions(kept, part, splitter.seed)
            report(str(corpus.report))
            if splitter.share:
                report(f"{splitter.held_out:,} pairs held out for validation")
            if (corpus.digest(), _digest(weights)) != (job["corpus"], job.get("weights")):
                raise ValueError(
                    f"a corpus must stay as it is while it is prepared. Received: "
                    f"{corpus.report.files[0]}, or what belongs to it, changed. Start again."
                )
            if not sum(counts):
                words = " to train on" if splitter.held_out else ""
                raise ValueError(f"there is no pair{words} in {corpus.report.files[0]}")
        except (Exception, KeyboardInterrupt):
            shutil.rmtree(work)
            raise
        _write_whole(part / COUNTS, counts)
        part.rename(partitions)
    return json.loads((partitions / COUNTS).read_bytes())


def _rows(corpus: Corpus, weights: FilePath | None) -> Iterable[tuple[str, ...]]:
    """The pairs, each with its weight if there are weights."""
    if weights is None:
        return corpus
    return ((*pair, repr(weight)) for pair, weight in weighted_pairs(corpus, weights))


def _digest(weights: FilePath | None) -> str | None:
    return None if weights is None else digest_of((str(weights),), "weights")


def _sample(work: Path, counts: list[int], seed: int, most: int) -> list[tuple[str, str]]:
    """The pairs of the first groups, which are random samples of the corpus."""
    pairs: list[tuple[str, str]] = []
    for group in range(count_groups(counts)):
        rows = rows_of_group(work, counts, seed, group)[: most - len(pairs)]
        pairs += [(source, target) for source, target, *_ in rows]
        if len(pairs) == most:
            break
    return pairs


def _write_text(
    work: Path,
    sample: Callable[[], list[tuple[str, str]]],
    text: tuple[Tokenizer, Tokenizer] | TextOptions,
    report: Callable[[str], None],
) -> None:
    """Write tokenizers, given or trained on the sample, some texts, and what is held out."""
    if (work / "new" / "text").exists():
        return
    pairs = sample()
    if isinstance(text, TextOptions):
        report(f"training the tokenizers on {len(pairs):,} pairs")
        text = train_tokenizers(pairs, text)
    part = _emptied(work / "text.part")
    for name, tokenizer in zip((SOURCE, TARGET), text, strict=True):
        tokenizer.save(part / Path(name).name)
    _write_whole(part / Path(SAMPLES).name, choose_samples(pairs))
    if (work / HELD_OUT).exists() and (work / HELD_OUT).stat().st_size:
        shutil.copyfile(work / HELD_OUT, part / Path(VALID).name)
    part.rename(work / "new" / "text")


def _finish(work: Path, folder: Path, counts: list[int], job: dict[str, Any]) -> None:
    """Delete partial files, write the description, and move the folder to its place."""
    new = work / "new"
    for half in [*new.rglob("*.part"), *new.glob(PREPARED.description)]:
        half.unlink()
    PREPARED.describe(new, {**job, "pairs": sum(counts)})
    PREPARED.rename(new, folder)


def _emptied(folder: Path) -> Path:
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir()
    return folder


def _write_whole(path: Path, content: Any) -> None:
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    part = path.with_name(f"{path.name}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)
