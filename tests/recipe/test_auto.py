"""The options that a training chooses follow from its data, its machine and what is given."""

import random
import warnings
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from keras_s2s.data.profile import Profile, SideProfile, profile_of
from keras_s2s.experiments.dates import make_dates
from keras_s2s.recipe.auto import choose
from keras_s2s.recipe.auto_recipe import AutoRecipe
from keras_s2s.recipe.config import Recipe
from keras_s2s.recipe.estimate import seconds_of_steps
from keras_s2s.recipe.known import EFFORTS, Known
from keras_s2s.special_ids import UNK_ID
from keras_s2s.text.train_pair import train_tokenizers
from keras_s2s.training.machine import ProductSpeed

from ..budget import examples

VOWELS = "아 오 우 이".split()


def words_of(count: int, letters: str, length: int, seed: int = 1) -> list[str]:
    draw = random.Random(seed)
    return ["".join(draw.choices(letters, k=length)) for _ in range(count)]


def sentences(count: int, words: int, seed: int = 1) -> list[str]:
    draw = random.Random(seed)
    vocabulary = words_of(3000, "abcdefghij", 6)
    return [" ".join(draw.choices(vocabulary, k=words)) for _ in range(count)]


def pronunciations(words: list[str]) -> list[tuple[str, str]]:
    return [(word, " ".join(letter.upper() for letter in word)) for word in words]


def chosen(pairs: list[tuple[str, str]], effort: str = "normal", **given: Any) -> dict[str, Any]:
    return {one.name: one.value for one in choose(profile_of(pairs), given, effort)[1]}


def test_words_are_read_by_characters_and_phones_as_symbols() -> None:
    found = chosen(pronunciations(words_of(2000, "abcdefgh", 7)))
    assert (found["source_tokenizer"], found["target_tokenizer"]) == ("character", "word")
    assert found["monitor"] == "sequence_accuracy"
    assert found["tie_embeddings"] == "none"
    assert "vocabulary_size" not in found


def test_phones_are_symbols_on_the_side_of_the_source_too() -> None:
    pairs = [(phones, word) for word, phones in pronunciations(words_of(2000, "abcdefgh", 7))]
    found = chosen(pairs)
    assert (found["source_tokenizer"], found["target_tokenizer"]) == ("word", "character")


def test_sentences_are_read_by_subwords() -> None:
    found = chosen(list(zip(sentences(2000, 8), sentences(2000, 7, seed=2), strict=True)))
    assert (found["source_tokenizer"], found["target_tokenizer"]) == ("sentencepiece",) * 2
    assert found["monitor"] == "perplexity"
    assert "tie_embeddings" not in found


def titles(count: int) -> list[tuple[str, str]]:
    """Texts of 30 words, whose targets are six of them."""
    draw = random.Random(3)
    return [(text, " ".join(draw.sample(text.split(), 6))) for text in sentences(count, 30)]


def test_where_targets_consist_of_words_of_their_source_the_decoder_copies() -> None:
    found = chosen(titles(500))
    assert found["copying"] is True
    assert found["tie_embeddings"] == "three"
    translated = list(zip(sentences(500, 30), sentences(500, 6, seed=2), strict=True))
    assert not {"copying", "tie_embeddings"} & chosen(translated).keys()
    assert chosen(translated, copying=True)["tie_embeddings"] == "three"


@pytest.mark.parametrize(
    "given",
    [
        {"attention": "none"},
        {"joint_vocabulary": False},
        {"target_tokenizer": "word"},
        {"source_normalization": "NFKC"},
        {"copying": False},
    ],
)
def test_what_cannot_or_shall_not_copy_does_not(given: dict[str, Any]) -> None:
    found = chosen(titles(500), **given)
    assert "copying" not in found
    assert found.get("tie_embeddings") != "three"


def test_dates_are_read_by_characters() -> None:
    found = chosen(make_dates(1000, seed=1))
    assert (found["source_tokenizer"], found["target_tokenizer"]) == ("character", "character")


def test_a_long_source_is_read_by_subwords_even_if_its_target_is_one_word() -> None:
    texts = sentences(500, 30)
    found = chosen([(text, text.split()[0]) for text in texts])
    assert (found["source_tokenizer"], found["target_tokenizer"]) == ("sentencepiece", "character")


def test_japanese_without_spaces_is_no_word() -> None:
    characters = [chr(code) for code in range(0x4E00, 0x4E00 + 1500)]
    draw = random.Random(1)
    texts = ["".join(draw.choices(characters, k=20)) for _ in range(500)]
    assert chosen(list(zip(texts, texts, strict=True)))["source_tokenizer"] == "sentencepiece"


def test_sentences_of_an_alphabet_without_spaces_are_no_words() -> None:
    thai = [chr(code) for code in range(0x0E01, 0x0E3B)]
    texts = random_texts(thai, 200, 60)
    assert chosen(list(zip(texts, texts, strict=True)))["target_tokenizer"] == "sentencepiece"


HAN = [chr(code) for code in range(0x4E00, 0x4E00 + 3000)]


def random_texts(symbols: Sequence[str], count: int, length: int, between: str = "") -> list[str]:
    draw = random.Random(7)
    return [between.join(draw.choices(symbols, k=length)) for _ in range(count)]


def kinds(pairs: list[tuple[str, str]], **given: Any) -> tuple[str, str]:
    found = chosen(pairs, **given)
    return found["source_tokenizer"], found["target_tokenizer"]


def test_names_of_several_words_are_spelled_and_sentences_of_as_many_are_not() -> None:
    names = [
        " ".join(one) for one in zip(*[sentences(900, 1, seed) for seed in range(4)], strict=True)
    ]
    assert kinds([(name, name.upper()) for name in names]) == ("character", "character")
    assert kinds([(name, f"{name} x") for name in names]) == ("sentencepiece", "sentencepiece")


def test_chinese_names_are_spelled() -> None:
    pairs = list(zip(sentences(900, 2), random_texts(HAN, 900, 4), strict=True))
    assert kinds(pairs) == ("character", "character")


def test_formulas_are_spelled_up_to_200_characters() -> None:
    formulas = random_texts("CNOc1()=#", 300, 90)
    assert kinds(list(zip(formulas, formulas, strict=True))) == ("character", "character")
    genomes = random_texts("ACGT", 30, 900)
    assert kinds(list(zip(genomes, genomes, strict=True))) == ("sentencepiece", "sentencepiece")


def test_a_few_long_symbols_are_symbols_too() -> None:
    tags = "O B-PERSON I-PERSON B-PLACE I-PLACE".split()
    pairs = list(zip(sentences(900, 20), random_texts(tags, 900, 20, " "), strict=True))
    assert kinds(pairs) == ("sentencepiece", "word")


def test_phones_of_a_small_lexicon_are_symbols() -> None:
    phones = [f"{vowel}{tone}" for vowel in "aeiouyxz" for tone in range(8)]
    pairs = list(zip(words_of(150, "abcdefgh", 5), random_texts(phones, 150, 5, " "), strict=True))
    assert kinds(pairs) == ("character", "word")


def test_numbers_are_spelled_not_learned_one_by_one() -> None:
    draw = random.Random(1)
    sums = [(draw.randint(-999, 999), draw.random()) for _ in range(2000)]
    assert kinds([(f"{a} + {b:.2f}", f"{a + b:.2f}") for a, b in sums]) == ("character",) * 2
    lists = [draw.choices(range(1000), k=6) for _ in range(2000)]
    pairs = [(" ".join(map(str, one)), " ".join(map(str, sorted(one)))) for one in lists]
    assert kinds(pairs) == ("character", "character")


def test_a_few_numbers_are_symbols_such_as_notes() -> None:
    notes = random_texts([str(number) for number in range(40, 80)], 900, 20, " ")
    assert kinds(list(zip(notes, notes, strict=True))) == ("word", "word")


def test_short_sentences_are_no_names() -> None:
    short = [
        f"{a.capitalize()} {b}."
        for a, b in zip(*[sentences(900, 1, n) for n in (1, 2)], strict=True)
    ]
    assert kinds(list(zip(short, reversed(short), strict=True))) == ("sentencepiece",) * 2
    names = [one.removesuffix(".") for one in short]
    assert kinds(list(zip(names, reversed(names), strict=True))) == ("character",) * 2


def test_sentences_of_a_script_without_spaces_are_no_names() -> None:
    kana = [chr(code) for code in range(0x3041, 0x3097)]
    for length, kind in ((6, "character"), (20, "sentencepiece")):
        texts = random_texts(kana, 500, length)
        assert kinds(list(zip(texts, texts, strict=True))) == (kind, kind)


def test_characters_of_a_large_alphabet_all_have_an_id() -> None:
    han = [chr(code) for code in range(0x4E00, 0x4E00 + 7000)]
    texts = random_texts(han, 20_000, 3)
    found, size = chosen(list(zip(texts, texts, strict=True))), len(set("".join(texts))) + 8
    assert (found["target_tokenizer"], found["vocabulary_size"]) == ("character", size)


def test_a_target_like_the_source_does_not_make_sentences_spelled() -> None:
    texts = list(zip(sentences(500, 8), sentences(500, 7, seed=2), strict=True))
    assert chosen(texts, target_tokenizer=None)["source_tokenizer"] == "sentencepiece"
    assert chosen(texts, target_tokenizer="word")["source_tokenizer"] == "sentencepiece"
    assert chosen(texts, target_tokenizer="word")["monitor"] == "perplexity"


@pytest.mark.parametrize("count", [1, 2, 40, 2000])
@pytest.mark.parametrize("length", [3, 20])
def test_the_vocabulary_holds_every_character(count: int, length: int) -> None:
    pairs = list(zip(random_texts(HAN, count, length), sentences(count, 9), strict=True))
    given: dict[str, Any] = {"source_tokenizer": "sentencepiece", "precision": "float32"}
    recipe = AutoRecipe(target_tokenizer="sentencepiece", **given).choose(pairs)
    with warnings.catch_warnings():  # A few texts have fewer subwords.
        warnings.simplefilter("ignore", UserWarning)
        source, _ = train_tokenizers(pairs, recipe)
    assert all(UNK_ID not in source.encode(text) for text, _ in pairs[-100:])


def test_texts_without_spaces_count_as_many_subwords() -> None:
    pairs = list(zip(sentences(20_000, 9), random_texts(HAN, 20_000, 30), strict=True))
    found = chosen(pairs)
    assert (found["units"], found["target_tokenizer"]) == (512, "sentencepiece")
    assert "batch_sentences" not in found


def test_hangul_by_characters_is_decomposed_and_in_sentences_it_is_not() -> None:
    draw = random.Random(1)
    words = [(f"{draw.choice(VOWELS)}{draw.choice(VOWELS)}", "a b") for _ in range(300)]
    found = chosen(words)
    assert found["source_normalization"] == "NFD"
    assert "target_normalization" not in found
    texts = [(" ".join(draw.choices(VOWELS, k=5)) + f" 단어{i}", "x") for i in range(300)]
    assert "source_normalization" not in chosen(texts, source_tokenizer="sentencepiece")


def test_what_is_given_is_not_chosen_and_counts_in_the_rest() -> None:
    pairs = pronunciations(words_of(2000, "abcdefgh", 7))
    found = chosen(pairs, units=64, target_tokenizer="sentencepiece")
    assert not {"units", "target_tokenizer"} & found.keys()
    assert found["embedding_dimension"] == 64
    assert found["monitor"] == "perplexity"
    found = chosen(pairs, batch_tokens=512)
    assert not {"batch_sentences", "length_noise"} & found.keys()
    assert not {"steps", "schedule"} & chosen(pairs, epochs=40).keys()
    assert chosen(pairs, epochs=40)["patience"] == 10


@pytest.mark.parametrize("given", [{"copying": True}, {"tie_embeddings": "three"}])
def test_an_option_that_needs_one_vocabulary_gets_it(given: dict[str, Any]) -> None:
    found = chosen(pronunciations(words_of(200, "abcdefgh", 7)), **given)
    assert (found["source_tokenizer"], found["target_tokenizer"]) == ("sentencepiece",) * 2


def test_a_target_like_the_source_can_be_given_as_in_a_recipe() -> None:
    pairs = pronunciations(words_of(2000, "abcdefgh", 7))
    found = chosen(pairs, source_tokenizer="character", target_tokenizer=None)
    assert found["monitor"] == "sequence_accuracy"


def test_more_text_gives_a_larger_model_and_larger_batches() -> None:
    small = profile_of(pronunciations(words_of(2000, "abcdefgh", 7)))
    large = small._replace(pairs=200_000)
    options = [{one.name: one.value for one in choose(one, {})[1]} for one in (small, large)]
    assert options[0]["units"] < options[1]["units"]
    assert "batch_sentences" in options[0]
    assert "batch_sentences" not in options[1]


@pytest.mark.parametrize(("count", "rows"), [(200, 16), (2900, 32), (3600, 64)])
def test_fewer_pairs_make_smaller_batches(count: int, rows: int) -> None:
    assert chosen(pronunciations(words_of(count, "abcdefgh", 7)))["batch_sentences"] == rows


def test_quick_makes_a_fraction_of_the_steps() -> None:
    pairs = pronunciations(words_of(3600, "abcdefgh", 7))
    assert 5 * chosen(pairs, "quick")["steps"] <= chosen(pairs)["steps"]


def test_thorough_trains_teachers_first_more_of_them_for_a_small_corpus() -> None:
    small = pronunciations(words_of(2000, "abcdefgh", 7))
    assert chosen(small, "thorough").pop("teachers") == 5
    assert chosen(small, "thorough", teachers=2)["steps"] == chosen(small)["steps"]
    assert "teachers" not in chosen(small)
    assert chosen(small, "thorough")["pseudo_sources"] == 4000
    assert "pseudo_sources" not in chosen(small, "thorough", teachers=0)
    texts = list(zip(sentences(200, 8), sentences(200, 8, seed=2), strict=True))
    assert "pseudo_sources" not in chosen(texts, "thorough")
    large = profile_of(small)._replace(pairs=200_000)
    assert {one.name: one.value for one in choose(large, {}, "thorough")[1]}["teachers"] == 3


def test_without_a_validation_or_with_a_cosine_there_are_fewer_steps() -> None:
    pairs = pronunciations(words_of(3600, "abcdefgh", 7))
    found = chosen(pairs)
    without: list[dict[str, Any]] = [{"valid_share": 0.0}, {"schedule": "cosine"}]
    for given in without:
        fewer = chosen(pairs, **given)
        assert "schedule" not in fewer
        assert 2 * fewer["steps"] < found["steps"]
        assert fewer["patience"] * 57 >= fewer["steps"]


@pytest.mark.parametrize(("bfloat16", "expected"), [(1.7e9, "bfloat16"), (0.7e9, "float32")])
def test_precision_is_what_the_machine_multiplies_faster(bfloat16: float, expected: str) -> None:
    profile = profile_of(pronunciations(words_of(200, "abcdefgh", 7)))
    asked = []

    def measure(rows: int, size: int) -> ProductSpeed:
        asked.append((rows, size))
        return ProductSpeed(1e9, bfloat16)

    _, found = choose(profile, {"units": 96}, measure=measure)
    assert {one.name: one.value for one in found}["precision"] == expected
    assert {size for _, size in asked} == {96}
    asked.clear()
    choose(profile, {"precision": "float32"}, measure=measure)
    assert not asked


def test_a_batch_has_at_most_all_pairs() -> None:
    known, _ = choose(profile_of([("a", "b")] * 30), {"batch_sentences": 1_000_000})
    assert known.rows == 30


@pytest.mark.parametrize("steps", [None, 1_000_000_000])
def test_steps_without_a_number_or_without_an_end_are_a_recipe(steps: int | None) -> None:
    found = chosen(pronunciations(words_of(200, "abcdefgh", 7)), steps=steps)
    assert found["patience"] == (30 if steps is None else 1_000_000)


def test_several_workers_measure_nothing() -> None:
    known, _ = choose(profile_of([("a", "b")]), {})
    assert known["precision"] == "float32"
    assert seconds_of_steps(known) == 0.0


def test_the_estimate_grows_with_steps_and_size_and_shrinks_with_speed() -> None:
    profile = profile_of(list(zip(sentences(900, 8), sentences(900, 7), strict=True)))

    def seconds(speed: float = 1e11, **given: Any) -> float:
        known, _ = choose(profile, given, measure=lambda *_: ProductSpeed(speed, speed / 2))
        return seconds_of_steps(known)

    assert seconds(steps=200) == pytest.approx(2 * seconds(steps=100))
    assert seconds(speed=2e11) == pytest.approx(seconds() / 2)
    assert 3 < seconds(units=512, embedding_dimension=512) / seconds(units=256) < 5
    assert seconds(num_layers=2) > seconds()
    assert seconds(epochs=2) == pytest.approx(2 * seconds(epochs=1))


SIDES = st.builds(
    SideProfile,
    characters=st.floats(0, 1e4),
    words=st.floats(0, 1e3),
    wide=st.floats(0, 1e4),
    distinct_characters=st.integers(0, 10_000),
    distinct_words=st.integers(0, 100_000),
    word_length=st.floats(0, 100),
    uses=st.floats(0, 1e5),
    numbers=st.floats(0, 1),
    hangul=st.floats(0, 1),
    unspaced=st.floats(0, 1),
    stops=st.floats(0, 1),
)
PROFILES = st.builds(
    Profile,
    pairs=st.integers(1, 10**8),
    source=SIDES,
    target=SIDES,
    copied=st.floats(0, 1),
    parallel=st.floats(0, 1),
    characters=st.integers(0, 2_000_000),
)
GIVEN = st.fixed_dictionaries(
    {},
    optional={
        "source_tokenizer": st.sampled_from(["sentencepiece", "word", "character"]),
        "target_tokenizer": st.sampled_from(["sentencepiece", "word", "character", None]),
        "tie_embeddings": st.sampled_from(["none", "two", "three"]),
        "attention": st.sampled_from(["luong", "bahdanau", "none"]),
        "direction": st.sampled_from(["both", "forward"]),
        "units": st.sampled_from([2, 64, 1000]),
        "batch_tokens": st.integers(1, 10_000),
        "batch_sentences": st.integers(1, 10_000),
        "num_layers": st.integers(1, 4),
        "joint_vocabulary": st.booleans(),
        "copying": st.booleans(),
        "source_normalization": st.sampled_from(["NFC", "NFKC", "NFD"]),
        "epochs": st.integers(1, 1000),
        "steps": st.sampled_from([None, 1, 10**9]),
        "schedule": st.sampled_from(["cosine", "plateau"]),
        "valid_share": st.sampled_from([0.0, 0.1, None]),
        "minutes": st.floats(0.1, 1000),
    },
)


def is_recipe(options: dict[str, Any]) -> bool:
    try:
        Recipe(**options)
    except ValueError:
        return False
    return True


@drawn(PROFILES, GIVEN.filter(is_recipe), st.sampled_from(EFFORTS))
@examples(200)
def test_for_any_data_and_any_options_the_choice_is_a_recipe(
    profile: Profile, options: dict[str, Any], effort: str
) -> None:
    if effort == "thorough":  # An `AutoRecipe` refuses it.
        options = {name: one for name, one in options.items() if name != "minutes"}
    known, found = choose(profile, options, effort, lambda rows, size: ProductSpeed(1e9, 2e9))
    assert Recipe(**known.options)
    names = [one.name for one in found]
    assert len(names) == len(set(names))
    assert {*names} <= Recipe.CHOSEN | {"teachers", "pseudo_sources"}
    assert not {*names} & options.keys()
    assert all(one.reason for one in found)
    assert seconds_of_steps(known) >= 0
    assert isinstance(known, Known)
