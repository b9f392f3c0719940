"""What is written for LiteRT runs, agrees, and is what it says it is."""

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("ai_edge_litert", reason="LiteRT's runtime is not installed.")

from keras_s2s import Beam, Greedy, Sample, Translator, export
from keras_s2s.export.litert.runtimes import interpreter

TEXTS = ["abc", "한국 é", "", "j", "hhhhhhhhhhhh", "gab"]


@pytest.fixture(scope="module")
def translator(make: Callable[..., Translator]) -> Translator:
    return make(input_feeding=True)


@pytest.fixture(scope="module")
def exported(exported_as: Callable[[str], Path]) -> Path:
    return exported_as("litert")


def pieces(answers: Any) -> list[list[str]]:
    return [found[0].target_pieces for found in answers]


def operations(path: Path) -> set[str]:
    """The operations of all subgraphs of a file, by name; a custom one by its own."""
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(path.read_bytes(), 0))
    names = {value: name for name, value in vars(schema.BuiltinOperator).items()}
    found = set()
    for code in model.operatorCodes:
        builtin = max(code.builtinCode, code.deprecatedBuiltinCode)
        found.add(names[builtin] if code.customCode is None else str(code.customCode))
    return found


@pytest.mark.parametrize("runtime", ["interpreter", "compiled_model"])
@pytest.mark.parametrize("beam_size", [1, 4])
def test_it_alone_finds_what_the_translator_finds(
    translator: Translator, exported: Path, runtime: str, beam_size: int
) -> None:
    alone = export.LiteRTTranslator(exported, runtime=runtime)
    options: dict[str, Any] = {"search": Beam(beam_size), "n_best": beam_size, "attention": True}
    found, expected = alone.stream(TEXTS, **options), translator.stream(TEXTS, **options)
    for ours, theirs in zip(found, expected, strict=True):
        assert [one.target_pieces for one in ours] == [one.target_pieces for one in theirs]
        for a, b in zip(ours, theirs, strict=True):
            assert (a.text, a.source_pieces) == (b.text, b.source_pieces)
            np.testing.assert_allclose(a.score, b.score, atol=1e-4)
            np.testing.assert_allclose(a.log_probability, b.log_probability, atol=1e-4)
            if b.weights is not None:
                assert a.weights is not None
                np.testing.assert_allclose(a.weights, b.weights, atol=1e-5)


def test_the_file_holds_no_loop_no_variable_and_no_operation_of_tensorflow(exported: Path) -> None:
    found = operations(exported / "model.tflite")
    assert found and not any(
        name.startswith("Flex") or name in ("WHILE", "IF", "CUSTOM") or "VAR" in name
        for name in found
    )


def test_each_length_has_its_signature_and_the_step_serves_all(exported: Path) -> None:
    run = interpreter(str(exported / "model.tflite"))
    short = run(
        "encode_8", {"tokens": np.full((1, 8), 5, "int32"), "length": np.array([8], "int32")}
    )
    padded = np.zeros((1, 16), "int32")
    padded[0, :8] = 5
    long = run("encode", {"tokens": padded, "length": np.array([8], "int32")})
    assert short["memory"].shape == long["memory"].shape == (1, 16, 12)
    np.testing.assert_allclose(short["state"], long["state"], atol=1e-6)
    np.testing.assert_allclose(short["memory"][:, :8], long["memory"][:, :8], atol=1e-6)


def test_the_manifest_says_what_is_in_the_file(exported: Path) -> None:
    manifest = json.loads((exported / "manifest.json").read_text(encoding="utf-8"))
    run = interpreter(str(exported / "model.tflite"))
    for name, signature in manifest["signatures"].items():
        inputs = {
            key: np.ones(tensor["shape"], tensor["dtype"])
            for key, tensor in signature["inputs"].items()
        }
        made = run(name, inputs)
        described = {key: (t["dtype"], t["shape"]) for key, t in signature["outputs"].items()}
        assert described == {k: (v.dtype.name, list(v.shape)) for k, v in made.items()}
    names = {p.relative_to(exported).as_posix() for p in exported.rglob("*") if p.is_file()}
    assert set(manifest["sha256"]) == names - {"manifest.json"}
    assert manifest["special_ids"] == {"pad": 0, "unk": 1, "start": 2, "end": 3}


def test_golden_vectors_are_what_the_translator_says(
    translator: Translator, exported: Path
) -> None:
    golden = json.loads((exported / "golden.json").read_text(encoding="utf-8"))
    assert [one["text"] for one in golden[:2]] == ["abc", "dead beef"]
    texts = [one["text"] for one in golden]
    assert [one["answer"] for one in golden] == translator.translate(texts, search=Greedy())
    for one in golden:
        assert one["ids"] == [*translator.source_tokenizer.encode(one["text"]), 3]
        assert translator.target_tokenizer.decode(one["answer_ids"]) == one["answer"]


@pytest.mark.slow  # A larger model is exported: 14 s each.
@pytest.mark.parametrize(
    ("quantize", "share", "places"),
    [
        ("none", 1.0, 1),
        ("float16", 0.5, 1),
        ("int8", 0.25, 1),
        ("int8", 0.25, 2),
        ("int8", 0.25, 3),
    ],
)
def test_the_file_has_the_size_of_the_weights_in_their_precision(
    tmp_path: Path, quantize: str, share: float, places: int
) -> None:
    """Weights enough that the graph itself does not count; stored once for three signatures.

    An embedding in two or three places is stored once as well.
    """
    import keras

    from keras_s2s import CharacterTokenizer, Decoder, Encoder, LuongAttention, Seq2Seq

    keras.utils.set_random_seed(1)
    tokenizer = CharacterTokenizer.train(["".join(map(chr, range(0x4E00, 0x4E00 + 2500)))])
    size = tokenizer.vocabulary_size
    decoder = Decoder(
        size, 256, attention=LuongAttention(256), input_feeding=True, tie_embeddings=places > 1
    )
    model = Seq2Seq(Encoder(size, 256), decoder, share_embeddings=places == 3)
    manifest = export.litert(
        Translator(model, tokenizer, tokenizer), tmp_path / "x", quantize=quantize, lengths=(4, 8)
    )
    expected = 4 * model.count_params() * share
    assert manifest["bytes"]["file"] == (tmp_path / "x" / "model.tflite").stat().st_size
    assert expected * 0.98 <= manifest["bytes"]["file"] <= expected * 1.02 + 150_000


def test_it_translates_where_neither_tensorflow_nor_keras_is_imported(
    translator: Translator, exported: Path
) -> None:
    program = (
        "import sys; from keras_s2s import Beam\n"
        "from keras_s2s.export import LiteRTTranslator\n"
        f"print(LiteRTTranslator({str(exported)!r}).translate(['abc', 'gab'], search=Beam(2)))\n"
        "print(sorted({'tensorflow', 'keras', 'jax'} & set(sys.modules)))"
    )
    finished = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    expected = translator.translate(["abc", "gab"], search=Beam(2))
    assert finished.stdout.splitlines() == [str(expected), "[]"]


def test_a_longer_text_is_cut_with_a_warning(exported: Path) -> None:
    alone = export.LiteRTTranslator(exported)
    with pytest.warns(UserWarning, match="Text 1 was cut to 16 tokens"):
        cut = alone.translate(["a" * 40], search=Greedy())
    assert cut == alone.translate(["a" * 15], search=Greedy(), strict=True)
    with pytest.raises(ValueError, match="Text 2 must have at most 16 .* Received: 41 tokens"):
        alone.translate(["a", "a" * 40], strict=True)


def test_a_damaged_file_is_told_in_one_error(exported: Path, tmp_path: Path) -> None:
    whole = (exported / "model.tflite").read_bytes()
    for number, data in enumerate((b"", b"text", whole[:999], whole[:8] + bytes(2000))):
        goal = Path(shutil.copytree(exported, tmp_path / str(number)))
        (goal / "model.tflite").write_bytes(data)
        manifest = json.loads((goal / "manifest.json").read_bytes())
        manifest["sha256"]["model.tflite"] = hashlib.sha256(data).hexdigest()
        (goal / "manifest.json").write_text(json.dumps(manifest))
        with pytest.raises(ValueError, match="LiteRT can't read the model"):
            export.LiteRTTranslator(goal)


def test_half_a_character_is_read_as_an_unknown_one(exported: Path) -> None:
    alone = export.LiteRTTranslator(exported)
    assert alone.translate(["a\ud83db"]) == alone.translate(["a\ufffdb"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"quantize": "int4"}, "`quantize` must be one of .* Received: quantize='int4'"),
        ({"lengths": ()}, "`lengths` must be from 2"),
        ({"lengths": (1, 8)}, "`lengths` must be from 2"),
        ({"lengths": (100_000,)}, "`lengths` must be from 2"),
    ],
)
def test_what_cannot_be_exported_is_told(
    translator: Translator, tmp_path: Path, arguments: Any, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        export.litert(translator, tmp_path / "x", **arguments)
    assert not list(tmp_path.iterdir())


def test_a_converter_that_dies_leaves_the_old_export_and_says_why(
    translator: Translator, exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied = Path(shutil.copytree(exported, tmp_path / "export"))
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(ChildProcessError, match="converter ended with 1"):
        export.litert(translator, copied)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["export"]
    export.LiteRTTranslator(copied)


@pytest.mark.slow  # Starts the converter: 10 s.
def test_files_in_the_working_folder_do_not_reach_the_converter(
    translator: Translator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, converter: Any
) -> None:
    monkeypatch.setattr(converter, "executable", "")  # So it starts one, as the package does.
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "random.py").write_text("raise SystemExit('not mine')")
    monkeypatch.chdir(tmp_path / "here")
    manifest = export.litert(translator, tmp_path / "export", lengths=(2,))
    assert manifest["bytes"]["file"] == (tmp_path / "export" / "model.tflite").stat().st_size


def test_an_export_that_a_killed_process_moved_aside_is_found(
    exported: Path, tmp_path: Path
) -> None:
    shutil.copytree(exported, tmp_path / ".phone.previous")
    assert export.LiteRTTranslator(tmp_path / "phone").translate(["abc"])


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "model.tflite").write_bytes(b"x"), "missing or damaged"),
        (lambda folder: (folder / "manifest.json").write_text("{"), "is damaged"),
        (lambda folder: (folder / "manifest.json").write_text("[]"), "does not describe an export"),
        (lambda folder: (folder / "manifest.json").write_text("{}"), "does not describe an export"),
        (lambda folder: (folder / "manifest.json").unlink(), "must be the folder of an export"),
        (lambda folder: (folder / "golden.json").unlink(), "missing or damaged"),
    ],
)
def test_a_damaged_export_is_told(
    exported: Path, tmp_path: Path, damage: Callable, message: str
) -> None:
    copied = Path(shutil.copytree(exported, tmp_path / "export"))
    damage(copied)
    with pytest.raises(ValueError, match=message):
        export.LiteRTTranslator(copied)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"search": Beam(10**6)}, "`beam_size` must be at most 1,000"),
        ({"search": Beam(2), "n_best": 3}, "`n_best` must be at most the beam size"),
        ({"search": Sample()}, "decodes by greedy or beam search. Received: a Sample"),
        ({"maximum_length": 0}, "`maximum_length` must be at least 1"),
    ],
)
def test_what_a_runner_cannot_do_is_told(exported: Path, options: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        export.LiteRTTranslator(exported).stream(["abc"], **options)
    with pytest.raises(TypeError, match="must be a list or another iterable of strings"):
        export.LiteRTTranslator(exported).translate("abc")


@pytest.mark.slow  # Another export: 5 s.
def test_lengths_are_those_of_the_samples_and_a_largest_one_may_be_named(
    translator: Translator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = translator.model, translator.source_tokenizer, translator.target_tokenizer
    sampled = Translator(*parts, samples=["a" * count for count in (1, 2, 3, 4, 20)])
    goal = tmp_path / "export"
    assert export.litert(sampled, goal, max_length=11)["lengths"] == [8, 11]
    golden = json.loads((goal / "golden.json").read_text(encoding="utf-8"))
    assert [one["text"] for one in golden[:4]] == sampled.samples[:4]

    class ChosenError(Exception):
        pass

    def convert(model: Any, goal: Path, quantize: str, lengths: list[int]) -> None:
        raise ChosenError(lengths)

    monkeypatch.setattr(sys.modules["keras_s2s.export.litert.export"], "_convert", convert)
    short = Translator(*parts, samples=["a" * 300], maximum_source_length=12)
    cases: list[tuple[Translator, dict[str, Any], list[int]]] = [
        (sampled, {}, [8, 24]),
        (sampled, {"samples": ["a" * 30]}, [32]),
        (sampled, {"lengths": [4, 6, 9], "max_length": 6}, [4, 6]),
        (short, {}, [12]),
        (translator, {"samples": [*["a" * 4] * 3, "a" * 300]}, [8, 128]),
    ]
    for given, options, expected in cases:
        with pytest.raises(ChosenError) as chosen:
            export.litert(given, goal, **options)
        assert chosen.value.args == (expected,)


def test_a_file_without_ballast_computes_the_same(
    translator: Translator, exported: Path, tmp_path: Path
) -> None:
    import flatbuffers
    from tensorflow.lite.python import schema_py_generated as schema

    from keras_s2s.export.litert.convert import without_ballast

    small = (exported / "model.tflite").read_bytes()
    content = schema.ModelT.InitFromPackedBuf(small, 0)
    assert all(tensor.name in (None, b"") for g in content.subgraphs for tensor in g.tensors)
    for graph in content.subgraphs:
        for number, tensor in enumerate(graph.tensors):
            tensor.name = f"{graph.name}/a/long/name/{number}"
            if not tensor.buffer:
                tensor.buffer = len(content.buffers)
                content.buffers.append(schema.BufferT())
    builder = flatbuffers.Builder(1 << 16)
    builder.Finish(content.Pack(builder), b"TFL3")
    large = bytes(builder.Output())
    again = without_ballast(large)
    assert len(again) <= len(small) < 0.9 * len(large)
    tokens = np.array([[5, 6, 3, 0, 0, 0, 0, 0]], "int32")
    inputs = {"tokens": tokens, "length": np.array([3], "int32")}
    found = []
    for name, data in (("large", large), ("again", again)):
        (tmp_path / name).write_bytes(data)
        found.append(interpreter(str(tmp_path / name))("encode_8", inputs))
    for key, value in found[0].items():
        np.testing.assert_array_equal(found[1][key], value)
