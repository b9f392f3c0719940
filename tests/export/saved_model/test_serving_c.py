"""TensorFlow's C library, with a server's operations and no Python, answers as the translator.

It is the loader that TensorFlow Serving uses; the server's own binary is not run.
"""

from __future__ import annotations

import functools
import shutil
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from keras_s2s import Translator, export
from keras_s2s.export.contract import Contract
from keras_s2s.export.saved_model.serving_files import WARM_UP
from keras_s2s.export.saved_model.serving_operations import operations
from keras_s2s.search.strategies import beam_size_of

# A C program is built, and two exports are made for it: a minute.
pytestmark = pytest.mark.slow

# Of TensorFlow Text's libraries, those that Serving links from 2.20 on only.
NEW_LIBRARIES = {"_trimmer_ops.so", "_utf8_binarize_op.so"}
TYPES = {1: np.float32, 3: np.int32, 9: np.int64}  # By their number in TensorFlow.
STRING = 7


def package(name: str) -> Path:
    spec = find_spec(name)
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).parent


def text_libraries(folder: Path, serving: str) -> list[Path]:
    """TensorFlow Text's libraries as a Serving version links them."""
    found = sorted((folder / "python" / "ops").glob("_*.so"))
    assert found
    is_old = tuple(map(int, serving.split("."))) < (2, 20)
    return [path for path in found if not (is_old and path.name in NEW_LIBRARIES)]


def compile_server(folder: Path) -> Path:
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler is here")
    place, program = package("tensorflow"), folder / "serve"
    if not (place / "libtensorflow_cc.so.2").is_file():
        pytest.skip("this TensorFlow has no C library of its own")
    libraries = [f"-l:libtensorflow_{part}.so.2" for part in ("cc", "framework")]
    source = Path(__file__).with_name("serve.c")
    subprocess.run(
        [compiler, "-Wall", "-Wextra", "-Werror", "-O1", f"-I{place}/include", "-o", program]
        + [source, f"-L{place}", *libraries],
        check=True,
    )
    return program


class Served:
    """A SavedModel in the C program.

    Args:
        program: From `compile_server`.
        model: Folder of one version.
        tensorflow: Folder of the C library.
        libraries: That the program loads.
    """

    def __init__(
        self, program: Path, model: Path, tensorflow: Path, libraries: Iterable[Path]
    ) -> None:
        from tensorflow.core.protobuf import saved_model_pb2

        self.command = [str(word) for word in (program, model, *libraries)]
        self.environment = {"LD_LIBRARY_PATH": str(tensorflow)}
        description = saved_model_pb2.SavedModel.FromString((model / "saved_model.pb").read_bytes())
        self.signatures = description.meta_graphs[0].signature_def

    def predict(self, calls: Iterable[tuple[str, dict[str, Any]]]) -> list[dict[str, Any]]:
        """Answer calls, each the name of a signature and arrays by name."""
        calls = list(calls)
        given = b"".join(self._call(name, inputs) for name, inputs in calls)
        done = subprocess.run(
            self.command, input=given, capture_output=True, env=self.environment, check=False
        )
        message = done.stderr.decode("utf-8", "replace")
        if done.returncode:
            raise RuntimeError(message)
        self.log = message
        found = _Reader(done.stdout)
        answers = [
            {key: found.tensor() for key in sorted(self.signatures[name].outputs)}
            for name, _ in calls
        ]
        assert found.place == len(done.stdout)
        return answers

    def _call(self, name: str, inputs: dict[str, Any]) -> bytes:
        signature = self.signatures[name]
        assert set(inputs) == set(signature.inputs)
        parts = [_number(len(inputs))]
        for key, value in inputs.items():
            parts += [_text(signature.inputs[key].name), _tensor(np.asarray(value))]
        parts.append(_number(len(signature.outputs)))
        parts += [_text(signature.outputs[key].name) for key in sorted(signature.outputs)]
        return b"".join(parts)


def _number(value: int) -> bytes:
    return struct.pack("=I", value)


def _text(text: str | bytes) -> bytes:
    data = text.encode() if isinstance(text, str) else text
    return _number(len(data)) + data


def _tensor(value: np.ndarray) -> bytes:
    numbers = {np.dtype(kind): number for number, kind in TYPES.items()}
    kind = STRING if value.dtype.kind in "OSU" else numbers[value.dtype]
    head = _number(kind) + _number(value.ndim) + struct.pack(f"={value.ndim}q", *value.shape)
    if kind != STRING:
        return head + value.tobytes()
    return head + b"".join(map(_text, value.ravel().tolist()))


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data, self.place = data, 0

    def take(self, size: int) -> bytes:
        self.place += size
        assert self.place <= len(self.data)
        return self.data[self.place - size : self.place]

    def number(self) -> int:
        return struct.unpack("=I", self.take(4))[0]

    def tensor(self) -> np.ndarray:
        kind, rank = self.number(), self.number()
        shape = struct.unpack(f"={rank}q", self.take(8 * rank))
        count = int(np.prod(shape))
        if kind == STRING:
            texts = np.empty(count, object)
            texts[:] = [self.take(self.number()) for _ in range(count)]
            return texts.reshape(shape)
        dtype = np.dtype(TYPES[kind])
        return np.frombuffer(self.take(count * dtype.itemsize), dtype).reshape(shape)


TEXTS = [
    "the dog runs",
    "개가 달린다",
    "\u1112\u1161\u11ab\u1100\u116e\u11a8 집에서",  # Jamo.
    "",
    " \t ",
    "naïve  café ½ ▁ x …",
    "👩‍👩‍👧‍👦 שלום",
    "the house " * 2,
    "x",
]


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compile_server(tmp_path_factory.mktemp("program"))


@pytest.fixture(scope="module")
def export_of(
    make_from_text: Callable, exported_once: Callable
) -> Callable[[str], tuple[Translator, Path]]:
    """A translator and its export by the kind of its tokenizers; each is exported once."""

    @functools.cache
    def export_of(kind: str) -> tuple[Translator, Path]:
        translator = make_from_text(kind)
        folder = exported_once(
            f"served_{kind}", lambda goal: export.saved_model(translator, goal, samples=TEXTS)
        )
        return translator, folder / "1"

    return export_of


@pytest.fixture(params=["sentencepiece", "symbols"])
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def translator(kind: str, export_of: Callable[[str], tuple[Translator, Path]]) -> Translator:
    return export_of(kind)[0]


@pytest.fixture
def exported(kind: str, export_of: Callable[[str], tuple[Translator, Path]]) -> Path:
    return export_of(kind)[1]


@pytest.fixture
def served(program: Path, exported: Path) -> Served:
    """With the libraries of the oldest servers."""
    libraries = text_libraries(package("tensorflow_text"), "2.12")
    return Served(program, exported, package("tensorflow"), libraries)


def check_answers(served: Served, translator: Translator) -> None:
    text = {"text": np.array([text.encode() for text in TEXTS], object)}
    default, beam, align = served.predict(
        (name, text) for name in ("serving_default", "beam_search", "align")
    )
    expected = list(
        translator.stream(TEXTS, n_best=beam_size_of(translator.search), attention=True)
    )
    best = [found[0].text.encode() for found in expected]
    assert default["translation"].tolist() == align["translation"].tolist() == best
    np.testing.assert_allclose(default["score"], [one[0].score for one in expected], atol=1e-4)
    for row, found in enumerate(expected):
        count = len(found)
        texts = [one.text.encode() for one in found]
        assert beam["translations"][row].tolist() == texts + [b""] * (5 - count)
        np.testing.assert_allclose(
            beam["scores"][row, :count], [one.score for one in found], atol=1e-4
        )
        pieces = [
            [piece.decode() for piece in align[side][row] if piece]
            for side in ("source_pieces", "target_pieces")
        ]
        assert pieces == [found[0].source_pieces, found[0].target_pieces]
        weights = found[0].weights
        if weights is not None:
            t, s = weights.shape
            np.testing.assert_allclose(align["attention"][row, :t, :s], weights, atol=1e-5)
            assert not align["attention"][row, t:].any()
            assert not align["attention"][row, :, s:].any()


# Symbols need no library that only one of the servers has, and another export.
CASES = [
    ("sentencepiece", "2.12"),
    ("sentencepiece", "2.20"),
    ("symbols", "2.12"),
]


@pytest.mark.parametrize(("kind", "serving"), CASES, indirect=["kind"])
def test_a_server_answers_as_the_translator(
    program: Path, exported: Path, translator: Translator, serving: str
) -> None:
    """With the libraries of the servers from 2.12 to 2.19.1, and of those from 2.20 on."""
    libraries = text_libraries(package("tensorflow_text"), serving)
    check_answers(Served(program, exported, package("tensorflow"), libraries), translator)


@pytest.mark.parametrize("kind", ["sentencepiece"], indirect=True)
def test_a_rows_answer_does_not_depend_on_its_batch(served: Served) -> None:
    texts = [text.encode() for text in TEXTS]
    *alone, batch = served.predict(
        ("serving_default", {"text": batch}) for batch in (*([text] for text in texts), texts)
    )
    assert [one["translation"][0] for one in alone] == batch["translation"].tolist()


@pytest.mark.parametrize("kind", ["sentencepiece"], indirect=True)
def test_the_warm_up_requests_replay(served: Served, exported: Path) -> None:
    calls = warm_up_calls(exported / WARM_UP)
    assert {name for name, _ in calls} == set(served.signatures) - {"__saved_model_init_op"}
    assert 20 < len(calls) <= 1000  # Serving takes no more.
    for (_, inputs), answer in zip(calls, served.predict(calls), strict=True):
        batch = len(next(iter(inputs.values())))
        assert {len(value) for value in answer.values()} == {batch}


def warm_up_calls(path: Path) -> list[tuple[str, dict[str, Any]]]:
    import tensorflow as tf
    from tensorflow_serving.apis import prediction_log_pb2

    calls = []
    for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
        request = prediction_log_pb2.PredictionLog.FromString(record).predict_log.request
        assert request.model_spec.name == "model"
        inputs = {key: tf.make_ndarray(value) for key, value in request.inputs.items()}
        calls.append((request.model_spec.signature_name, inputs))
    return calls


@pytest.mark.parametrize("kind", ["sentencepiece"], indirect=True)
def test_what_is_no_text_is_answered_in_utf_8_or_with_an_error_that_says_what_is_wrong(
    served: Served,
) -> None:
    (answer,) = served.predict([("align", {"text": [b"\xff\xfe the dog \x80", b"\x00\x01"]})])
    for texts in (answer["translation"], answer["source_pieces"], answer["target_pieces"]):
        assert all(text.decode("utf-8") is not None for text in texts.ravel())
    with pytest.raises(RuntimeError, match="At least one text is needed"):
        served.predict([("serving_default", {"text": np.zeros([0], object)})])
    with pytest.raises(RuntimeError, match="too many or too long to be aligned"):
        served.predict([("align", {"text": [b"the dog " * 900] * 64})])


def test_encode_and_decode_step_are_the_contracts(served: Served, translator: Translator) -> None:
    contract = Contract(translator.model)
    length = np.array([3, 2], "int32")
    source = {"tokens": np.array([[5, 6, 3], [7, 3, 0]], "int32"), "length": length}
    (encoded,) = served.predict([("encode", source)])
    step = {"token": np.array([2, 5], "int32"), "length": length, **encoded}
    (after,) = served.predict([("decode_step", step)])
    for found, expected in (
        (encoded, contract.encode(**source)),
        (after, contract.decode_step(**step)),
    ):
        assert set(found) == set(expected)
        for name, value in expected.items():
            np.testing.assert_allclose(found[name], value, atol=1e-5)


def c_operations(program: Path, tensorflow: Path, libraries: Iterable[Path]) -> set[str]:
    """The operations that a C library has, with those of other libraries."""
    from tensorflow.core.framework import op_def_pb2

    listed = subprocess.run(
        [program, "--operations", *libraries],
        env={"LD_LIBRARY_PATH": str(tensorflow)},
        capture_output=True,
        check=True,
    ).stdout
    return {one.name for one in op_def_pb2.OpList.FromString(listed).op}


@pytest.mark.parametrize("serving", ["2.12", "2.20"])
def test_every_operation_is_one_of_the_servers(program: Path, exported: Path, serving: str) -> None:
    libraries = text_libraries(package("tensorflow_text"), serving)
    known = c_operations(program, package("tensorflow"), libraries)
    assert ("TFText>RoundRobinTrim" in known) == (serving == "2.20")
    assert set(operations(exported)) <= known


# Downloads TensorFlow 2.12.1, 0.5 GB.
def test_the_c_library_of_the_oldest_server_answers_as_the_translator(
    program: Path, exported: Path, translator: Translator, old_tensorflow: Path
) -> None:
    libraries = text_libraries(old_tensorflow / "tensorflow_text", "2.12")
    served = Served(program, exported, old_tensorflow / "tensorflow", libraries)
    check_answers(served, translator)
    served.predict(warm_up_calls(exported / WARM_UP))
    assert "TensorFlow 2.12.1 has loaded the model" in served.log
    known = c_operations(program, old_tensorflow / "tensorflow", libraries)
    assert set(operations(exported)) <= known


@pytest.fixture(scope="session")
def old_tensorflow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """TensorFlow 2.12.1 and its TensorFlow Text, of which only the C libraries are used."""
    folder = tmp_path_factory.mktemp("old")
    options = ["--no-deps", "--only-binary=:all:", "--python-version", "3.11", "--dest", folder]
    options += ["--platform", "manylinux2014_x86_64"]
    wheels = ["tensorflow-cpu==2.12.1", "tensorflow-text==2.12.1"]
    command = [sys.executable, "-m", "pip", "download", *options, *wheels]
    if subprocess.run(command, capture_output=True).returncode:
        pytest.skip("TensorFlow 2.12.1 cannot be downloaded here")
    for wheel in folder.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            for name in archive.namelist():
                if ".so" in Path(name).name and name.startswith("tensorflow"):
                    archive.extract(name, folder)
    return folder
