"""An export takes its place whole, whatever happens while it is written."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("tf2onnx", reason="tf2onnx is not installed.")
pytest.importorskip("onnxruntime", reason="ONNX Runtime is not installed.")

from keras_s2s import Greedy, Translator, export
from keras_s2s.cli.main import main
from keras_s2s.export.artifact import read_manifest
from keras_s2s.files.artifact_folder import digest
from keras_s2s.inference.limits import DEFAULT_LIMIT, LengthLimit
from keras_s2s.inference.pipeline_translator import PipelineTranslator
from keras_s2s.special_ids import END_ID


@pytest.fixture(scope="module")
def saved(make: Callable[..., Translator], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a translator."""
    folder = tmp_path_factory.mktemp("saved") / "model"
    make(attention="dot").save(folder)
    return folder


@pytest.fixture(scope="module")
def exported(saved: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported") / "on" / "the" / "way"
    export.onnx(Translator.load(saved), folder)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*.*")}


def exporting(saved: Path, goal: Path) -> subprocess.Popen:
    words = ["export", "--format", "onnx", "--model", str(saved), "--output", str(goal)]
    # A shell starts its background jobs with SIGINT ignored.
    program = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        f"from keras_s2s.cli.main import main; main({words!r})"
    )
    return subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def still_runs(process: subprocess.Popen) -> bool:
    try:
        process.wait(1)
    except subprocess.TimeoutExpired:
        return True
    return False


# KeyboardInterrupt without another process is in onnx/test_export.py.
@pytest.mark.slow  # An export in another process: 14 s.
@pytest.mark.parametrize(
    "kind", [signal.SIGKILL, pytest.param(signal.SIGINT, marks=pytest.mark.slow)]
)
def test_a_process_that_is_stopped_in_the_middle_leaves_the_old_export(
    saved: Path, exported: Path, tmp_path: Path, kind: signal.Signals
) -> None:
    goal = Path(shutil.copytree(exported, tmp_path / "export"))
    before = contents(goal)
    process = exporting(saved, goal)
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob(".export-*/new/encoder.onnx")):  # It has begun to write.
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(kind)
    while kind == signal.SIGINT and still_runs(process):  # tf2onnx swallows what it can.
        process.send_signal(kind)
    process.communicate()
    assert process.returncode != 0
    assert contents(goal) == before
    export.OnnxTranslator(goal)
    if kind == signal.SIGINT:
        assert os.listdir(tmp_path) == ["export"]


def test_a_manifest_of_somebody_elses_is_not_replaced(saved: Path, tmp_path: Path) -> None:
    text = json.dumps({"name": "my browser extension", "manifest_version": 3})
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(ValueError, match="which holds 'manifest.json'"):
        export.onnx(Translator.load(saved), tmp_path)
    assert (tmp_path / "manifest.json").read_text() == text


def trust(folder: Path) -> None:
    """Makes the digests fit the files as they are, which whoever changes a file can do."""
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    manifest["sha256"] = {name: digest(folder / name) for name in manifest["sha256"]}
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")


@pytest.mark.slow  # Another process: 8 s.
def test_a_model_that_the_runtime_cannot_read_is_told_in_the_error_alone(
    exported: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    whole = (exported / "encoder.onnx").read_bytes()
    for number, damaged in enumerate((whole[:999], whole.replace(b"Gather", b"\xff" * 6))):
        goal = Path(shutil.copytree(exported, tmp_path / str(number)))
        (goal / "encoder.onnx").write_bytes(damaged)
        trust(goal)
        with pytest.raises(ValueError, match="ONNX Runtime can't read the model"):
            export.OnnxTranslator(goal)
    assert capfd.readouterr().out == ""


def test_weights_outside_of_the_folder_are_not_read(exported: Path, tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    goal = Path(shutil.copytree(exported, tmp_path / "export"))
    model = onnx.load(goal / "encoder.onnx")
    largest = max(model.graph.initializer, key=lambda tensor: len(tensor.raw_data))
    (tmp_path / "secret.txt").write_bytes(largest.raw_data)
    onnx.external_data_helper.set_external_data(largest, "../secret.txt")
    largest.ClearField("raw_data")
    (goal / "encoder.onnx").write_bytes(model.SerializeToString())
    trust(goal)
    with pytest.raises(ValueError, match="ONNX Runtime can't read the model"):
        export.OnnxTranslator(goal)


def test_a_model_that_fails_or_gives_no_numbers_is_told(
    exported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    translator = export.OnnxTranslator(exported)

    def broken(*_: object, **__: object) -> list:
        raise RuntimeError("a shape of the file's own")

    for decode, message in (
        (broken, "a shape of the file's own"),
        (lambda *_, **__: [], "none to"),
    ):
        monkeypatch.setattr(translator, "decode", decode)
        with pytest.raises(ValueError, match=message):
            translator.translate(["a"])


@pytest.mark.parametrize("name", ["manifest.json", "encoder.onnx", "source_tokenizer"])
def test_a_link_out_of_an_export_is_refused(exported: Path, tmp_path: Path, name: str) -> None:
    goal = Path(shutil.copytree(exported, tmp_path / "export"))
    (goal / name).rename(tmp_path / "outside")
    (goal / name).symlink_to(tmp_path / "outside")
    with pytest.raises(ValueError, match="must be a file in its folder"):
        export.OnnxTranslator(goal)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 kB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("A disk can be mounted by root alone.")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.slow  # Another export: 5 s.
def test_a_full_disk_is_one_line_and_leaves_the_old_export(
    saved: Path, small_disk: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    goal = small_disk / "export"
    goal.mkdir()
    old = {"format": "keras-s2s export", "sha256": {}}
    (goal / "manifest.json").write_text(json.dumps(old))
    with pytest.raises(SystemExit) as left:
        main(["export", "--format", "onnx", "--model", str(saved), "--output", str(goal)])
    assert left.value.code == 2
    error = capfd.readouterr().err.splitlines()
    assert error[-1].startswith("error: ") and "No space left on device" in error[-1]
    assert sorted(path.name for path in small_disk.rglob("*")) == ["export", "manifest.json"]


@pytest.mark.slow  # Another export: 5 s.
def test_folders_on_the_way_go_where_the_export_does_not_come(
    saved: Path, exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    translator = Translator.load(saved)

    def stop(*_: object, **__: object) -> None:
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr("keras_s2s.export.parity.write_golden_vectors", stop)
        with pytest.raises(OSError, match="no space left"):
            export.onnx(translator, tmp_path / "on" / "the" / "way", samples=["a"])
        assert os.listdir(tmp_path) == []
    assert os.listdir(exported.parent) == ["way"]


def longest_translation(folder: Path) -> int:
    """In tokens, of a source of three, by a model that never chooses the end mark."""
    translator = export.OnnxTranslator(folder)
    run = translator._run

    def endless(name: str, inputs: dict[str, Any]) -> dict[str, Any]:
        found = run(name, inputs)
        if "logits" in found:
            found["logits"][:, END_ID] = -1e9
        return found

    translator._run = endless
    ((best,),) = translator.stream(["ab"], search=Greedy())
    return len(best.target_pieces)


def test_a_manifest_records_the_default_limit(exported: Path) -> None:
    assert read_manifest(exported)["default_limit"] == {"factor": 3, "constant": 20}
    assert longest_translation(exported) == DEFAULT_LIMIT.tokens(3)


def change_limit(exported: Path, tmp_path: Path, limit: dict[str, int] | None) -> Path:
    """A copy of an export with another default limit; `None` for an older export without one."""
    goal = Path(shutil.copytree(exported, tmp_path / "export"))
    manifest = json.loads((goal / "manifest.json").read_text(encoding="utf-8"))
    del manifest["default_limit"]
    if limit is not None:
        manifest["default_limit"] = limit
    (goal / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return goal


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        ({"factor": 1, "constant": 2}, 5),
        ({"factor": 0, "constant": 1}, 1),
        ({"factor": 10, "constant": 1000}, 1030),
        (None, 3 * 3 + 20),
    ],
    ids=str,
)
def test_the_limit_is_the_one_of_the_manifest(
    exported: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    limit: dict[str, int] | None,
    expected: int,
) -> None:
    # A later default must not change what an export does.
    monkeypatch.setattr("keras_s2s.export.artifact.DEFAULT_LIMIT", LengthLimit(5, 7))
    monkeypatch.setattr(PipelineTranslator, "default_limit", LengthLimit(5, 7))
    assert longest_translation(change_limit(exported, tmp_path, limit)) == expected


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "coreml"},
        {"kind": ["onnx"]},
        {"format_version": 99},
        {"sha256": []},
        {"sha256": {"../../etc/passwd": "0"}},
        {"sha256": {"encoder.onnx": 5}},
        {"signatures": 5},
        {"signatures": {"decode_step": []}},
        {
            "signatures": {
                "encode": {"inputs": {}, "outputs": {}},
                "decode_step": {"inputs": {}, "outputs": {"logits": "float32"}},
            }
        },
        {
            "signatures": {
                "encode": {"inputs": {}, "outputs": {}},
                "decode_step": {"inputs": {}, "outputs": {"logits": {"shape": 5.0}}},
            }
        },
        {"options": {"beam_size": "five"}},
        {"default_limit": None},
        {"default_limit": 20},
        {"default_limit": {}},
        {"default_limit": {"factor": 3}},
        {"default_limit": {"factor": 3, "constant": 20, "least": 5}},
        {"default_limit": {"factor": "3", "constant": 20}},
        {"default_limit": {"factor": True, "constant": 20}},
        {"default_limit": {"factor": 3.0, "constant": 20}},
        {"default_limit": {"factor": -1, "constant": 20}},
        {"default_limit": {"factor": 11, "constant": 20}},
        {"default_limit": {"factor": 3, "constant": 0}},
        {"default_limit": {"factor": 3, "constant": 1001}},
        {"special_ids": {"pad": 7}},
        {"tokenizers": {"source": "/etc", "target": "/etc"}},
        {"tokenizers": {"source": "../secret", "target": "target_tokenizer"}},
        {"lengths": "many", "kind": "litert", "file": "../model.tflite"},
    ],
    ids=str,
)
def test_a_manifest_that_no_export_wrote_is_told(
    exported: Path, tmp_path: Path, change: dict
) -> None:
    goal = Path(shutil.copytree(exported, tmp_path / "export"))
    path = goal / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**manifest, **change}), encoding="utf-8")
    with pytest.raises(ValueError, match="damaged|format version"):
        read_manifest(goal)
