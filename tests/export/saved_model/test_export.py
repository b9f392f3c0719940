"""What is written for TensorFlow Serving runs, agrees, and is what it says it is."""

import csv
import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

pytest.importorskip("tensorflow_serving", reason="tensorflow-serving-api is not installed.")
pytest.importorskip("tensorflow_text", reason="tensorflow-text is not installed.")

from keras_s2s import (
    Beam,
    CharacterTokenizer,
    Decoder,
    Encoder,
    LuongAttention,
    Seq2Seq,
    Translator,
    export,
    load_tokenizer,
)
from keras_s2s.export.artifact import read_manifest, versions_in
from keras_s2s.export.saved_model.runtime import load_saved_model, signature_runner
from keras_s2s.export.saved_model.serving_files import docker_command
from keras_s2s.files.artifact_folder import digest

TEXTS = ["abc", "한국 é", "", "j", "hhhhhhhhhhhh", "gab"]


@pytest.fixture(scope="module")
def translator(make: Callable) -> Translator:
    return make("general", input_feeding=True)


@pytest.fixture(scope="module")
def exported(exported_as: Callable[[str], Path]) -> Path:
    return exported_as("saved_model")


@pytest.fixture
def copied(exported: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(exported, tmp_path / "model"))


@pytest.mark.slow  # Two exports of a vocabulary of 5,000; a share of 22 s is its proof.
@pytest.mark.parametrize("beam_size", [1, 5])
def test_a_large_vocabulary_which_is_searched_in_parts_is_served(
    tmp_path: Path, beam_size: int
) -> None:
    keras.utils.set_random_seed(1)
    tokenizer = CharacterTokenizer.train(["".join(map(chr, range(0x4E00, 0x4E00 + 5000)))])
    size = tokenizer.vocabulary_size
    decoder = Decoder(size, 8, attention=LuongAttention(8), tie_embeddings=False)
    translator = Translator(
        Seq2Seq(Encoder(size, 8), decoder), tokenizer, tokenizer, search=Beam(beam_size)
    )
    manifest = export.saved_model(translator, tmp_path / "export", samples=["一丁丂七", "丄"])
    assert [one["share"] for one in manifest["parity"].values()] == [1.0, 1.0]
    assert manifest["oldest_serving"] == "2.12"
    alone = export.SavedModelTranslator(tmp_path / "export")
    assert alone.translate(["一丁", "丂"]) == translator.translate(["一丁", "丂"])


def test_the_batch_comes_first_in_every_input_and_output(exported: Path) -> None:
    signatures = read_manifest(exported)["signatures"]
    assert set(signatures) == {"serving_default", "beam_search", "align", "encode", "decode_step"}
    for signature in signatures.values():
        for tensors in signature.values():
            assert {tensor["shape"][0] for tensor in tensors.values()} == {None}
        assert not set(signature["inputs"]) & set(signature["outputs"])
        texts = [n for n, one in signature["outputs"].items() if one["dtype"] == "string"]
        assert not any(name.endswith("_bytes") for name in texts)  # REST would say base64.


def test_what_it_says_of_itself_is_what_the_signatures_take_and_give(exported: Path) -> None:
    loaded = load_saved_model(exported / "1")
    for name, said in read_manifest(exported)["signatures"].items():
        call = loaded.signatures[name]
        for side, found in (
            ("inputs", call.structured_input_signature[1]),
            ("outputs", call.structured_outputs),
        ):
            described = {
                key: {"dtype": one.dtype.name, "shape": one.shape.as_list()}
                for key, one in found.items()
            }
            assert described == said[side]


def test_missing_answers_are_empty_and_scores_finite_for_json(exported: Path) -> None:
    run = signature_runner(load_saved_model(exported / "1"))
    found = run("beam_search", {"text": np.array([b" ", b"abc"], object)})
    assert found["translations"][0].tolist() == [b""] * 5
    assert np.isfinite(found["scores"]).all() and np.isfinite(found["log_probabilities"]).all()
    assert found["scores"][0, 0] == 0 and (found["scores"][0, 1:] < -1e38).all()
    assert (np.diff(found["scores"][1]) <= 0).all()


def test_tokenizers_travel_as_assets(translator: Translator, exported: Path) -> None:
    tokenizer = load_tokenizer(exported / "1" / "assets" / "source_tokenizer")
    assert tokenizer.encode("abc é") == translator.source_tokenizer.encode("abc é")


@pytest.fixture(scope="module")
def short(translator: Translator) -> Translator:
    """One that takes 4 tokens."""
    parts = translator.model, translator.source_tokenizer, translator.target_tokenizer
    return Translator(*parts, maximum_source_length=4, search=Beam(2))


@pytest.fixture(scope="module")
def short_exported(short: Translator, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """In a folder whose name is of characters with a meaning."""
    folder = tmp_path_factory.mktemp("short") / 'a "model": 한국, x'
    with pytest.MonkeyPatch.context() as patch:
        skip_verification(patch)
        export.saved_model(short, folder, samples=["abc"])
    return folder


def skip_verification(patch: pytest.MonkeyPatch) -> None:
    """Leave out what takes half of the time of an export, for tests of the other half."""
    module = sys.modules["keras_s2s.export.saved_model.export"]
    patch.setattr(module, "_verify", lambda *_: {})


@pytest.mark.slow  # An export of its own: 12 s.
def test_texts_longer_than_the_translator_takes_are_cut_as_there(
    short: Translator, short_exported: Path
) -> None:
    run = signature_runner(load_saved_model(short_exported / "1"))
    found = run("serving_default", {"text": np.array([b"abcdefgh"], object)})
    assert [text.decode() for text in found["translation"]] == short.translate(["abc"])


@pytest.mark.slow  # An export of its own: 11 s.
def test_the_next_export_is_the_next_version_and_the_highest_is_taken(
    translator: Translator, make: Callable, copied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    skip_verification(monkeypatch)
    (copied / "batching_parameters.txt").write_text("mine")
    other = make("general", input_feeding=True, seed=2)
    shutil.copytree(copied / "1", copied / "9")
    assert export.saved_model(other, copied, samples=["abc"])["version"] == 10
    assert versions_in(copied) == [10, 9, 1]
    assert export.SavedModelTranslator(copied).manifest["version"] == 10
    assert export.SavedModelTranslator(copied / "1").translate(TEXTS) == translator.translate(TEXTS)
    assert (copied / "batching_parameters.txt").read_text() == "mine"


def test_a_version_that_a_killed_process_moved_aside_is_found(copied: Path) -> None:
    (copied / "1").rename(copied / ".1.previous")
    assert export.SavedModelTranslator(copied).manifest["version"] == 1


@pytest.mark.slow  # An export in another process: 7 s.
def test_a_crash_in_the_middle_leaves_the_old_version(
    translator: Translator, copied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {path: path.read_bytes() for path in copied.rglob("*") if path.is_file()}

    def stop(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    # Before the verification, which takes longest; `test_artifact` stops after it.
    monkeypatch.setattr(sys.modules["keras_s2s.export.saved_model.export"], "_verify", stop)
    with pytest.raises(KeyboardInterrupt):
        export.saved_model(translator, copied, version=1, samples=["abc"])
    assert {path: path.read_bytes() for path in copied.rglob("*") if path.is_file()} == before


@pytest.mark.slow  # An export of its own; the rule is also in export/test_parity.py.
def test_a_model_that_does_not_agree_is_not_written(
    translator: Translator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from keras_s2s.export.saved_model import runtime

    monkeypatch.setattr(
        runtime,
        "signature_runner",
        lambda loaded: lambda name, inputs: shifted(signature_runner(loaded)(name, inputs)),
    )
    with pytest.raises(ValueError, match="The export and the model must agree, in the saved_model"):
        export.saved_model(translator, tmp_path / "on" / "the" / "way", samples=["abc"])
    assert os.listdir(tmp_path) == []


def shifted(found: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    if "next_token" in found:
        found["next_token"] = np.where(found["next_token"] == 4, 5, 4).astype("int32")
    return found


@pytest.mark.parametrize(
    ("version", "error", "message"),
    [
        (0, ValueError, "`version` must be from 1"),
        (2**63, ValueError, "`version` must be from 1"),
        ("1", TypeError, "`version` must be a whole number"),
        (True, TypeError, "`version` must be a whole number"),
    ],
)
def test_what_is_no_version_is_told(
    translator: Translator, tmp_path: Path, version: Any, error: type, message: str
) -> None:
    with pytest.raises(error, match=message):
        export.saved_model(translator, tmp_path / "export", version=version)


@pytest.mark.parametrize("name", ["007", "0", "papers", "1.txt"])
def test_a_folder_of_something_else_is_left_alone(
    translator: Translator, tmp_path: Path, name: str
) -> None:
    (tmp_path / "export" / name).mkdir(parents=True)
    with pytest.raises(ValueError, match=f"which holds '{name}'"):
        export.saved_model(translator, tmp_path / "export")


def test_a_version_that_is_a_link_is_left_alone(translator: Translator, copied: Path) -> None:
    (copied / "5").symlink_to(copied / "1")
    with pytest.raises(ValueError, match="must not be a link"):
        export.saved_model(translator, copied, version=5)


def test_after_the_last_version_there_is_none(translator: Translator, tmp_path: Path) -> None:
    (tmp_path / "export" / str(2**63 - 1)).mkdir(parents=True)
    with pytest.raises(ValueError, match="No version comes after the highest"):
        export.saved_model(translator, tmp_path / "export")


@pytest.mark.slow  # An export of its own: 6 s.
def test_of_two_exports_at_once_the_second_is_told(
    translator: Translator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from keras_s2s.export.saved_model import serving_operations

    def meanwhile(_: Path) -> str:
        (tmp_path / "export" / "1").mkdir()
        return "2.12"

    monkeypatch.setattr(serving_operations, "oldest_serving", meanwhile)
    skip_verification(monkeypatch)
    with pytest.raises(ValueError, match="another export has written it meanwhile"):
        export.saved_model(translator, tmp_path / "export", samples=["abc"])
    assert os.listdir(tmp_path / "export" / "1") == []


@pytest.mark.parametrize("form", [export.saved_model, export.litert, export.onnx])
def test_what_is_no_translator_and_what_are_no_samples_is_told(
    form: Callable, translator: Translator, tmp_path: Path
) -> None:
    with pytest.raises(TypeError, match="`translator` must be a keras_s2s.Translator"):
        form(translator.model, tmp_path / "export")
    for samples in ("abc", 5, [5]):
        with pytest.raises(TypeError, match="`samples` must be"):
            form(translator, tmp_path / "export", samples=samples)


def test_a_proof_needs_a_text(translator: Translator, tmp_path: Path) -> None:
    parts = translator.model, translator.source_tokenizer, translator.target_tokenizer
    with pytest.raises(ValueError, match="none of at most 1 tokens"):
        export.saved_model(
            Translator(*parts, maximum_source_length=1), tmp_path / "export", samples=["abc"]
        )


def test_a_penalty_beyond_all_measure_is_no_error(exported: Path) -> None:
    alone = export.SavedModelTranslator(exported)
    found = [best for (best,) in alone.stream(TEXTS, search=Beam(2, length_penalty=1e29))]
    longer = [one for one in found if len(one.target_pieces) > 1]
    assert longer and all(one.score == 0 for one in longer)


def test_a_tokenizer_of_another_model_is_told(copied: Path) -> None:
    target = copied / "1" / "assets" / "target_tokenizer"
    CharacterTokenizer.train(["xyz"]).save(target)
    manifest = json.loads((copied / "1" / "manifest.json").read_text(encoding="utf-8"))
    for name in manifest["sha256"]:
        manifest["sha256"][name] = digest(copied / "1" / name)
    (copied / "1" / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(ValueError, match="need the same vocabulary"):
        export.SavedModelTranslator(copied)


def test_an_export_is_no_folder_of_versions(translator: Translator, exported: Path) -> None:
    with pytest.raises(ValueError, match="go into a folder of their versions.*which holds"):
        export.saved_model(translator, exported / "1")


def test_a_damaged_file_is_told(copied: Path) -> None:
    with (copied / "1" / "saved_model.pb").open("ab") as file:
        file.write(b"x")
    with pytest.raises(ValueError, match="missing or damaged"):
        export.SavedModelTranslator(copied)
    (copied / "1" / "saved_model.pb").write_bytes(b"no model")
    with pytest.raises(ValueError, match="can't be read"):
        load_saved_model(copied / "1")


def test_variables_that_are_cut_off_are_told(copied: Path) -> None:
    data = copied / "1" / "variables" / "variables.data-00000-of-00001"
    data.write_bytes(data.read_bytes()[:-1])
    with pytest.raises(ValueError, match="TensorFlow can't read the SavedModel"):
        load_saved_model(copied / "1")


def read_a_file(text: Any) -> Any:
    import tensorflow as tf

    return tf.io.read_file(text)


def print_to_a_file(text: Any) -> Any:
    import tensorflow as tf

    with tf.control_dependencies([tf.raw_ops.PrintV2(input=text, output_stream="file:///tmp/x")]):
        return tf.identity(text)


@pytest.mark.parametrize(
    ("reach", "named"), [(read_a_file, "ReadFile"), (print_to_a_file, "PrintV2")]
)
def test_a_program_that_reaches_out_is_not_loaded(
    reach: Callable, named: str, tmp_path: Path
) -> None:
    import tensorflow as tf

    module: Any = tf.Module()
    module.reach = tf.function(reach, input_signature=[tf.TensorSpec([], tf.string)])
    tf.saved_model.save(module, str(tmp_path))
    with pytest.raises(ValueError, match=f"nothing but what an export holds.*{named}"):
        load_saved_model(tmp_path)


@pytest.mark.parametrize("change", ["call", "objects", "saver", "graphs", "version 1"])
def test_functions_that_save_and_restore_cannot_be_reached(copied: Path, change: str) -> None:
    from tensorflow.core.protobuf import saved_model_pb2

    path = copied / "1" / "saved_model.pb"
    model = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    graph, objects = model.meta_graphs[0].graph_def, model.meta_graphs[0].object_graph_def
    names = [function.signature.name for function in graph.library.function]
    (saves,) = (name for name in names if "traced_save" in name)
    if change == "call":
        other = graph.library.function[names.index(next(n for n in names if "traced" not in n))]
        node = other.node_def.add(name="call", op="StatefulPartitionedCall")
        node.attr["f"].func.name = saves
    elif change == "objects":
        objects.nodes[0].saveable_objects["x"].save_function = 1
    elif change == "saver":
        objects.nodes[0].registered_saver = "x"
    elif change == "graphs":
        model.meta_graphs.add().CopyFrom(model.meta_graphs[0])
    else:
        objects.Clear()
    path.write_bytes(model.SerializeToString())
    with pytest.raises(ValueError, match="must hold nothing but what an export holds"):
        load_saved_model(copied / "1")


@pytest.mark.slow  # Another process with TensorFlow: 10 s.
def test_it_translates_where_keras_is_not_imported(translator: Translator, exported: Path) -> None:
    program = (
        "import sys; from keras_s2s import Beam\n"
        "from keras_s2s.export import SavedModelTranslator\n"
        f"alone = SavedModelTranslator({str(exported)!r})\n"
        "print(alone.translate(['abc', 'gab'], search=Beam(2)))\n"
        "print(sorted({'keras_s2s.model', 'keras_s2s.layers.decoder'} & set(sys.modules)))"
    )
    finished = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    expected = translator.translate(["abc", "gab"], search=Beam(2))
    assert finished.stdout.splitlines() == [str(expected), "[]"]


@pytest.mark.slow  # An export of its own: 9 s.
def test_the_configuration_names_the_folder_whatever_its_name(
    translator: Translator, short_exported: Path, tmp_path: Path
) -> None:
    from google.protobuf import text_format
    from tensorflow_serving.config import model_server_config_pb2

    folder = short_exported
    config = model_server_config_pb2.ModelServerConfig()
    text_format.Parse((folder / "models.config").read_text(encoding="utf-8"), config)
    (one,) = config.model_config_list.config
    assert (one.name, one.base_path) == (folder.name, f"/models/{folder.name}")
    words = shlex.split(docker_command(folder, "2.19.1"))
    ((*_, source, target, readonly),) = csv.reader([words[words.index("--mount") + 1]])
    assert (source, target) == (f"source={folder}", f"target=/models/{folder.name}")
    assert readonly == "readonly"
    with pytest.raises(ValueError, match="must be printable"):
        export.saved_model(translator, tmp_path / "a\nb")
    assert json.loads((folder / "1" / "manifest.json").read_text())["version"] == 1
