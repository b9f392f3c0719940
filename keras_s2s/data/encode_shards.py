"""Encodes partitions of pairs into shards of token ids, in parallel processes."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from keras_s2s.data.partitions import PARTITIONS, shuffled
from keras_s2s.data.prepared_corpus import SHARDS, SOURCE, TARGET, encode_in_slices
from keras_s2s.data.rows import TokenRows
from keras_s2s.data.shards import SIDES, write_shard
from keras_s2s.text.tokenizers import load_tokenizer

SHARD_PAIRS = 65_536


def count_groups(counts: list[int]) -> int:
    """Number of groups of partitions; a group has about the pairs of one shard, or of several."""
    return min(PARTITIONS, max(1, round(sum(counts) / SHARD_PAIRS)))


def rows_of_group(work: Path, counts: list[int], seed: int, group: int) -> list[tuple[str, ...]]:
    """The pairs of a group, perhaps with weights, in random order: a sample of the corpus."""
    return shuffled(work / "partitions", _partitions_of(counts, group), seed + group)


def encode_shards(
    work: Path,
    counts: list[int],
    seed: int,
    workers: int | None,
    report: Callable[[str], None],
) -> None:
    """Write all shards that do not exist yet.

    Args:
        work: Folder with "partitions", and with the tokenizers in "new", where the shards go.
        counts: Number of pairs in every partition.
        seed: Seed of the order of the pairs.
        workers: Number of processes; `None` for one per core.
        report: Called with a line of text after each tenth of the work.

    Raises:
        OSError: A file cannot be read or written, or a process died.
    """
    (work / "new" / SHARDS).mkdir(exist_ok=True)
    groups = range(count_groups(counts))
    left = [group for group in groups if not all(p.exists() for p in _paths(work, counts, group))]
    workers = min(workers or _cores(), len(left))
    progress = _Progress(len(groups), len(groups) - len(left), report)
    if workers < 2:
        for group in left:
            _encode_group(work, counts, seed, group)
            progress.advance()
        return
    context = multiprocessing.get_context("spawn")  # A fork would copy locks of other threads.
    with ProcessPoolExecutor(workers, context, _begin_worker) as pool:
        try:
            tasks = [pool.submit(_encode_group, work, counts, seed, group) for group in left]
            for task in as_completed(tasks):
                task.result()
                progress.advance()
        except BrokenProcessPool as error:
            raise ChildProcessError(
                "a process that encodes has ended; perhaps the memory is too small for "
                f"{workers} of them: give fewer workers. Or a script calls this outside of "
                '`if __name__ == "__main__":`, and each process began anew. What is done is kept.'
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)


def _encode_group(work: Path, counts: list[int], seed: int, group: int) -> None:
    tokenizers = {
        side: load_tokenizer(work / "new" / name)
        for side, name in zip(SIDES, (SOURCE, TARGET), strict=True)
    }
    size = max(tokenizer.vocabulary_size for tokenizer in tokenizers.values())
    pairs, paths = rows_of_group(work, counts, seed, group), _paths(work, counts, group)
    for number, path in enumerate(paths):
        start, stop = (len(pairs) * place // len(paths) for place in (number, number + 1))
        sources, targets, *others = zip(*pairs[start:stop], strict=True)
        texts = {"source": sources, "target": targets}
        rows = {
            side: TokenRows(side, encode_in_slices(tokenizers[side], lines, None, 0))
            for side, lines in texts.items()
        }
        weights = [float(weight) for weight in others[0]] if others else None
        write_shard(path, texts, rows, size, weights)


def _paths(work: Path, counts: list[int], group: int) -> list[Path]:
    """The shards of a group: one, or several where the corpus is larger than all groups."""
    first = sum(_shards_in(counts, before) for before in range(group))
    names = (f"{first + place:05}.npz" for place in range(_shards_in(counts, group)))
    return [work / "new" / SHARDS / name for name in names]


def _shards_in(counts: list[int], group: int) -> int:
    pairs = sum(counts[number] for number in _partitions_of(counts, group))
    return min(pairs, max(1, round(pairs / SHARD_PAIRS)))


def _partitions_of(counts: list[int], group: int) -> range:
    groups = count_groups(counts)
    return range(PARTITIONS * group // groups, PARTITIONS * (group + 1) // groups)


def _begin_worker() -> None:
    """Leaves Ctrl-C to the parent process, and ends when the parent ends, however it does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_exit_with_parent, daemon=True).start()


def _exit_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _cores() -> int:
    """Number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class _Progress:
    """Reports each tenth of the work."""

    def __init__(self, total: int, done: int, report: Callable[[str], None]) -> None:
        self._total, self._done, self._report = total, done, report

    def advance(self) -> None:
        self._done += 1
        if 10 * self._done // self._total > 10 * (self._done - 1) // self._total:
            self._report(f"encoded: {100 * self._done // self._total} %")
