"""The table of formats, and what a format of one's own takes."""

import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

from keras_s2s import export
from keras_s2s.cli.models import load_translator
from keras_s2s.export import formats
from keras_s2s.export.artifact import read_manifest
from keras_s2s.export.formats import FORMATS, Format, Reference
from keras_s2s.files.artifact_folder import digest
from keras_s2s.special_ids import SPECIAL_IDS
from keras_s2s.text.tokenizers import CharacterTokenizer


@pytest.mark.parametrize("form", FORMATS.values(), ids=FORMATS)
def test_a_format_names_what_there_is(form: Format) -> None:
    import keras_s2s.export.onnx.runtime
    import keras_s2s.export.saved_model.serving_operations  # noqa: F401

    assert getattr(export, form.name) is form.export.load()  # Not its folder.
    assert getattr(export, form.runner.name) is form.runner.load()
    assert form.runner.load().kind == form.name
    code = form.check.load().__code__
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    assert names == ("folder", *form.options)
    for reference in (form.is_sound, form.next_step):
        assert reference is None or callable(reference.load())


def test_a_name_that_is_no_runner_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'CoreMLTranslator'"):
        export.CoreMLTranslator  # pyright: ignore[reportAttributeAccessIssue]  # noqa: B018


class Echo:
    """A runner that finds nothing to translate."""

    def __init__(self, folder: Path) -> None:
        self.manifest = read_manifest(folder)

    def translate(self, texts: list[str], **_: object) -> list[str]:
        return texts


@pytest.fixture
def echo(monkeypatch: pytest.MonkeyPatch) -> Format:
    """A format of one module and one row."""
    module = ModuleType("keras_s2s.export.echo")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(module, "Echo", Echo, raising=False)
    row = Format(
        name="echo",
        export=Reference("echo", "echo"),
        check=Reference("echo", "check_echo"),
        runner=Reference("echo", "Echo"),
        options=("loud",),
        files=frozenset({"echo.bin"}),
        extra="echo",
        packages={"no_such_package": "Echoes are made by no-such-package"},
    )
    for module in (formats, sys.modules["keras_s2s.export.artifact"]):
        monkeypatch.setattr(module, "FORMATS", {**FORMATS, "echo": row})
    return row


def write(folder: Path) -> None:
    tokenizer = CharacterTokenizer.train(["abc"])
    for side in ("source", "target"):
        tokenizer.save(folder / f"{side}_tokenizer")
    (folder / "echo.bin").write_bytes(b"echo")
    tensors = {"inputs": {"token": {"shape": [1]}}, "outputs": {"logits": {"shape": [1, 7]}}}
    files = [path for path in folder.rglob("*") if path.is_file()]
    manifest = {
        "format": "keras-s2s export",
        "format_version": 1,
        "kind": "echo",
        "special_ids": SPECIAL_IDS,
        "options": {
            "beam_size": 5,
            "length_penalty": 1.0,
            "coverage_penalty": 0.0,
            "maximum_source_length": 10,
        },
        "tokenizers": {"source": "source_tokenizer", "target": "target_tokenizer"},
        "signatures": {"encode": tensors, "decode_step": tensors},
        "sha256": {path.relative_to(folder).as_posix(): digest(path) for path in files},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")


def test_a_row_is_all_that_reading_and_running_a_format_takes(echo: Format, tmp_path: Path) -> None:
    write(tmp_path)
    assert read_manifest(tmp_path)["kind"] == "echo"
    assert isinstance(load_translator(tmp_path), Echo)
    (tmp_path / "echo.bin").unlink()
    with pytest.raises(ValueError, match="missing or damaged"):
        read_manifest(tmp_path)


def test_a_format_without_a_row_is_not_read(tmp_path: Path) -> None:
    write(tmp_path)
    with pytest.raises(ValueError, match="damaged"):
        read_manifest(tmp_path)


def test_a_missing_package_is_named_with_the_extra(echo: Format) -> None:
    with pytest.raises(ImportError, match=r"no-such-package. Install it: .*'keras-s2s\[echo\]'"):
        echo.check_installed()
