"""What is written for TensorFlow Serving runs, agrees, and is what it says it is."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("tensorflow_serving", reason="tensorflow-serving-api is not installed.")
pytest.importorskip("tensorflow_text", reason="tensorflow-text is not installed.")

from keras_s2s import Translator, export, load_tokenizer
from keras_s2s.export.artifact import read_manifest, versions_in
from keras_s2s.export.saved_model_runtime import load_saved_model, signature_runner
from keras_s2s.export.serving_files import docker_command

TEXTS = ["abc", "한국 é", "", "j", "hhhhhhhhhhhh", "gab"]


@pytest.fixture(scope="module")
def translator(make: Callable) -> Translator:
    return make("general", input_feeding=True)


@pytest.fixture(scope="module")
def exported(translator: Translator, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported") / "model"
    export.saved_model(translator, folder, samples=TEXTS)
    return folder


@pytest.fixture
def copied(exported: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(exported, tmp_path / "model"))


def check_export(translator: Translator, folder: Path) -> None:
    manifest = export.saved_model(translator, folder, samples=TEXTS)
    assert [one["share"] for one in manifest["parity"].values()] == [1.0, 1.0]
    assert manifest["oldest_serving"] == "2.12"
    sizes = manifest["bytes"]
    assert sizes["weights"] < sizes["variables"] < sizes["weights"] + 10_000  # Once, not twice.
    has_attention = translator.model.decoder.attention is not None
    assert ("align" in manifest["signatures"]) == has_attention
    alone = export.SavedModelTranslator(folder)
    for beam_size in (1, 3):
        assert alone.translate(TEXTS, beam_size=beam_size) == translator.translate(
            TEXTS, beam_size=beam_size
        )


def test_every_kind_of_model_exports_and_answers_as_the_translator(
    make: Callable, sample_shape: dict[str, Any], tmp_path: Path
) -> None:
    check_export(make(**sample_shape), tmp_path / "export")


@pytest.mark.slow
def test_the_whole_grid_exports_and_answers_as_the_translator(
    make: Callable, grid_shape: dict[str, Any], tmp_path: Path
) -> None:
    check_export(make(**grid_shape), tmp_path / "export")


def test_tied_embeddings_are_saved_once(make: Callable, tmp_path: Path) -> None:
    translator = make("dot", tie_embeddings=True)
    sizes = export.saved_model(translator, tmp_path / "export", samples=["abc"])["bytes"]
    assert sizes["variables"] < sizes["weights"] + 10_000


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


def test_texts_longer_than_the_translator_takes_are_cut_as_there(
    translator: Translator, tmp_path: Path
) -> None:
    parts = translator.model, translator.source_tokenizer, translator.target_tokenizer
    short = Translator(*parts, maximum_source_length=4, beam_size=2)
    export.saved_model(short, tmp_path / "export", samples=["abc"])
    run = signature_runner(load_saved_model(tmp_path / "export" / "1"))
    found = run("serving_default", {"text": np.array([b"abcdefgh"], object)})
    assert [text.decode() for text in found["translation"]] == short.translate(["abc"])


def test_the_next_export_is_the_next_version_and_the_highest_is_taken(
    translator: Translator, make: Callable, copied: Path
) -> None:
    (copied / "batching_parameters.txt").write_text("mine")
    other = make("general", input_feeding=True, seed=2)
    assert export.saved_model(other, copied, samples=["abc"])["version"] == 2
    assert export.saved_model(other, copied, version=10, samples=["abc"])["version"] == 10
    assert versions_in(copied) == [10, 2, 1]
    assert export.SavedModelTranslator(copied).manifest["version"] == 10
    assert export.SavedModelTranslator(copied / "1").translate(TEXTS) == translator.translate(TEXTS)
    assert (copied / "batching_parameters.txt").read_text() == "mine"


def test_a_version_that_a_killed_process_moved_aside_is_found(copied: Path) -> None:
    (copied / "1").rename(copied / ".1.previous")
    assert export.SavedModelTranslator(copied).manifest["version"] == 1


def test_a_crash_in_the_middle_leaves_the_old_version(
    translator: Translator, copied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {path: path.read_bytes() for path in copied.rglob("*") if path.is_file()}

    def stop(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr("keras_s2s.export.proof.write_golden_vectors", stop)
    with pytest.raises(KeyboardInterrupt):
        export.saved_model(translator, copied, version=1, samples=["abc"])
    assert {path: path.read_bytes() for path in copied.rglob("*") if path.is_file()} == before


def test_a_model_that_does_not_agree_is_not_written(
    translator: Translator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "keras_s2s.export.saved_model_runtime.signature_runner",
        lambda loaded: lambda name, inputs: shifted(signature_runner(loaded)(name, inputs)),
    )
    with pytest.raises(ValueError, match="The export and the model must agree, in the saved_model"):
        export.saved_model(translator, tmp_path / "export", samples=TEXTS)
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


def test_an_export_is_no_folder_of_versions(translator: Translator, exported: Path) -> None:
    with pytest.raises(ValueError, match="go into a folder of their versions.*which holds"):
        export.saved_model(translator, exported / "1")


def test_a_damaged_file_and_a_program_that_reaches_out_are_not_loaded(
    copied: Path, tmp_path: Path
) -> None:
    import tensorflow as tf

    with (copied / "1" / "saved_model.pb").open("ab") as file:
        file.write(b"x")
    with pytest.raises(ValueError, match="missing or damaged"):
        export.SavedModelTranslator(copied)

    module: Any = tf.Module()
    module.read = tf.function(tf.io.read_file, input_signature=[tf.TensorSpec([], tf.string)])
    tf.saved_model.save(module, str(tmp_path / "reads"))
    with pytest.raises(ValueError, match=r"must only compute.*ReadFile"):
        load_saved_model(tmp_path / "reads")
    (tmp_path / "reads" / "saved_model.pb").write_bytes(b"no model")
    with pytest.raises(ValueError, match="can't be read"):
        load_saved_model(tmp_path / "reads")


def test_it_translates_where_keras_is_not_imported(translator: Translator, exported: Path) -> None:
    program = (
        "import sys; from keras_s2s.export import SavedModelTranslator\n"
        f"print(SavedModelTranslator({str(exported)!r}).translate(['abc', 'gab'], beam_size=2))\n"
        "print(sorted({'keras_s2s.model', 'keras_s2s.layers.decoder'} & set(sys.modules)))"
    )
    finished = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    expected = translator.translate(["abc", "gab"], beam_size=2)
    assert finished.stdout.splitlines() == [str(expected), "[]"]


def test_the_configuration_names_the_folder_whatever_its_name(
    translator: Translator, tmp_path: Path
) -> None:
    from google.protobuf import text_format
    from tensorflow_serving.config import model_server_config_pb2

    folder = tmp_path / 'a "model" 한국'
    export.saved_model(translator, folder, samples=["abc"])
    config = model_server_config_pb2.ModelServerConfig()
    text_format.Parse((folder / "models.config").read_text(encoding="utf-8"), config)
    (one,) = config.model_config_list.config
    assert (one.name, one.base_path) == (folder.name, f"/models/{folder.name}")
    assert f"'{folder}:/models/{folder.name}:ro'" in docker_command(folder, "2.19.1")
    assert json.loads((folder / "1" / "manifest.json").read_text())["version"] == 1
