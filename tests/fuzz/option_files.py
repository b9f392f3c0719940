"""Files that options name as targets: configurations; prefixes and forbidden words."""

import contextlib
import io
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from damage import Random, damaged_bytes, damaged_text, pick
from runner import Case

from keras_s2s import Beam

KEYS = """units num-layers learning_rate tsv output freeze protect joint-vocabulary seed cell
    minutes config help strategy attention layers unit é""".split()
VALUES = [
    "1",
    "64",
    "-1",
    "1e-3",
    "nan",
    ".inf",
    "true",
    "no",
    "~",
    "",
    "gru",
    "none",
    "'a",
    "0x1F",
]
VALUES += ["[a, b]", "{a: 1}", "&a [*a]", "!!python/name:os.system", "2001-01-01", "|\n  x", "한"]
ENCODINGS = ["utf-8"] * 6 + ["utf-8-sig", "utf-16", "latin-1", "cp949"]
SOUND = ["the", "the dog", "dog runs", "runs the dog", "개가"]
LINES = [*SOUND, "", " ", "dog " * 90, "\x00", "<unk>", "⁇", "d", "  the", "ＤＯＧ"]


def file_of(random: Random, text: str, path: Path) -> Path:
    """A file of a text in some encoding, perhaps damaged."""
    data = text.encode(pick(random, ENCODINGS), errors="replace")
    damaged = bool(data) and random.integers(5) == 0
    path.write_bytes(damaged_bytes(random, data) if damaged else data)
    return path


def configurations(_: Path) -> Case:
    """Configurations of `train`: options that it takes, or one line."""
    import typer.main

    from keras_s2s.cli.config_file import read_config
    from keras_s2s.cli.main import app

    train = typer.main.get_command(app).commands["train"]  # pyright: ignore[reportAttributeAccessIssue]

    def case(random: Random, folder: Path) -> None:
        rows = {pick(random, KEYS): pick(random, VALUES) for _ in range(random.integers(0, 4))}
        text = "".join(f"{key}: {value}\n" for key, value in rows.items())
        path = file_of(random, text, folder / "config.yaml")
        if random.integers(4) == 0:
            path.write_bytes(damaged_text(random, json.dumps(rows)))
        context: Any = SimpleNamespace(command=train, default_map=None)
        read_config(context, path)
        known = {one.name for one in train.params}
        assert context.default_map.keys() <= known - {"config", "help"}
        assert all(isinstance(value, (str, list)) for value in context.default_map.values())

    return case


def constraints(_: Path) -> Case:
    """Prefixes and forbidden words: ids of the vocabulary, or one line."""
    from keras_s2s import SentencePieceTokenizer, WordTokenizer
    from keras_s2s.cli.constraint_options import ConstraintOptions
    from keras_s2s.inference.prefixes import with_prefixes

    several = (
        SentencePieceTokenizer.train(["the dog runs", "개가 é"], 18),
        WordTokenizer(["the", "dog", "runs", "개가"]),
    )

    def lines(random: Random, path: Path) -> Path:
        some = LINES if random.integers(4) == 0 else SOUND
        text = "".join(f"{pick(random, some)}\n" for _ in range(random.integers(0, 4)))
        return file_of(random, text, path)

    def case(random: Random, folder: Path) -> None:
        tokenizer = pick(random, several)
        options = ConstraintOptions(
            prefix=lines(random, folder / "prefix"), forbid=lines(random, folder / "forbid")
        )
        with contextlib.redirect_stderr(io.StringIO()):
            beside = options.open(folder / "input")
            translator: Any = SimpleNamespace(target_tokenizer=tokenizer)
            found = beside.arguments(Beam(2), translator)
            sequences = found["search"].constraints.forbidden
            assert all(0 <= one < tokenizer.vocabulary_size for row in sequences for one in row)
            texts = ["a"] * int(random.integers(0, 4))
            list(with_prefixes(texts, found["prefixes"], tokenizer) or [])

    return case
