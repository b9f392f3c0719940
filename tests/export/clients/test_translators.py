"""The page's modules and Java's translate with an export as `LiteRTTranslator` does."""

import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("ai_edge_litert", reason="LiteRT's runtime is not installed.")

from keras_s2s import (
    Beam,
    Constraints,
    Corpus,
    Greedy,
    SentencePieceTokenizer,
    export,
    forbid,
)
from keras_s2s.special_ids import END_ID

from ...budget import first
from .conftest import Client, Export, learn_by_heart, node, run_program

CAPTIONS = 60


@pytest.fixture(scope="session")
def captions(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Export:
    """A model that has learnt short captions of Multi30k by heart, so that it is sure; in int8."""
    folder = tmp_path_factory.mktemp("captions")
    corpus = Corpus(shared_data / "multi30k" / "train.en", shared_data / "multi30k" / "train.de")
    pairs = [pair for pair in corpus if len(pair[0].split()) < 9][:CAPTIONS]
    tokenizer = SentencePieceTokenizer.train([text for pair in pairs for text in pair], 400)
    sources = [source for source, _ in pairs]
    translator = learn_by_heart(pairs, tokenizer, units=96, epochs=100)
    export.litert(translator, folder / "export", quantize="int8", samples=sources)
    return Export(folder / "export", sources)


def check_golden(client: Client, folder: Path) -> None:
    golden = json.loads((folder / "golden.json").read_text(encoding="utf-8"))
    found = client(folder, 1, [one["text"] for one in golden])
    assert len(golden) > 50
    assert [[*one["source_ids"], 3] for one in found] == [one["ids"] for one in golden]
    assert [one["ids"] for one in found] == [one["answer_ids"] for one in golden]
    assert [one["text"] for one in found] == [one["answer"] for one in golden]


def check_answers(client: Client, case: Export, beam: int) -> None:
    runner = export.LiteRTTranslator(case.folder)
    answers = runner.stream(case.sources, search=Beam(beam), attention=runner.has_attention)
    found = client(case.folder, beam, case.sources)
    assert len(found) == len(case.sources)
    for one, (answer,) in zip(found, answers, strict=True):
        assert runner.target_tokenizer.pieces(one["ids"]) == answer.target_pieces
        assert one["text"] == answer.text
        if answer.weights is None:
            assert one["attention"] == []
        else:
            np.testing.assert_allclose(one["attention"], answer.weights, atol=0.05)


def test_golden_vectors_of_the_demo_are_found(client: Client, dates: Export) -> None:
    check_golden(client, dates.folder)


@pytest.mark.slow  # Another training and export; test_tokenizers.py has SentencePiece.
def test_golden_vectors_of_captions_are_found(client: Client, captions: Export) -> None:
    check_golden(client, captions.folder)


@pytest.mark.parametrize("beam", first(1, [5, 1]))
def test_dates_are_read_as_by_python(client: Client, dates: Export, beam: int) -> None:
    check_answers(client, dates, beam)


@pytest.mark.slow  # As above.
@pytest.mark.parametrize("beam", [1, 5])
def test_captions_are_translated_as_by_python(client: Client, captions: Export, beam: int) -> None:
    check_answers(client, captions, beam)


def test_threads_that_share_javas_translator_get_their_own_answers(
    java_classes: Path, dates: Export
) -> None:
    server = [sys.executable, str(Path(__file__).parent / "step_server.py")]
    words = ["-cp", str(java_classes), "kerass2s.Translate", str(dates.folder), "1", *server]
    alone, shared = (
        run_program(["java", f"-Dthreads={threads}", *words, str(dates.folder)], dates.sources)
        for threads in (1, 8)
    )
    assert shared == alone


def test_a_text_that_is_too_long_is_cut_and_a_blank_one_has_no_answer(
    client: Client, dates: Export
) -> None:
    runner = export.LiteRTTranslator(dates.folder)
    long = "march " * 1000
    with pytest.warns(UserWarning, match="was cut"):
        expected = runner.translate([long, " \t"], search=Greedy())
    assert [one["text"] for one in client(dates.folder, 1, [long, " \t"])] == expected
    assert expected[1] == ""


@pytest.fixture(scope="session")
def plain(make: Callable, tmp_path_factory: pytest.TempPathFactory) -> Export:
    """A model without attention, in float32, that has much to say."""
    folder = tmp_path_factory.mktemp("plain") / "export"
    export.litert(make("none", num_layers=2, cell="gru"), folder, lengths=(6, 16))
    random = np.random.default_rng(1)
    letters = list("abcdefghij é 한국어z")
    return Export(
        folder, ["".join(random.choice(letters, random.integers(1, 14))) for _ in range(50)]
    )


def test_a_model_without_attention_answers_as_by_python(client: Client, plain: Export) -> None:
    check_answers(client, plain, 4)


@pytest.mark.parametrize("name", ["page", "java"])
def test_prefixes_and_constraints_are_kept_as_by_python(
    name: str, plain: Export, request: pytest.FixtureRequest
) -> None:
    runner = export.LiteRTTranslator(plain.folder)
    tokenizer = runner.target_tokenizer
    rules = forbid(["a", "b"], tokenizer, Constraints(9, 2, 1.3))
    prefixes = ["", "h한", "a?b c", "é", "j j j"] * 2
    texts = plain.sources[: len(prefixes)]
    cases = [
        {"text": text, "prefix": prefix, "rules": asdict(rules)}
        for text, prefix in zip(texts, prefixes, strict=True)
    ]
    if name == "page":
        core = request.getfixturevalue("core")
        command = node("translate", str(core), str(plain.folder), "3")
    else:
        classes = request.getfixturevalue("java_classes")
        server = [sys.executable, str(Path(__file__).parent / "step_server.py")]
        command = ["java", "-Dconstrained=true", "-cp", str(classes), "kerass2s.Translate"]
        command += [str(plain.folder), "3", *server, str(plain.folder)]
    answers = runner.stream(texts, search=Beam(3, constraints=rules), prefixes=prefixes)
    for one, (answer,) in zip(run_program(command, cases), answers, strict=True):
        assert tokenizer.pieces(one["ids"]) == answer.target_pieces
        assert one["text"] == answer.text


@pytest.fixture(scope="session")
def endless(make: Callable, tmp_path_factory: pytest.TempPathFactory) -> Export:
    """A model that hardly ever chooses the end mark."""
    folder = tmp_path_factory.mktemp("endless") / "export"
    translator = make("none")
    kernel = translator.model.decoder.output_kernel
    values = np.array(kernel)
    values[:, END_ID] = 0.0  # So its logit is 0, below the largest of the others.
    kernel.assign(values)
    export.litert(translator, folder, lengths=(16,))
    return Export(folder, ["a", "fig", "cabbage"])


NO_FIELD = object()


def with_limit(case: Export, folder: Path, limit: Any) -> Export:
    """A copy of an export with another default limit; `NO_FIELD` for an older export."""
    shutil.copytree(case.folder, folder)
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    del manifest["default_limit"]
    if limit is not NO_FIELD:
        manifest["default_limit"] = limit
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return Export(folder, case.sources)


@pytest.mark.parametrize(
    ("limit", "factor", "constant"),
    [({"factor": 1, "constant": 2}, 1, 2), (NO_FIELD, 3, 20)],
    ids=["recorded", "older"],
)
def test_the_limit_is_the_one_of_the_manifest(
    client: Client, endless: Export, tmp_path: Path, limit: Any, factor: int, constant: int
) -> None:
    case = with_limit(endless, tmp_path / "export", limit)
    check_answers(client, case, 1)
    for one in client(case.folder, 1, case.sources):
        assert len(one["ids"]) == factor * (len(one["source_ids"]) + 1) + constant


@pytest.mark.parametrize(
    "limit",
    [
        None,
        20,
        {"factor": 3},
        {"factor": "3", "constant": 20},
        {"factor": True, "constant": 20},
        {"factor": 2.5, "constant": 20},
        {"factor": -1, "constant": 20},
        {"factor": 11, "constant": 20},
        {"factor": 3, "constant": 0},
        {"factor": 3, "constant": 1001},
    ],
    ids=str,
)
def test_a_limit_that_no_export_wrote_is_a_damaged_manifest(
    client: Client, plain: Export, tmp_path: Path, limit: Any
) -> None:
    case = with_limit(plain, tmp_path / "export", limit)
    with pytest.raises(AssertionError, match="manifest.json is damaged"):
        client(case.folder, 1, ["a"])


def test_the_page_s_translator_puts_a_tag_before_the_text(core: Path, dates: Export) -> None:
    """Any character is a token of this model, so any can be the tag."""
    command, texts = node("translate", str(core), str(dates.folder), "1"), dates.sources[:3]
    tagged = run_program([*command, "1"], [*texts, ""])
    expected = run_program(command, [*(f"1 {text}" for text in texts), ""])
    assert [one["ids"] for one in tagged] == [one["ids"] for one in expected]
