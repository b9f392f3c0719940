"""The command that aligns given translations."""

import json
from pathlib import Path

import numpy as np
import pytest

from keras_s2s import Decoder, Encoder, LuongAttention, Seq2Seq, Translator, WordTokenizer
from keras_s2s.data.alignments import write_links
from keras_s2s.evaluation.alignment import align

from .conftest import call

PAIRS = [("a b.", "b. a"), ("", "a"), ("c", ""), ("a 한 c", "c a")]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two models, "attending" and "plain"."""
    folder = tmp_path_factory.mktemp("cli")
    tokenizer = WordTokenizer.train(["a b. c"])
    size = tokenizer.vocabulary_size
    for name, attention in (("attending", LuongAttention(8)), ("plain", None)):
        network = Seq2Seq(Encoder(size, 8), Decoder(size, 8, attention=attention))
        generator = np.random.default_rng(1)
        network.set_weights([generator.normal(size=one.shape) for one in network.get_weights()])
        Translator(network, tokenizer, tokenizer).save(folder / name)
    return folder


@pytest.fixture
def files(tmp_path: Path) -> Path:
    for name, side in (("sources", 0), ("targets", 1)):
        (tmp_path / name).write_text("".join(f"{pair[side]}\n" for pair in PAIRS), "utf-8")
    return tmp_path


def test_every_pair_has_its_line_in_both_formats(
    models: Path, files: Path, capsys: pytest.CaptureFixture
) -> None:
    expected = list(align(Translator.load(models / "attending"), PAIRS))
    words = ["align", "--model", models / "attending"]
    words += ["--source", files / "sources", "--target", files / "targets"]
    assert call(*words) == 0
    out, err = capsys.readouterr()
    assert out.split("\n") == [*(write_links(pair.links) for pair in expected), ""]
    assert out.split("\n")[1:3] == ["", ""]
    assert "4 pairs read, 4 kept" in err
    assert call(*words, "--format", "json", "--output", files / "found") == 0
    found = [json.loads(line) for line in (files / "found").read_text("utf-8").splitlines()]
    for entries, pair in zip(found, expected, strict=True):
        assert list(entries) == ["source_tokens", "target_tokens", "attention", "alignment"]
        assert entries["source_tokens"] == pair.source_pieces
        assert entries["target_tokens"] == pair.target_pieces
        np.testing.assert_allclose(entries["attention"], pair.weights, atol=6e-5)
        assert entries["alignment"] == write_links(pair.links)
    assert max(map(len, str(found[0]["attention"]).split(","))) <= 10


@pytest.mark.parametrize(
    ("model", "more", "message"),
    [
        ("plain", [], "Attention weights need a model with attention"),
        ("attending", ["--format", "xml"], "--format must be one of pharaoh, json. Received: xml"),
        ("attending", ["--tsv", "x"], "give --source and --target, or --tsv"),
    ],
)
def test_a_mistake_is_one_line_and_status_2(
    model: str, more: list[str], message: str, models: Path, files: Path, capsys
) -> None:
    words = ["--source", files / "sources", "--target", files / "targets", *more]
    assert call("align", "--model", models / model, *words, "--output", files / "found") == 2
    (told,) = capsys.readouterr().err.splitlines()
    assert told.startswith("error: ") and message in told
    assert not (files / "found").exists()
