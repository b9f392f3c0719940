"""A folder from elsewhere runs no code, reaches no other file, and takes no more than its size."""

import io
import json
import os
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest

from keras_s2s import (
    BahdanauAttention,
    CharacterTokenizer,
    Decoder,
    Encoder,
    LuongAttention,
    Seq2Seq,
    Translator,
)
from keras_s2s.files.artifact_folder import digest
from keras_s2s.text.tokenizers import load_tokenizer

Members = dict[str, bytes]
LAMBDA = {
    "module": "keras.layers",
    "class_name": "Lambda",
    "config": {"name": "lambda", "function": "import os"},
    "registered_name": None,
}


ATTENTIONS: dict[str, Callable[[], Any]] = {
    "none": lambda: None,
    "bahdanau": lambda: BahdanauAttention(3),
    "general": lambda: LuongAttention(40, score="general"),
    "dot": lambda: LuongAttention(40, score="dot"),
    "concat": lambda: LuongAttention(40, score="concat"),
    "location": lambda: LuongAttention(40, score="location", maximum_source_length=90),
    "local": lambda: LuongAttention(40, local="predictive", window=10**6),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A translator's folder to damage."""
    keras.utils.set_random_seed(1)
    tokenizer = CharacterTokenizer.train(["abc"])
    size = tokenizer.vocabulary_size
    decoder = Decoder(size, 40, attention=ATTENTIONS["location"]())
    model = Seq2Seq(Encoder(size, 40), decoder)
    Translator(model, tokenizer, tokenizer, samples=["abc"]).save(tmp_path / "model")
    return tmp_path / "model"


def trust(folder: Path) -> None:
    """Makes the digests fit the files as they are, which whoever changes a file can do."""
    path = folder / "translator.json"
    description = json.loads(path.read_bytes())
    description["sha256"] = {name: digest(folder / name) for name in description["sha256"]}
    path.write_text(json.dumps(description))


def rewrite(folder: Path, change: Callable[[Members], Any], packing: int = 0) -> None:
    """Changes what is in the archive."""
    path = folder / "model.keras"
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    with zipfile.ZipFile(path, "w", packing) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    trust(folder)


def config(change: Callable[[dict[str, Any]], Any]) -> Callable[[Members], None]:
    """A change of the configuration."""

    def do(members: Members) -> None:
        found = json.loads(members["config.json"])
        change(found["config"])
        members["config.json"] = json.dumps(found).encode()

    return do


def size(side: str, name: str, value: Any) -> Callable[[Members], None]:
    return config(lambda found: found[side]["config"].update({name: value}))


def weights(change: Callable[[h5py.File], Any]) -> Callable[[Members], None]:
    """A change of the file of the weights."""

    def do(members: Members) -> None:
        data = io.BytesIO(members["model.weights.h5"])
        with h5py.File(data, "r+") as file:
            change(file)
        members["model.weights.h5"] = data.getvalue()

    return do


def put(name: str, value: Any) -> Callable[[h5py.File], Any]:
    """Another thing in the place of an array."""

    def do(file: h5py.File) -> None:
        group = file["layers/encoder/embedding/vars"]
        assert isinstance(group, h5py.Group)
        del group["0"]
        value(group, name)

    return do


def virtual(group: h5py.Group, name: str) -> None:
    layout = h5py.VirtualLayout(shape=(7, 8), dtype="f4")
    layout[:] = h5py.VirtualSource("/etc/passwd", "x", shape=(7, 8))
    group.create_virtual_dataset(name, layout)


def link(group: h5py.Group, name: str) -> None:
    group[name] = h5py.ExternalLink("/etc/passwd", "/")


def soft(group: h5py.Group, name: str) -> None:
    group[name] = h5py.SoftLink("/layers/decoder/embedding/vars/0")


def outer(group: h5py.Group, name: str) -> None:
    file = [("/etc/passwd", 0, h5py.h5f.UNLIMITED)]
    group.create_dataset(name, (7, 8), "f4", external=file)


def packed(group: h5py.Group, name: str) -> None:
    group.create_dataset(name, (2**14, 2**14), "f4", compression="gzip", chunks=(2**7, 2**14))


def empty(group: h5py.Group, name: str) -> None:
    group.create_dataset(name, (2**20, 2**20), "f4")


def endless(file: h5py.File) -> None:
    file["layers/again"] = file["layers"]


ENEMIES: dict[str, tuple[Callable[[Members], Any], str]] = {
    "a function": (config(lambda c: c.update(encoder=LAMBDA)), "the class keras.layers.Lambda"),
    "a function inside": (
        config(lambda c: c["decoder"]["config"].update(scheduled_sampling=LAMBDA)),
        "the class keras.layers.Lambda",
    ),
    "a class that reads files": (
        config(lambda c: c["encoder"].update(module="keras.layers", class_name="StringLookup")),
        "the class keras.layers.StringLookup",
    ),
    "another module": (
        config(lambda c: c["encoder"].update(module="os")),
        "the class os.Encoder",
    ),
    "another name": (
        config(lambda c: c["encoder"].update(registered_name="keras>Lambda")),
        "Encoder under another name",
    ),
    "a path upward": (lambda members: members.update({"../x": b""}), "instead of config.json"),
    "an absolute path": (lambda members: members.update({"/tmp/x": b""}), "instead of config"),
    "assets": (lambda members: members.update({"assets/x": b"x"}), "instead of config.json"),
    "pickled weights": (
        lambda members: members.update({"model.weights.npz": members.pop("model.weights.h5")}),
        "instead of config.json",
    ),
    "a large configuration": (
        lambda members: members.update({"config.json": b" " * 2**21}),
        "config.json of 2,097,152 bytes",
    ),
    "a deep configuration": (
        lambda members: members.update({"config.json": b"[" * 10**5}),
        "recursion",
    ),
    "units without weights": (size("decoder", "units", 10**6), "without the weights"),
    "words without weights": (size("encoder", "vocabulary_size", 10**9), "without the weights"),
    "layers without weights": (size("encoder", "num_layers", 10**6), "1,000,000 layers"),
    "a dimension without weights": (
        size("decoder", "embedding_dimension", 10**9),
        "without the weights",
    ),
    "no number": (size("decoder", "units", 8.0), r"sizes \["),
    "attention without weights": (
        config(lambda c: c["decoder"]["config"]["attention"]["config"].update(units=10**9)),
        "without the weights",
    ),
    "places without weights": (
        config(
            lambda c: c["decoder"]["config"]["attention"]["config"].update(
                maximum_source_length=10**9
            )
        ),
        "without the weights",
    ),
    "a shape without weights": (
        config(
            lambda c: c["decoder"]["config"]["attention"]["build_config"]["shapes_dict"].update(
                query_shape=[None, 10**9]
            )
        ),
        "without the weights",
    ),
    "weights elsewhere": (weights(put("0", link)), "the link 0"),
    "a link inside": (weights(put("0", soft)), "the link 0"),
    "weights of another file": (weights(put("0", outer)), "no plain array"),
    "weights of a view": (weights(put("0", virtual)), "no plain array"),
    "packed weights": (weights(put("0", packed)), "no plain array"),
    "weights that are not there": (weights(put("0", empty)), "arrays of"),
    "weights within themselves": (weights(endless), "more names than|recursion"),
    "texts for weights": (
        weights(put("0", lambda group, name: group.create_dataset(name, data=b"text"))),
        "no plain array",
    ),
}


@pytest.mark.parametrize("enemy", ENEMIES)
def test_a_model_that_nobody_saved_is_refused_before_it_is_made(folder: Path, enemy: str) -> None:
    change, message = ENEMIES[enemy]
    rewrite(folder, change)
    with pytest.raises(ValueError, match=message) as told:
        Translator.load(folder)
    assert "\n" not in str(told.value)
    assert str(told.value).startswith("The model can't be read. Received: ")


def test_an_archive_that_is_packed_is_refused_before_it_fills_the_memory(folder: Path) -> None:
    bomb = {"model.weights.h5": bytes(2**26)}
    rewrite(folder, lambda members: members.update(bomb), zipfile.ZIP_DEFLATED)
    assert (folder / "model.keras").stat().st_size < 2**20
    with pytest.raises(ValueError, match="is packed, which Keras does not do"):
        Translator.load(folder)


def test_a_name_twice_in_an_archive_is_refused(folder: Path) -> None:
    with warnings.catch_warnings(), zipfile.ZipFile(folder / "model.keras", "a") as archive:
        warnings.simplefilter("ignore")
        archive.writestr("config.json", "{}")
    trust(folder)
    with pytest.raises(ValueError, match="instead of"):
        Translator.load(folder)


@pytest.mark.parametrize(
    "name",
    ["translator.json", "model.keras", "samples.json", "source_tokenizer/tokenizer.json"],
)
def test_a_link_out_of_the_folder_is_refused_and_one_inside_is_followed(
    folder: Path, name: str
) -> None:
    outside = folder.parent / "outside"
    (folder / name).rename(outside)
    (folder / name).symlink_to(outside)
    with pytest.raises(ValueError, match="must be a file in its folder"):
        Translator.load(folder)
    (folder / name).unlink()
    outside.rename((folder / name).with_name("moved"))
    (folder / name).symlink_to("moved")
    assert Translator.load(folder).source_tokenizer.encode("a")


def test_a_folder_that_is_a_link_out_of_the_folder_is_refused(folder: Path) -> None:
    (folder / "source_tokenizer").rename(folder.parent / "outside")
    (folder / "source_tokenizer").symlink_to(folder.parent / "outside")
    with pytest.raises(ValueError, match="must be a file in its folder"):
        Translator.load(folder)


@pytest.mark.parametrize("name", ["translator.json", "model.keras"])
def test_a_pipe_or_a_ring_of_links_does_not_hang(folder: Path, name: str) -> None:
    (folder / name).unlink()
    os.mkfifo(folder / name)
    with pytest.raises(ValueError, match="must be a file in its folder"):
        Translator.load(folder)
    (folder / name).unlink()
    (folder / name).symlink_to(name)
    with pytest.raises((ValueError, OSError), match="Too many levels of symbolic links"):
        Translator.load(folder)


def test_a_description_of_any_size_is_not_read(folder: Path) -> None:
    for name, load in (
        ("translator.json", lambda: Translator.load(folder)),
        ("source_tokenizer/tokenizer.json", lambda: load_tokenizer(folder / "source_tokenizer")),
    ):
        os.truncate(folder / name, 2**40)  # Of zeros that take no place on the disk.
        with pytest.raises(ValueError, match="must have at most .* Received: 1,099,511,627,776"):
            load()
        os.truncate(folder / name, 0)


@pytest.mark.parametrize("attention", ATTENTIONS)
@pytest.mark.parametrize("cell", ["rnn", "lstm"])
def test_the_least_weights_of_every_kind_of_model_are_enough(
    tmp_path: Path, cell: str, attention: str
) -> None:
    tokenizer = CharacterTokenizer.train(["a"])
    encoder = Encoder(5, 40, embedding_dimension=1, num_layers=2, cell=cell)
    kind: dict[str, Any] = {"embedding_dimension": 1, "num_layers": 2, "cell": cell}
    decoder = Decoder(5, 40, attention=ATTENTIONS[attention](), **kind)
    Translator(Seq2Seq(encoder, decoder), tokenizer, tokenizer).save(tmp_path / "model")
    loaded = Translator.load(tmp_path / "model")
    assert all(np.isfinite(array).all() for array in loaded.model.get_weights())
