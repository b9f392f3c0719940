"""A saved translator is whole or absent, comes back the same, and says what is wrong with it."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from keras_s2s import (
    Beam,
    CharacterTokenizer,
    Decoder,
    Encoder,
    LuongAttention,
    MaskedCrossentropy,
    SentencePieceTokenizer,
    Seq2Seq,
    Translator,
    WordTokenizer,
)
from keras_s2s.inference import storage
from keras_s2s.inference.storage import TRANSLATOR, read_description

TEXTS = ["abc", "", "bad cab"]


def make_translator(
    seed: int = 1, source: Any = None, target: Any = None, **options: Any
) -> Translator:
    keras.utils.set_random_seed(seed)
    source = source or CharacterTokenizer.train(["abcd "])
    target = target or WordTokenizer(["x", "y", "z"])
    encoder = Encoder(source.vocabulary_size, 8)
    decoder = Decoder(target.vocabulary_size, 8, attention=LuongAttention(8))
    model = Seq2Seq(encoder, decoder)
    model.set_weights([5 * array for array in model.get_weights()])
    return Translator(model, source, target, **options)


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def answers(translator: Translator) -> list[str]:
    return translator.translate(TEXTS, maximum_length=7)


def weights(translator: Translator) -> list[list[float]]:
    return [keras.ops.convert_to_numpy(one).ravel().tolist() for one in translator.model.weights]


@pytest.fixture(scope="module")
def translator() -> Translator:
    return make_translator(seed=5, search=Beam(2, 0.5), maximum_source_length=90)


@pytest.fixture(scope="module")
def saved(translator: Translator, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("saved") / "model"
    translator.save(folder)
    return folder


@pytest.fixture
def copied(saved: Path, tmp_path: Path) -> Path:
    """A copy to damage."""
    return Path(shutil.copytree(saved, tmp_path / "model"))


def test_what_was_saved_comes_back_with_its_options_and_answers(
    saved: Path, translator: Translator
) -> None:
    loaded = Translator.load(saved)
    assert (loaded.search, loaded.maximum_source_length) == (Beam(2, 0.5, 0.0), 90)
    assert type(loaded.source_tokenizer) is CharacterTokenizer
    assert type(loaded.target_tokenizer) is WordTokenizer
    assert answers(loaded) == answers(translator)
    assert len(set(answers(loaded))) == 3


@pytest.mark.slow  # Another process with TensorFlow: 10 s.
def test_a_fresh_process_gives_the_same_answers(saved: Path, translator: Translator) -> None:
    code = (
        "import json, sys\n"
        "from keras_s2s import Translator\n"
        "translator = Translator.load(sys.argv[1])\n"
        f"print(json.dumps(translator.translate({TEXTS}, maximum_length=7)))"
    )
    command = [sys.executable, "-c", code, str(saved)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=saved.parent)
    assert json.loads(done.stdout) == answers(translator)


def test_a_tokenizer_with_a_file_of_its_own_comes_back(tmp_path: Path) -> None:
    lines = ["a bad cab", "dab a bad cab", "abba"] * 5
    pieces = SentencePieceTokenizer.train(lines, 12)
    make_translator(source=pieces, target=pieces).save(tmp_path / "model")
    loaded = Translator.load(tmp_path / "model")
    assert loaded.source_tokenizer.encode("a bad cab") == pieces.encode("a bad cab")
    assert any(name.endswith(".model") for name in read_description(tmp_path / "model")["sha256"])


def test_samples_come_back_and_damaged_ones_are_told(
    translator: Translator, tmp_path: Path
) -> None:
    parts = translator.model, translator.source_tokenizer, translator.target_tokenizer
    samples = ["abc", "한국\n어", ""]
    Translator(*parts, samples=samples).save(tmp_path / "model")
    assert Translator.load(tmp_path / "model").samples == samples
    for damaged in ("{}", "[1]", "["):
        (tmp_path / "model" / "samples.json").write_text(damaged)
        description = json.loads((tmp_path / "model" / "translator.json").read_bytes())
        description["sha256"]["samples.json"] = hashlib.sha256(damaged.encode()).hexdigest()
        (tmp_path / "model" / "translator.json").write_text(json.dumps(description))
        with pytest.raises(ValueError, match="samples.json is damaged"):
            Translator.load(tmp_path / "model")
    with pytest.raises(TypeError, match="`samples` must be strings"):
        Translator(*parts, samples=[1])  # pyright: ignore[reportArgumentType]


def test_the_description_names_the_files_and_versions(saved: Path) -> None:
    description = read_description(saved)
    files = contents(saved)
    del files["translator.json"]
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    assert description["sha256"] == digests
    assert description["versions"]["keras"] == keras.__version__


def test_the_optimizer_of_a_trained_model_is_not_saved(tmp_path: Path) -> None:
    translator = make_translator()
    translator.save(tmp_path / "before")
    x, y = (np.array([[4, 3]]), np.array([[2, 5]])), np.array([[5, 3]])
    translator.model.compile("adam", loss=MaskedCrossentropy(), run_eagerly=True)
    translator.model.train_on_batch(x, y)
    translator.save(tmp_path / "after")
    sizes = [(tmp_path / name / "model.keras").stat().st_size for name in ("before", "after")]
    assert sizes[1] < 1.1 * sizes[0]  # With its optimizer it would be three times as large.
    assert weights(Translator.load(tmp_path / "after")) == weights(translator)


def test_a_translator_replaces_another_and_what_a_training_left_beside_it(
    copied: Path, tmp_path: Path
) -> None:
    for name in ("recipe.json", "history.json", "curves.png", "attention.png"):
        (copied / name).write_text("old")
    other = make_translator(seed=6)
    other.save(copied)
    assert set(contents(copied)) == set(contents(tmp_path / "model"))
    assert not (copied / "recipe.json").exists()
    assert weights(Translator.load(copied)) == weights(other)
    assert os.listdir(tmp_path) == ["model"]


def test_folders_on_the_way_are_made(translator: Translator, tmp_path: Path) -> None:
    translator.save(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b" / "model.keras").is_file()
    assert oct((tmp_path / "a" / "b").stat().st_mode) == oct((tmp_path / "a").stat().st_mode)


def test_an_empty_folder_will_do(translator: Translator, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    translator.save(tmp_path / "model")
    assert os.listdir(tmp_path) == ["model"]


def test_the_working_folder_can_be_the_goal(
    copied: Path, translator: Translator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(copied)
    translator.save(".")
    assert weights(Translator.load(copied)) == weights(translator)


def test_a_link_to_a_folder_stays_a_link(
    copied: Path, translator: Translator, tmp_path: Path
) -> None:
    (tmp_path / "link").symlink_to(copied)
    translator.save(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert weights(Translator.load(tmp_path / "link")) == weights(translator)


def test_a_folder_with_other_things_in_it_is_left_alone(
    copied: Path, translator: Translator, tmp_path: Path
) -> None:
    for folder in (copied, tmp_path / "papers"):
        folder.mkdir(exist_ok=True)
        (folder / "thesis.txt").write_text("years of work")
        before = contents(folder)
        with pytest.raises(ValueError, match=r"which holds 'thesis.txt'\. Move that away"):
            translator.save(folder)
        assert contents(folder) == before


def test_a_file_is_no_folder(translator: Translator, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text")
    with pytest.raises(ValueError, match="is saved in a folder. Received: .*file', a file"):
        translator.save(tmp_path / "file")
    with pytest.raises(OSError, match="File exists"):
        translator.save(tmp_path / "file" / "model")
    assert (tmp_path / "file").read_text() == "text"


class Stop(Exception):
    """What a test ends a save with."""


def stopping(error: BaseException) -> Callable[..., Any]:
    def stop(*_: Any, **__: Any) -> Any:
        raise error

    return stop


@pytest.mark.parametrize("error", [Stop(), KeyboardInterrupt()])
@pytest.mark.parametrize("step", ["model", "tokenizer", "description"])
def test_a_save_that_ends_early_leaves_the_old_translator_and_nothing_else(
    copied: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, error: BaseException
) -> None:
    before = contents(copied)
    other = make_translator(seed=6)
    owner, name = {
        "model": (Seq2Seq, "save"),
        "tokenizer": (WordTokenizer, "save"),
        "description": (sys.modules["keras_s2s.files.artifact_folder"], "digest"),
    }[step]
    monkeypatch.setattr(owner, name, stopping(error))
    with pytest.raises(type(error)):
        other.save(copied)
    assert contents(copied) == before
    assert os.listdir(tmp_path) == ["model"]


@pytest.mark.parametrize("failing", [1, 2])
def test_a_rename_that_fails_puts_the_old_translator_back(
    copied: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    before = contents(copied)
    calls = 0
    rename = Path.rename

    def failing_rename(path: Path, goal: Path) -> Path:
        nonlocal calls
        calls += 1
        if calls == failing:
            raise OSError("no more room")
        return rename(path, goal)

    monkeypatch.setattr(Path, "rename", failing_rename)
    with pytest.raises(OSError, match="no more room"):
        make_translator(seed=6).save(copied)
    assert contents(copied) == before
    assert os.listdir(tmp_path) == ["model"]


def killed_between_the_renames(folder: Path) -> Path:
    """What a process leaves that dies when the old folder has stepped aside."""
    return folder.rename(folder.with_name(f".{folder.name}.previous"))


def test_a_translator_that_a_killed_save_moved_aside_is_found(
    copied: Path, translator: Translator
) -> None:
    killed_between_the_renames(copied)
    assert weights(Translator.load(copied)) == weights(translator)


def test_the_next_save_clears_up_after_a_killed_one(copied: Path, tmp_path: Path) -> None:
    other = make_translator(seed=6)
    killed_between_the_renames(copied)
    other.save(copied)
    assert weights(Translator.load(copied)) == weights(other)
    shutil.copytree(killed_between_the_renames(copied), copied)
    other.save(copied)  # Killed a moment later: both folders were there.
    assert os.listdir(tmp_path) == ["model"]


def test_a_rest_of_a_removal_is_told_before_anything_is_done(
    copied: Path, translator: Translator, tmp_path: Path
) -> None:
    (tmp_path / ".model.previous").mkdir()
    (tmp_path / ".model.previous" / "model.keras").write_bytes(b"")
    with pytest.raises(ValueError, match=r"needs the name .*\.model\.previous for a moment"):
        TRANSLATOR.check_goal(copied)
    assert weights(Translator.load(copied)) == weights(translator)


def test_a_removal_that_is_stopped_is_in_no_later_one_s_way(
    copied: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = make_translator(seed=6)
    with monkeypatch.context() as patch, pytest.raises(Stop):
        patch.setattr(shutil, "rmtree", stopping(Stop()))
        other.save(copied)
    assert not (tmp_path / ".model.previous").exists()
    third = make_translator(seed=7)
    third.save(copied)
    assert weights(Translator.load(copied)) == weights(third)


def test_a_save_that_fails_after_a_killed_one_still_leaves_the_translator(
    copied: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(copied)
    killed_between_the_renames(copied)
    monkeypatch.setattr(Seq2Seq, "save", stopping(Stop()))
    with pytest.raises(Stop):
        make_translator(seed=6).save(copied)
    assert contents(copied) == before
    assert os.listdir(tmp_path) == ["model"]


def test_an_empty_folder_of_the_name_does_not_hide_or_cost_the_one_moved_aside(
    copied: Path, translator: Translator, tmp_path: Path
) -> None:
    before = contents(copied)
    killed_between_the_renames(copied)
    copied.mkdir()
    assert weights(Translator.load(copied)) == weights(translator)
    storage.TRANSLATOR.check_goal(copied)  # What a training begins with.
    assert contents(copied) == before
    assert os.listdir(tmp_path) == ["model"]


@pytest.mark.parametrize("name", ["recipe.json", "source_tokenizer/thesis.txt", "model.keras"])
def test_names_of_ours_make_no_translator_of_a_folder(
    translator: Translator, tmp_path: Path, name: str
) -> None:
    path = tmp_path / "papers" / name
    path.parent.mkdir(parents=True)
    path.write_text("years of work")
    with pytest.raises(ValueError, match="Move that away"):
        translator.save(tmp_path / "papers")
    assert path.read_text() == "years of work"


def test_a_strangers_file_in_a_folder_of_ours_is_left_alone(
    copied: Path, translator: Translator
) -> None:
    (copied / "source_tokenizer" / "thesis.txt").write_text("years of work")
    with pytest.raises(ValueError, match="which holds 'source_tokenizer/thesis.txt'"):
        translator.save(copied)
    assert (copied / "source_tokenizer" / "thesis.txt").exists()


def test_companions_are_in_the_folder_when_it_takes_its_place_or_nothing_changes(
    copied: Path, translator: Translator, tmp_path: Path
) -> None:
    before = contents(copied)
    with pytest.raises(Stop):
        translator.save(copied, write_companions=stopping(Stop()))
    assert contents(copied) == before

    def write(folder: Path) -> None:
        assert folder != copied and not (copied / "recipe.json").exists()
        (folder / "recipe.json").write_text("{}")

    translator.save(copied, write_companions=write)
    assert (copied / "recipe.json").read_text() == "{}"
    assert os.listdir(tmp_path) == ["model"]


def rewrite(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Changes the description, or what it says of the files, to fit."""
    path = folder / "translator.json"
    description = json.loads(path.read_bytes())
    changed = change(description)
    path.write_text(json.dumps(description if changed is None else changed))


def trust(folder: Path) -> None:
    """Makes the digests fit the files as they are now."""

    def change(description: dict[str, Any]) -> None:
        for name in description["sha256"]:
            data = (folder / name).read_bytes()
            description["sha256"][name] = hashlib.sha256(data).hexdigest()

    rewrite(folder, change)


def cut_model(folder: Path) -> None:
    data = (folder / "model.keras").read_bytes()
    (folder / "model.keras").write_bytes(data[: len(data) // 2])


def cut_model_that_is_trusted(folder: Path) -> None:
    cut_model(folder)
    trust(folder)


def flip_a_bit(folder: Path) -> None:
    data = bytearray((folder / "model.keras").read_bytes())
    data[len(data) // 2] ^= 1
    (folder / "model.keras").write_bytes(data)


def put_another_class(folder: Path) -> None:
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.save(folder / "model.keras")
    trust(folder)


def put_text_for_a_model(folder: Path) -> None:
    (folder / "model.keras").write_text("not a model\nat all")
    trust(folder)


def put_a_model_without_weights(folder: Path) -> None:
    path = folder / "model.keras"
    with zipfile.ZipFile(path) as archive:
        kept = {name: archive.read(name) for name in ("config.json", "metadata.json")}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in kept.items():
            archive.writestr(name, data)
    trust(folder)


def put_another_model(folder: Path) -> None:
    other = make_translator(target=WordTokenizer(["x", "y", "z", "w"]))
    other.model.save(folder / "model.keras")
    trust(folder)


def swap_tokenizers(folder: Path) -> None:
    (folder / "source_tokenizer").rename(folder / "aside")
    (folder / "target_tokenizer").rename(folder / "source_tokenizer")
    (folder / "aside").rename(folder / "target_tokenizer")


def swap_tokenizers_that_are_trusted(folder: Path) -> None:
    swap_tokenizers(folder)
    trust(folder)


def remove(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def write(text: str) -> Callable[[Path], Any]:
    return lambda folder: (folder / "translator.json").write_text(text)


def describe(**fields: Any) -> Callable[[Path], None]:
    """Changes fields of the description; a callable gets the old value."""

    def change(description: dict[str, Any]) -> None:
        for name, value in fields.items():
            description[name] = value(description[name]) if callable(value) else value

    return lambda folder: rewrite(folder, change)


def with_file(name: str) -> Callable[[dict], dict]:
    return lambda digests: {**digests, name: "0" * 64}


DAMAGES: dict[str, tuple[Callable[[Path], Any], str]] = {
    "no folder": (shutil.rmtree, "must be the folder of a translator"),
    "no description": (remove("translator.json"), "must be the folder of a translator"),
    "no model": (remove("model.keras"), r"missing or damaged\. Received: .*model\.keras"),
    "no tokenizer": (remove("source_tokenizer/tokenizer.json"), "missing or damaged"),
    "half a model": (cut_model, "missing or damaged"),
    "a bit of the model": (flip_a_bit, "missing or damaged"),
    "half a model, trusted": (cut_model_that_is_trusted, "The model can't be read"),
    "text for a model": (put_text_for_a_model, "The model can't be read"),
    "no weights": (put_a_model_without_weights, "The model can't be read"),
    "another class": (put_another_class, "can't be read. Received: .*the class keras.Sequential"),
    "another vocabulary": (put_another_model, "target tokenizer need the same vocabulary"),
    "swapped tokenizers": (swap_tokenizers, "missing or damaged"),
    "swapped, trusted": (swap_tokenizers_that_are_trusted, "need the same vocabulary"),
    "no JSON": (write("{"), "is damaged"),
    "empty": (write(""), "is damaged"),
    "deep JSON": (write("[" * 100_000), "is damaged"),
    "a list": (write("[]"), "does not describe a translator"),
    "another format": (describe(format="something else"), "does not describe a translator"),
    "a newer version": (describe(format_version=2), "version 1.* Received: format_version=2"),
    "no digests": (describe(sha256=None), "wrong files or options"),
    "a file too few": (
        describe(sha256=lambda digests: {"model.keras": digests["model.keras"]}),
        "wrong files or options",
    ),
    "a path upward": (describe(sha256=with_file("../secret")), "wrong files or options"),
    "a path upward inside": (describe(sha256=with_file("a/../../b")), "wrong files or options"),
    "an absolute path": (describe(sha256=with_file("/etc/passwd")), "wrong files or options"),
    "a path of blanks": (describe(sha256=with_file("")), "must be a file in its folder"),
    "a null byte": (describe(sha256=with_file("a\0b")), "missing or damaged"),
    "no options": (describe(options={}), "wrong files or options"),
    "a text option": (
        describe(options=lambda options: {**options, "beam_size": "5"}),
        "wrong files or options",
    ),
    "a true option": (
        describe(options=lambda options: {**options, "beam_size": True}),
        "wrong files or options",
    ),
    "an option too many": (
        describe(options=lambda options: {**options, "speed": 1}),
        "wrong files or options",
    ),
    "an option out of range": (
        describe(options=lambda options: {**options, "length_penalty": float("nan")}),
        r"translator\.json: `length_penalty` must be a number below 1e.30",
    ),
}


@pytest.mark.filterwarnings("ignore")  # Keras and zipfile warn of what they then refuse.
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_or_foreign_folder_is_told_in_one_line(copied: Path, damage: str) -> None:
    do, message = DAMAGES[damage]
    do(copied)
    with pytest.raises(ValueError, match=message) as told:
        Translator.load(copied)
    assert "\n" not in str(told.value)


def test_a_file_and_another_programs_folder_hold_no_translator(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text")
    for path in (tmp_path, tmp_path / "file", tmp_path / "none"):
        with pytest.raises(ValueError, match="must be the folder of a translator"):
            Translator.load(path)


def test_each_kind_of_attention_and_decoder_loads_in_a_new_process(tmp_path: Path) -> None:
    """A class is known there only if what loads the folder imports it."""
    from keras_s2s import (
        BahdanauMonotonicAttention,
        CopyingDecoder,
        CopyingEncoder,
        LuongMonotonicAttention,
    )

    tokenizer = CharacterTokenizer.train(["abc"])
    size = tokenizer.vocabulary_size
    plain = Encoder(size, 8), Decoder(size, 8, attention=LuongMonotonicAttention(8))
    monotonic = Encoder(size, 8), Decoder(size, 8, attention=BahdanauMonotonicAttention(8))
    copying = CopyingEncoder(size, 8), CopyingDecoder(size, 8, attention=LuongAttention(8))
    folders = []
    for number, parts in enumerate((plain, monotonic, copying)):
        folders.append(str(tmp_path / str(number)))
        Translator(Seq2Seq(*parts), tokenizer, tokenizer).save(folders[-1])
    program = "import sys; from keras_s2s import Translator\n"
    program += "for folder in sys.argv[1:]:\n"
    program += "    print(type(Translator.load(folder).model.decoder).__name__)"
    command = [sys.executable, "-c", program, *folders]
    found = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    assert found == ["Decoder", "Decoder", "CopyingDecoder"]
