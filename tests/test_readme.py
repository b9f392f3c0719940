"""The README's Python runs as it stands there, on a small corpus and with small sizes."""

import random
import re
from pathlib import Path
from typing import Any

import pytest

from keras_s2s import Greedy

README = (Path(__file__).resolve().parents[1] / "README.md").read_text(encoding="utf-8")
SMALLER = {
    r"units=512": "units=16",
    r"embedding_dimension=256": "embedding_dimension=8",
    r"LuongAttention\(512": "LuongAttention(16",
    r"epochs=20": "epochs=1",
    r", 6000\)": ", 50)",
}
ENGLISH = "a dog runs in the snow while two men play guitar near red house".split()
GERMAN = "ein Hund rennt im Schnee und zwei Männer spielen Gitarre am roten Haus".split()


def write_corpus(folder: Path, name: str, lines: int) -> None:
    generator = random.Random(lines)
    for language, words in (("en", ENGLISH), ("de", GERMAN)):
        text = "".join(" ".join(generator.sample(words, 6)) + ".\n" for _ in range(lines))
        (folder / f"{name}.{language}").write_text(text, encoding="utf-8")


def copied(model: Any) -> Any:
    """A model of the same kind, compiled the same way."""
    copy = type(model).from_config(model.get_config())
    copy.compile("adam", loss=model.loss)
    return copy


def test_the_python_of_the_readme_trains_translates_and_saves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    program, resumed, spread = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    for pattern, smaller in SMALLER.items():
        program, count = re.subn(pattern, smaller, program)
        assert count, f"the README no longer says {pattern}"
    write_corpus(tmp_path, "train", 200)
    write_corpus(tmp_path, "valid", 20)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(compile(program, "README.md", "exec"), names)
    assert (tmp_path / "english-german" / "translator.json").is_file()
    assert "200 pairs read" in capsys.readouterr().out
    exec(compile(resumed.replace("batches, 20", "batches, 1"), "README.md", "exec"), names)
    assert len(names["history"].history["loss"]) == 1
    names["make_my_model"] = lambda: copied(names["model"])
    alone = spread.replace("multi_worker", "mirrored").replace("epochs=20", "epochs=1")
    exec(compile(alone, "README.md", "exec"), names)
    assert names["strategy"].num_replicas_in_sync == 1


def test_the_greedy_loop_of_the_readme_runs_an_export(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("ai_edge_litert", reason="LiteRT's runtime is not installed.")
    from keras_s2s import (
        CharacterTokenizer,
        Decoder,
        Encoder,
        LuongAttention,
        Seq2Seq,
        Translator,
        export,
    )

    (program,) = re.findall(r"```py\n(.*?)```", README, flags=re.DOTALL)
    tokenizer = CharacterTokenizer.train(["A dog runs."])
    size = tokenizer.vocabulary_size
    model = Seq2Seq(Encoder(size, 16), Decoder(size, 16, attention=LuongAttention(16)))
    translator = Translator(model, tokenizer, tokenizer)
    export.litert(translator, tmp_path / "phone", lengths=(16,))
    monkeypatch.chdir(tmp_path)
    exec(compile(program, "README.md", "exec"), {})
    expected = translator.translate(["A dog runs."], search=Greedy(), maximum_length=100)
    assert capsys.readouterr().out.splitlines()[-1] == expected[0]


def test_every_option_of_a_command_in_the_readme_exists() -> None:
    import typer.main

    from keras_s2s.cli.main import app

    known = {
        name: {option for parameter in command.params for option in parameter.opts}
        for name, command in typer.main.get_command(app).commands.items()  # pyright: ignore
    }
    blocks = "\n".join(re.findall(r"```sh\n(.*?)```", README, flags=re.DOTALL))
    commands = re.findall(r"keras-s2s (\w+)((?:[^\n|]|\\\n)*)", blocks.replace("\\\n", " "))
    assert {name for name, _ in commands} >= {"train", "translate", "evaluate"}
    for name, arguments in commands:
        unknown = set(re.findall(r"--[a-z-]+", arguments)) - known[name] - {"--help"}
        assert not unknown, f"{name} has no {unknown}"
