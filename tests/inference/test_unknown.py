"""Where an answer holds an unknown id, the source has the word."""

from typing import Any

import keras
import numpy as np
import pytest

from keras_s2s import (
    Beam,
    CharacterTokenizer,
    Decoder,
    Encoder,
    Greedy,
    LuongAttention,
    Sample,
    SentencePieceTokenizer,
    Seq2Seq,
    Translator,
    WordTokenizer,
)
from keras_s2s.inference.unknown import UnknownWords

from ..budget import first

UNK, END = 1, 3
SOURCE = WordTokenizer(["a", "dog", "runs"])
TARGET = WordTokenizer(["ein", "Hund"])


def looks_at(*places: int, count: int) -> np.ndarray:
    """Attention `[T, S]` that looks at one place in each step, and a little at all."""
    return 0.8 * np.eye(count, dtype="float32")[list(places)] + 0.01


@pytest.mark.parametrize(
    ("source", "target", "places", "expected"),
    [
        ("a gnu", [4, UNK, END], (0, 1, 2), "ein gnu"),
        ("a gnu", [UNK, 4, END], (1, 0, 2), "gnu ein"),
        ("a gnu sees Zoë", [UNK, 4, UNK, UNK], (3, 0, 1, 1), "Zoë ein gnu gnu"),
        ("a gnu", [4, 5, END], (0, 1, 2), "ein Hund"),
        ("a dog", [4, UNK, END], (0, 1, 2), "ein dog"),  # Known to the source, not to the target.
        ("gnu,\u00a0 Zoë.", [UNK, UNK, END], (0, 2, 3), "gnu Zoë"),
    ],
)
def test_the_word_that_the_step_looked_at_most_is_copied_as_it_stands(
    source: str, target: list[int], places: tuple[int, ...], expected: str
) -> None:
    weights = looks_at(*places, count=len(SOURCE.encode(source)) + 1)
    assert UnknownWords(SOURCE, TARGET).text(source, target, weights) == expected


def test_the_end_mark_is_never_what_was_looked_at() -> None:
    weights = np.array([[0.1, 0.2, 0.7]], "float32")
    assert UnknownWords(SOURCE, TARGET).text("a gnu", [UNK], weights) == "gnu"


def test_a_dictionary_comes_before_the_copy_in_any_unicode_form() -> None:
    words = UnknownWords(SOURCE, TARGET, {"Zoe\u0308": "Zoé la grande", "dog": "Köter"})
    weights = looks_at(0, 1, 2, count=4)
    assert words.text("Zoë dog gnu", [UNK, UNK, UNK], weights) == "Zoé la grande Köter gnu"


def test_of_two_entries_for_one_word_in_two_forms_the_first_counts() -> None:
    words = UnknownWords(SOURCE, TARGET, {"Zo\u00eb": "first", "Zoe\u0308": "second"})
    assert words.text("Zo\u00eb", [UNK], np.eye(1, 2, dtype="float32")) == "first"


def test_of_a_source_that_was_cut_what_was_read_is_copied() -> None:
    weights = looks_at(1, count=3)
    assert UnknownWords(SOURCE, TARGET).text("a gnu sees Zoë", [UNK], weights) == "gnu"


def test_characters_are_copied_one_by_one() -> None:
    source = CharacterTokenizer(["a", "b"], normalization="NFD")
    target = CharacterTokenizer(["x", "\u0323"])
    text = UnknownWords(source, target).text(
        "aé", [4, UNK, UNK, END], looks_at(0, 1, 2, 3, count=4)
    )
    assert text == "xé"


def test_of_subwords_the_word_is_copied_and_what_is_unknown_alone() -> None:
    source = SentencePieceTokenizer.train(["low lower lowest (new) newest."], 20)
    ids = source.encode("(lowest) Zé")
    pieces = source.pieces(ids)
    words = UnknownWords(source, TARGET)
    for place, piece in enumerate(pieces):
        text = words.text("(lowest) Zé", [4, UNK, END], looks_at(0, place, 0, count=len(ids) + 1))
        known = "lowest" if place < pieces.index("<unk>") - 1 else "Zé"
        assert text == f"ein {known}", piece
    assert ids.count(UNK) == 1 and len(ids) > 4


@pytest.mark.parametrize("wrong", [{"a": 1}, {1: "a"}, ["a"], "ab"])
def test_a_dictionary_maps_strings_to_strings(wrong: Any) -> None:
    with pytest.raises(TypeError, match="`dictionary` must map source words to target words"):
        UnknownWords(SOURCE, TARGET, wrong)


def make(attention: bool = True) -> Translator:
    """A translator whose greedy answers are unknown words alone."""
    keras.utils.set_random_seed(4)
    kind = LuongAttention(8) if attention else None
    decoder = Decoder(TARGET.vocabulary_size, 8, attention=kind)
    model = Seq2Seq(Encoder(SOURCE.vocabulary_size, 8), decoder)
    model.set_weights([4 * one for one in model.get_weights()])
    kernel: Any = decoder.output_kernel
    kernel.assign(0.0 * kernel)  # Of tokens that are all alike the first is taken: the unknown.
    return Translator(model, SOURCE, TARGET)


TEXTS = ["a gnu sees Zoë", "", "dog, runs", "gnu", "a dog runs gnu gnats"]
OPTIONS: dict[str, Any] = {"maximum_length": 6, "search": Greedy()}


@pytest.mark.parametrize(
    "options",
    first(1, [{"search": Beam(4), "n_best": 3}, {}, {"search": Sample(seed=1)}]),
    ids=["beam", "greedy", "sampling"],
)
def test_a_translators_texts_change_and_nothing_else(options: dict[str, Any]) -> None:
    translator, options = make(), {**OPTIONS, **options}
    plain = list(translator.stream(TEXTS, attention=True, **options))
    words = list(translator.stream(TEXTS, replace_unknown=True, **options))
    assert any("⁇" in one.text for answers in plain for one in answers)
    rule = UnknownWords(SOURCE, TARGET)
    for source, ours, theirs in zip(TEXTS, words, plain, strict=True):
        for a, b in zip(ours, theirs, strict=True):
            assert a.weights is None and "⁇" not in a.text
            assert a.target_pieces == b.target_pieces
            assert a.score == pytest.approx(b.score, abs=1e-6)
            if b.weights is not None:
                ids = [
                    ["<pad>", "<unk>", "<s>", "</s>", *TARGET.symbols].index(piece)
                    for piece in b.target_pieces
                ]
                assert a.text == rule.text(source, ids, b.weights)


def test_weights_come_with_it_if_they_are_asked_for() -> None:
    translator = make()
    ((one,),) = translator.stream(["gnu a"], attention=True, replace_unknown=True, **OPTIONS)
    ((same,),) = translator.stream(["gnu a"], attention=True, **OPTIONS)
    assert one.weights is not None and same.weights is not None
    np.testing.assert_array_equal(one.weights, same.weights)


def test_translate_takes_a_dictionary() -> None:
    translator = make()
    copied = translator.translate(TEXTS, replace_unknown=True, **OPTIONS)
    found = translator.translate(
        TEXTS, replace_unknown=True, dictionary={"gnu": "Zebra"}, **OPTIONS
    )
    assert found == [text.replace("gnu", "Zebra") for text in copied] and found != copied


@pytest.mark.slow  # Traces the searches of an ensemble: 4 s.
def test_an_ensemble_looks_with_the_mean_of_its_attention() -> None:
    translator = make()
    twice = Translator.ensemble([translator, translator])
    assert twice.translate(TEXTS, replace_unknown=True, **OPTIONS) == translator.translate(
        TEXTS, replace_unknown=True, **OPTIONS
    )


def test_what_cannot_be_done_is_told_at_the_door() -> None:
    with pytest.raises(ValueError, match=r"a model without attention looks at none\. Received: re"):
        make(attention=False).translate(TEXTS, replace_unknown=True)
    with pytest.raises(ValueError, match="a dictionary and replace_unknown=False"):
        make().stream(TEXTS, dictionary={"a": "b"})
    with pytest.raises(TypeError, match="`dictionary` must map"):
        make().stream(TEXTS, replace_unknown=True, dictionary=["a"])  # pyright: ignore
