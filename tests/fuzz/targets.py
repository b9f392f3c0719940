"""What is fuzzed: for each target what all cases share, and one case."""

import contextlib
import gzip
import json
import lzma
import shutil
import warnings
import zipfile
from pathlib import Path
from typing import Any

from alignments import alignments
from commands import arguments
from damage import damaged_bytes, damaged_text, link, pick
from make import make_exports, make_tokenizers, make_translator
from option_files import configurations, constraints
from runner import Case, Prepare, Random
from vectors import ENCODINGS, embeddings

from keras_s2s import Beam, Greedy

TEXTS = ["the dog runs", "개가 é", "", "x" * 50]
ENDS = ["\n"] * 4 + ["\r\n", "\r", "\n\n", "\u2028", "\x85", ""]
ALPHABET = [*"abc .,\t\x00\x1b\u00a0\ufeff", "é", "한", "e\u0301", "👩‍👩‍👧", "\U0010ffff", "\u202e"]


def random_text(random: Random) -> str:
    """Lines of any length in many alphabets."""
    text = ""
    for _ in range(int(random.integers(0, 9))):
        length = int(random.integers(0, 2 ** int(random.integers(1, 13))))
        few = [pick(random, ALPHABET) for _ in range(int(random.integers(1, 6)))]
        text += "".join(few[i] for i in random.integers(0, len(few), length)) + pick(random, ENDS)
    return text


def random_file(random: Random) -> bytes:
    """The bytes of a text file: some encoding, perhaps packed, perhaps damaged."""
    data = random_text(random).encode(pick(random, ENCODINGS), errors="replace")
    kind = int(random.integers(10))
    if kind == 0:
        data = gzip.compress(data)
    elif kind == 1:
        data = lzma.compress(data)
    elif kind == 2:
        data = random.bytes(int(random.integers(0, 300)))
    return damaged_bytes(random, data) if random.integers(3) == 0 else data


def corpora(_: Path) -> Case:
    """Corpora: pairs are read, cleaned, and clean where they are kept."""
    from keras_s2s.data.corpus import Corpus, read_lines

    def case(random: Random, folder: Path) -> None:
        ending = pick(random, ["", "", "", ".gz", ".xz"])
        source, target = folder / f"source{ending}", folder / "target"
        source.write_bytes(random_file(random))
        same = random.integers(2) == 0
        target.write_bytes(source.read_bytes() if same else random_file(random))
        kind = int(random.integers(3))
        if kind == 0:
            lines = list(read_lines(source))
            assert not any(set(line) & {"\n", "\r", "\x00", "\t"} for line in lines), lines
            return
        duplicates = pick(random, ["keep", "remove", "ignore"])
        options: dict[str, Any] = {"duplicates": duplicates, "maximum_characters": 300}
        corpus = Corpus(source, target, **options)
        if kind == 2:
            corpus = Corpus.from_tsv(source, **options)
        for pair in corpus:
            assert all(side == side.strip() and 0 < len(side) <= 300 for side in pair), pair
        assert corpus.report.kept <= corpus.report.read and str(corpus.report)

    return case


def tokenizers(made: Path) -> Case:
    """Tokenizer folders; most of them with digests that are right again."""
    from keras_s2s import load_tokenizer

    names = make_tokenizers(made)
    sound = {name: load_tokenizer(made / name) for name in names}
    assert all(one.encode_all(TEXTS) for one in sound.values())

    def case(random: Random, folder: Path) -> None:
        name = pick(random, names)
        shutil.copytree(made / name, folder / "tokenizer")
        settings, model = (folder / "tokenizer" / f"tokenizer.{end}" for end in ("json", "model"))
        if model.exists() and random.integers(4) > 0:
            model.write_bytes(damaged_bytes(random, model.read_bytes()))
            if random.integers(10) > 0:
                content = json.loads(settings.read_bytes())
                content["model_sha256"] = digest_of(model)
                settings.write_text(json.dumps(content))
        else:
            settings.write_bytes(damaged_text(random, json.loads(settings.read_bytes())))
        link(random, settings)
        tokenizer = load_tokenizer(folder / "tokenizer")
        for text, ids in zip(TEXTS, tokenizer.encode_all(TEXTS), strict=True):
            assert all(0 < one < tokenizer.vocabulary_size for one in ids)
            assert tokenizer.encode(text) == ids
            tokenizer.decode(ids)
            assert len(tokenizer.pieces(ids)) == len(tokenizer.surfaces(text)) == len(ids)

    return case


def digest_of(path: Path) -> str:
    """SHA-256 of a file."""
    from keras_s2s.files.artifact_folder import digest

    return digest(path)


def trust(folder: Path, description: str) -> None:
    """Makes the digests of a description right again."""
    path = folder / description
    if path.is_symlink():
        return
    with contextlib.suppress(Exception):
        content = json.loads(path.read_bytes())
        for name in content["sha256"]:
            found = (folder / name).resolve()
            if found.is_file() and found.is_relative_to(folder.resolve()):
                content["sha256"][name] = digest_of(folder / name)
        path.write_text(json.dumps(content))


def damage_archive(random: Random, path: Path) -> None:
    """Damages `model.keras`: as a file, or what is packed in it, or how."""
    if random.integers(4) == 0:
        path.write_bytes(damaged_bytes(random, path.read_bytes()))
        return
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    kind = int(random.integers(5))
    if kind == 0:
        members[pick(random, ["../secret.txt", "/tmp/x", "assets/x", "config.json "])] = b"x"
    elif kind <= 2:
        members["config.json"] = damaged_text(random, json.loads(members["config.json"]))
    else:
        name = "model.weights.h5"
        members[name] = damaged_bytes(random, members[name])
    packing = pick(random, [zipfile.ZIP_STORED] * 9 + [zipfile.ZIP_DEFLATED])
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w", packing) as archive:
        warnings.simplefilter("ignore")
        for name, data in members.items():
            archive.writestr(name, data)


def models(made: Path) -> Case:
    """Folders of translators: any file damaged, and the digests right again."""
    from keras_s2s import Translator

    if not (made / "model").exists():
        make_translator().save(made / "model")
    Translator.load(made / "model").translate(TEXTS, search=Greedy(), maximum_length=3)
    files = ["translator.json", "model.keras", "model.keras", "model.keras", "samples.json"]
    files += ["source_tokenizer/tokenizer.json", "target_tokenizer/tokenizer.model"]

    def case(random: Random, folder: Path) -> None:
        shutil.copytree(made / "model", folder / "model")
        name = pick(random, files)
        path = folder / "model" / name
        if name == "model.keras":
            damage_archive(random, path)
        elif name.endswith(".json"):
            path.write_bytes(damaged_text(random, json.loads(path.read_bytes())))
        else:
            path.write_bytes(damaged_bytes(random, path.read_bytes()))
        link(random, path)
        if name.startswith("target") and random.integers(2):
            trust(folder / "model" / "target_tokenizer", "tokenizer.json")
        if random.integers(10):
            trust(folder / "model", "translator.json")
        translator = Translator.load(folder / "model")
        if random.integers(30) == 0:  # The graph of a new model takes seconds.
            translator.translate(TEXTS[:2], search=Greedy(), maximum_length=3)

    return case


def runner_of(folder: Path) -> Any:
    """What translates with an export, as the command line finds it."""
    from keras_s2s.cli.models import load_translator

    return load_translator(folder)


def manifests(made: Path) -> Case:
    """Manifests of LiteRT and ONNX exports, and of what they name."""
    kinds = ["litert", "onnx"]
    make_exports(made, kinds)
    for kind in kinds:
        runner_of(made / kind).translate(TEXTS[:2], maximum_length=3)

    def case(random: Random, folder: Path) -> None:
        shutil.copytree(made / pick(random, ["litert", "onnx"]), folder / "export")
        path = folder / "export" / "manifest.json"
        path.write_bytes(damaged_text(random, json.loads(path.read_bytes())))
        link(random, path)
        runner_of(folder / "export").translate(TEXTS, maximum_length=3)

    return case


def exports(made: Path) -> Case:
    """Exported files of all formats, damaged as disks and copies damage them."""
    return _exports(made, is_trusted=False)


def trusted_exports(made: Path) -> Case:
    """The same with digests that are right again, so that each runtime reads what was changed."""
    return _exports(made, is_trusted=True)


def _exports(made: Path, is_trusted: bool) -> Case:
    from keras_s2s import export as formats

    chosen = {
        "litert": ["model.tflite"],
        "onnx": ["encoder.onnx", "decode_step.onnx"],
        "saved_model": [
            "saved_model.pb",
            "variables/variables.index",
            "variables/variables.data-00000-of-00001",
        ],
    }
    make_exports(made, list(chosen))
    for kind in chosen:  # Each runtime loads its libraries before memory is measured.
        runner_of(made / kind).translate(TEXTS[:2], maximum_length=3)

    def case(random: Random, folder: Path) -> None:
        kind = pick(random, ["litert"] * 15 + ["onnx"] * 15 + ["saved_model"])
        shutil.copytree(made / kind, folder / kind)
        path = folder / kind / pick(random, chosen[kind])
        path.write_bytes(damaged_bytes(random, path.read_bytes()))
        link(random, path)
        if is_trusted:
            trust(folder / kind, "manifest.json")
        if kind == "litert" and random.integers(2):
            runner: Any = formats.LiteRTTranslator(folder / kind, runtime="compiled_model")
        else:
            runner = runner_of(folder / kind)
        runner.translate(TEXTS[:2], search=Beam(2), maximum_length=3)

    return case


TARGETS: dict[str, Prepare] = {
    "corpora": corpora,
    "configurations": configurations,
    "constraints": constraints,
    "alignments": alignments,
    "tokenizers": tokenizers,
    "embeddings": embeddings,
    "models": models,
    "manifests": manifests,
    "exports": exports,
    "trusted_exports": trusted_exports,
    "arguments": arguments,
}
