"""Files of alignments and weights as a target: links in any form, beside pairs of any text."""

import contextlib
import io
from pathlib import Path

import numpy as np
from damage import Random, damaged_bytes, pick
from runner import Case

PARTS = ["0-0", "1-2", "0-0 1-1 2-2", "3-1", "9-9", "", " ", "\t", "0", "-", "0-", "0-0-0", "1:1"]
PARTS += ["-1-0", "0-99999999999999999999", "١-٢", "²-0", "a-b", "0-0\r", "\x00", "0-1p", "0 - 1"]
WEIGHTS = ["0.5", "0", "1e3", ".5", "1.", "-1", "nan", "inf", "1e400", "", " 2 ", "1_0", "²", "0x1"]
SOUND = ["0-0", "1-0 0-1", "", "0-0 0-1", " 1-1  0-0 "]
TEXTS = ["a b", "b\u00a0a c d", "¨ a b", "a\u3000b c", "a.b c", "é a", "x" * 6000 + " b", "", " "]


def write(random: Random, path: Path, lines: list[str]) -> None:
    """Write lines, now and then with damaged bytes."""
    data = "".join(f"{line}\n" for line in lines).encode()
    is_damaged = random.integers(8) == 0 and data
    path.write_bytes(damaged_bytes(random, data) if is_damaged else data)


def alignments(_: Path) -> Case:
    """Alignments: each kept pair has its own, and its tokens a distribution or nothing."""
    from keras_s2s import CharacterTokenizer, WordTokenizer
    from keras_s2s.cli.training_inputs import TrainingFiles, read_files
    from keras_s2s.data.aligned_batches import PairAlignments

    source, target = CharacterTokenizer.train(["a b."], normalization="NFKC"), WordTokenizer(["a"])

    def case(random: Random, folder: Path) -> None:
        rows = [(pick(random, TEXTS), pick(random, TEXTS)) for _ in range(random.integers(1, 9))]
        lines = [pick(random, SOUND) for _ in rows]
        for _ in range(int(random.integers(0, 3))):
            lines[int(random.integers(len(lines)))] = pick(random, PARTS) + pick(random, PARTS)
        if random.integers(8) == 0:
            lines = lines[1:] if random.integers(2) else [*lines, "0-0"]
        numbers = [pick(random, WEIGHTS if random.integers(9) == 0 else ["1"]) for _ in rows]
        write(random, folder / "links", lines)
        write(random, folder / "weights", numbers)
        text = "".join(f"{one}\t{other}\n" for one, other in rows)
        (folder / "pairs").write_text(text, encoding="utf-8")
        with contextlib.redirect_stderr(io.StringIO()):
            files = TrainingFiles(
                tsv=folder / "pairs",
                alignments=folder / "links",
                weights=folder / "weights" if random.integers(2) else None,
            )
            data = read_files(files, (0, 1))
        pairs, kept = data.in_memory, data.alignments or []
        assert len(pairs) == len(kept) > 0
        if data.sample_weight is not None:
            assert len(data.sample_weight) == len(pairs)
            assert all(0 <= one <= 1e30 for one in data.sample_weight)
        found = PairAlignments(pairs, kept, source, target)
        for number, (one, other) in enumerate(pairs):
            ids = [[*source.encode(one), 3]], [[*target.encode(other), 3]]
            (matrix,) = found.matrices(np.array([number]), *map(np.array, ids))
            sums = matrix.sum(axis=1)
            assert (matrix >= 0).all() and ((abs(sums - 1) < 1e-5) | (sums == 0)).all()
            assert not matrix[-1].any() and not matrix[:, -1].any()

    return case
