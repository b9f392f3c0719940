"""A translator gives each text its answer: alone, in any company, from a list or a stream."""

import itertools
import json
import os
import pickle
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_s2s import (
    BahdanauAttention,
    Beam,
    CharacterTokenizer,
    Decoder,
    Encoder,
    Greedy,
    LuongAttention,
    Sample,
    Seq2Seq,
    TextTranslator,
    Translator,
    WordTokenizer,
)
from keras_s2s.inference.length_batches import SOURCE_CELLS, WEIGHT_CELLS
from keras_s2s.inference.limits import DEFAULT_LIMIT
from keras_s2s.inference.pipeline import TextPipeline
from keras_s2s.inference.translation import Hypothesis, Translation

from ..budget import examples, first

if TYPE_CHECKING:
    from keras_s2s.export import LiteRTTranslator, OnnxTranslator, SavedModelTranslator

PAD, UNK, START, END = range(4)
LETTERS = "abcdefgh"
TEXTS = ["abc", "", "hgfedcba", " ", "dd", "a", "cab fed", "\t", "gag"]


def test_a_used_translator_is_pickled_and_answers_the_same() -> None:
    tokenizer = CharacterTokenizer.train(["abc"])
    size = tokenizer.vocabulary_size
    model = Seq2Seq(Encoder(size, 8), Decoder(size, 8, attention=LuongAttention(8)))
    translator = Translator(model, tokenizer, tokenizer)
    texts = ["abc", "b"]
    before = translator.translate(texts, maximum_length=5)
    again = pickle.loads(pickle.dumps(translator))
    assert again.translate(texts, maximum_length=5) == before
    assert translator.translate(texts, maximum_length=5) == before


def make_model(
    size: int, attention: Any = "luong", dtype: str = "float32", seed: int = 3
) -> Seq2Seq:
    """A model that nobody trained, with weights so large that its choices are clear."""
    keras.utils.set_random_seed(seed)
    if attention == "luong":
        attention = LuongAttention(12, dtype=dtype)
    model = Seq2Seq(
        Encoder(size, 12, dtype=dtype), Decoder(size, 12, attention=attention, dtype=dtype)
    )
    model.set_weights([3 * weights for weights in model.get_weights()])
    return model


@pytest.fixture(scope="module")
def tokenizer() -> CharacterTokenizer:
    return CharacterTokenizer.train([LETTERS])


@pytest.fixture(scope="module")
def translator(tokenizer: CharacterTokenizer) -> Translator:
    model = make_model(tokenizer.vocabulary_size)
    return Translator(model, tokenizer, tokenizer, search=Beam(3, length_penalty=0.7))


@pytest.fixture(scope="module")
def plain(tokenizer: CharacterTokenizer) -> Translator:
    """One without attention."""
    return Translator(make_model(tokenizer.vocabulary_size, None), tokenizer, tokenizer)


def log_softmax(logits: np.ndarray) -> np.ndarray:
    shifted = logits - logits.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


def next_logits(model: Seq2Seq, source: list[int], target: list[int]) -> np.ndarray:
    """The logits behind each token of a target, by the way that training takes."""
    inputs = (np.array([source + [END]]), np.array([[START, *target]]))
    return keras.ops.convert_to_numpy(model(inputs))[0]


def test_a_list_a_tuple_and_a_generator_give_the_same_answers_in_order(
    translator: Translator,
) -> None:
    answers = translator.translate(TEXTS, maximum_length=9)
    assert len(answers) == len(TEXTS)
    assert len(set(answers)) > 3  # Different texts have different answers, or order says nothing.
    assert translator.translate(tuple(TEXTS), maximum_length=9) == answers
    assert translator.translate((text for text in TEXTS), maximum_length=9) == answers
    assert translator.translate(reversed(TEXTS), maximum_length=9) == answers[::-1]


def test_no_text_has_no_answer(translator: Translator) -> None:
    assert translator.translate([]) == []


def test_blank_texts_have_empty_answers(translator: Translator) -> None:
    assert translator.translate(["", "  ", "\t\u3000"]) == ["", "", ""]
    ((empty,),) = translator.stream([" "], n_best=3, attention=True)
    assert empty == ("", 0.0, 0.0, [], [], None)


def test_the_greedy_answer_takes_the_likeliest_token_at_each_step(
    translator: Translator, tokenizer: CharacterTokenizer
) -> None:
    for text in ("abc", "hgfedcba"):
        source, target = tokenizer.encode(text), []
        while len(target) < 12 and END not in target:
            logits = next_logits(translator.model, source, target)[-1]
            logits[[PAD, START]] = -np.inf
            target.append(int(logits.argmax()))
        (answer,) = translator.translate([text], search=Greedy(), maximum_length=12)
        assert answer == tokenizer.decode(target)


def test_the_log_probability_is_that_of_the_model_and_the_score_divides_it(
    translator: Translator, tokenizer: CharacterTokenizer
) -> None:
    for answer in next(translator.stream(["bad"], n_best=3, maximum_length=8)):
        target = tokenizer.encode(answer.text)
        count = len(answer.target_pieces)
        logits = next_logits(translator.model, tokenizer.encode("bad"), target)
        expected = log_softmax(logits)[range(count), [*target, END][:count]].sum()
        assert answer.log_probability == pytest.approx(expected, abs=1e-4)
        assert answer.score == pytest.approx(expected / ((5 + count) / 6) ** 0.7, abs=1e-4)


def test_the_best_answers_are_different_and_come_in_order(translator: Translator) -> None:
    for answers in translator.stream(["abc", "dad"], n_best=3, maximum_length=9):
        scores = [answer.score for answer in answers]
        assert scores == sorted(scores, reverse=True)
        assert len({tuple(answer.target_pieces) for answer in answers}) == len(answers) == 3


def test_the_first_of_several_answers_is_the_only_one_of_one(translator: Translator) -> None:
    several = translator.stream(["abc", "dad"], n_best=3, maximum_length=9)
    assert [answers[0].text for answers in several] == translator.translate(
        ["abc", "dad"], maximum_length=9
    )


def test_a_beam_of_one_is_the_greedy_search(
    translator: Translator, tokenizer: CharacterTokenizer
) -> None:
    narrow = Translator(translator.model, tokenizer, tokenizer, search=Greedy())
    answers = narrow.translate(TEXTS, maximum_length=9)
    assert translator.translate(TEXTS, maximum_length=9, search=Greedy()) == answers
    assert translator.translate(TEXTS, maximum_length=9) != answers  # The width matters here.


texts_of_letters = st.text(alphabet=f"{LETTERS} xé가", max_size=9)


@examples(6)
@given(texts=st.lists(texts_of_letters, max_size=7), order=st.randoms(use_true_random=False))
@pytest.mark.parametrize("beam_size", first(1, [3, 1]))
def test_an_answer_is_the_same_alone_and_in_any_company_and_order(
    translator: Translator, beam_size: int, texts: list[str], order: Any
) -> None:
    alone = [translator.translate([text], search=Beam(beam_size))[0] for text in texts]
    places = list(range(len(texts)))
    order.shuffle(places)
    shuffled = [texts[place] for place in places]
    options: dict[str, Any] = {"search": Beam(beam_size), "batch_size": order.randint(1, 4)}
    assert translator.translate(shuffled, **options) == [alone[place] for place in places]


def test_a_stream_reads_no_further_than_its_window(translator: Translator) -> None:
    read = 0

    def endless() -> Iterator[str]:
        nonlocal read
        for text in itertools.cycle(["abc", "", "de"]):
            read += 1
            yield text

    options: dict[str, Any] = {"maximum_length": 4, "search": Greedy()}
    answers = translator.stream(endless(), window=5, **options)
    assert read == 0
    first = [next(answers)[0].text for _ in range(5)]
    assert read == 5
    next(answers)
    assert read == 10
    assert first == translator.translate(["abc", "", "de", "abc", ""], **options)
    one_by_one = translator.stream(endless(), window=1, **options)
    next(one_by_one)
    assert read == 11


def test_windows_change_nothing(translator: Translator) -> None:
    small = translator.stream(TEXTS, maximum_length=9, window=2)
    assert [answers[0].text for answers in small] == translator.translate(TEXTS, maximum_length=9)


def test_the_attention_weights_fit_the_pieces_and_sum_to_one(translator: Translator) -> None:
    found = list(translator.stream(TEXTS, n_best=3, attention=True, maximum_length=6))
    for text, answers in zip(TEXTS, found, strict=True):
        for answer in answers if text.strip() else []:
            weights = answer.weights
            assert weights is not None and weights.dtype == np.float32
            assert weights.shape == (len(answer.target_pieces), len(answer.source_pieces))
            np.testing.assert_allclose(weights.sum(-1), 1.0, atol=1e-5)
            assert len(answer.source_pieces) == len(text) + 1


def test_the_attention_is_that_of_the_text_alone_and_changes_no_answer(
    translator: Translator,
) -> None:
    options: dict[str, Any] = {"n_best": 3, "attention": True, "maximum_length": 6}
    together: list[Any] = list(translator.stream(["ab", "hgfedcba"], **options))
    alone: Any = next(translator.stream(["ab"], **options))[0]
    np.testing.assert_allclose(together[0][0].weights, alone.weights, atol=1e-5)
    assert alone.text == translator.translate(["ab"], maximum_length=6)[0]


def test_pieces_are_those_that_the_model_read_and_wrote(translator: Translator) -> None:
    ((answer,),) = translator.stream(["abx"], maximum_length=40)
    assert answer.source_pieces == ["a", "b", "<unk>", "</s>"]
    has_ended = answer.target_pieces[-1] == "</s>"
    assert len(answer.text) <= len(answer.target_pieces) - has_ended


def test_an_answer_is_no_longer_than_its_limit(translator: Translator) -> None:
    ((short,),) = translator.stream(["abc"], maximum_length=3, search=Greedy())
    assert len(short.target_pieces) <= 3
    ((one,),) = translator.stream(["abc"], maximum_length=1, search=Greedy())
    assert len(one.target_pieces) == 1


def test_by_default_the_limit_grows_with_the_text(tokenizer: CharacterTokenizer) -> None:
    model = make_model(tokenizer.vocabulary_size)
    weights = [np.zeros_like(weights) for weights in model.get_weights()]
    model.set_weights(weights)  # All tokens are alike, so the first that is allowed is taken.
    endless = Translator(model, tokenizer, tokenizer, search=Greedy())
    ((short,), (long,)) = endless.stream(["a", "abcd"])
    assert (len(short.target_pieces), len(long.target_pieces)) == (3 * 2 + 20, 3 * 5 + 20)
    assert set(short.target_pieces) == {"<unk>"}


def test_what_is_too_long_is_cut_between_tokens_with_a_warning(
    translator: Translator, tokenizer: CharacterTokenizer
) -> None:
    short_sighted = Translator(
        translator.model, tokenizer, tokenizer, search=Greedy(), maximum_source_length=5
    )
    texts = ["abcd", "abcde", "ab", "abcdh"]
    message = "2 of the texts, the first of them text 2, were cut to 5 tokens, end mark included"
    with pytest.warns(UserWarning, match=message):
        fit, cut, _, cut_too = short_sighted.stream(texts, maximum_length=9)
    assert cut == fit == cut_too
    assert cut[0].source_pieces == ["a", "b", "c", "d", "</s>"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        short_sighted.translate(["abcd"])  # Just short enough.
        assert short_sighted.translate(["abcd"], strict=True) == [fit[0].text]
    with pytest.raises(ValueError, match=r"Text 2 must have at most 5 tokens.* Received: 6 tokens"):
        short_sighted.translate(texts, strict=True)


@pytest.mark.slow  # Traces two searches: 4 s.
def test_half_a_character_that_json_named_is_read_as_an_unknown_one(
    translator: Translator,
) -> None:
    texts = json.loads('["ab\\ud83d c", "\\udc00", "ab\\ud83d\\ude00c"]')
    with_halves = [texts[0], texts[1], "ab\ud83d\ude00c"]
    expected = translator.translate(["ab\ufffd c", "\ufffd", "ab😀c"])
    assert translator.translate(with_halves) == translator.translate(texts) == expected
    assert [*translator.stream(with_halves, replace_unknown=True)]


def drawn(translator: Translator, texts: list[str], seed: int = 1, **options: Any) -> list[str]:
    answers = translator.stream(
        texts, search=Sample(seed=seed, temperature=2.0), maximum_length=8, **options
    )
    return [answer.text for (answer,) in answers]


def test_samples_depend_on_the_seed_the_text_and_its_place_alone(translator: Translator) -> None:
    texts = ["abc", "", "hgfedcba", "abc", "dd"]
    answers = drawn(translator, texts)
    assert drawn(translator, texts) == answers
    assert drawn(translator, texts, batch_size=2, window=3) == answers
    assert drawn(translator, ["h", *texts[1:]])[1:] == answers[1:]
    assert drawn(translator, texts, seed=2) != answers
    assert answers[0] != answers[3]  # One text at two places is drawn twice.
    assert answers[1] == ""


@pytest.mark.slow  # Draws many samples: 3 s.
def test_several_samples_of_a_text_are_drawn_independently(translator: Translator) -> None:
    texts = ["abc", "", "hgfedcba", "abc"]

    def several(n_best: int, **options: Any) -> list[list[Translation]]:
        search = Sample(seed=1, temperature=2.0)
        found = translator.stream(
            texts, search=search, n_best=n_best, maximum_length=8, attention=True, **options
        )
        return list(found)

    five = several(5)
    answers = [[one.text for one in row] for row in five]
    assert [row[:1] for row in answers] == [[text] for text in drawn(translator, texts)]
    assert [[one.text for one in row[:2]] for row in several(2, batch_size=2, window=1)] == [
        row[:2] for row in answers
    ]
    assert [len(row) for row in answers] == [5, 1, 5, 5]
    assert all(len(set(row)) > 2 for row in (answers[0], answers[2]))
    assert answers[0] != answers[3]
    for one in (one for row in five if row[0].text for one in row):
        assert one.weights is not None
        assert one.weights.shape == (len(one.target_pieces), len(one.source_pieces))
        np.testing.assert_allclose(one.weights.sum(-1), 1.0, rtol=1e-5)


def test_a_new_seed_makes_no_new_graph(translator: Translator) -> None:
    drawn(translator, ["ab"], seed=3)
    before = len(translator._graphs._functions)
    drawn(translator, ["ab"], seed=2**32 - 1)
    assert len(translator._graphs._functions) == before


def test_sampling_from_the_likeliest_alone_is_the_greedy_search(translator: Translator) -> None:
    texts = ["abc", "hgfedcba", "dd"]
    found = translator.stream(texts, search=Sample(seed=1, top_k=1), maximum_length=8)
    answers = [answer.text for (answer,) in found]
    assert answers == translator.translate(texts, search=Greedy(), maximum_length=8)


@pytest.mark.parametrize("texts", ["abc", b"abc", None, 5])
def test_one_string_is_no_list_of_texts(translator: Translator, texts: Any) -> None:
    with pytest.raises(TypeError, match="`texts` must be a list or another iterable of strings"):
        translator.translate(texts)


def test_what_is_no_string_is_named_by_its_place(translator: Translator) -> None:
    with pytest.raises(TypeError, match=r"Text 3 must be a string\. Received: 7"):
        translator.translate(["a", "b", 7])  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_best": 0}, "`n_best` must be at least 1"),
        ({"n_best": 4}, "`n_best` must be at most the beam size.* n_best=4, beam_size=3"),
        ({"n_best": 2, "search": Greedy()}, "n_best=2, beam_size=1"),
        ({"batch_size": 0}, "`batch_size` must be at least 1"),
        ({"window": 0}, "`window` must be at least 1"),
        ({"maximum_length": 0}, "`maximum_length` must be at least 1"),
        ({"batch_size": 10**7}, "`batch_size` must be at most 1,000,000"),
        ({"window": None}, "`window` must be a whole number"),
        ({"maximum_length": 1.5}, "`maximum_length` must be a whole number"),
    ],
)
def test_numbers_out_of_range_are_told_before_the_first_text_is_read(
    translator: Translator, options: dict[str, Any], message: str
) -> None:
    def unread() -> Iterator[str]:
        pytest.fail("a text was read")
        yield ""

    with pytest.raises(ValueError, match=message):
        translator.stream(unread(), **options)


def test_a_search_is_an_object_and_a_sample_is_no_default(
    translator: Translator, tokenizer: CharacterTokenizer
) -> None:
    with pytest.raises(TypeError, match="`search` must be a Greedy, Beam or Sample object"):
        translator.stream(["a"], search={"seed": 1})  # pyright: ignore[reportArgumentType]
    message = "`search` of a translator must be a Greedy or Beam object.* Received: search=Sample"
    with pytest.raises(TypeError, match=message):
        Translator(translator.model, tokenizer, tokenizer, search=Sample())  # pyright: ignore


def test_every_translator_satisfies_the_protocol(translator: Translator) -> None:
    checked: TextTranslator = translator  # The type checker compares the signatures.
    assert checked.search == Beam(3, length_penalty=0.7)
    if TYPE_CHECKING:
        alone: TextTranslator = LiteRTTranslator("")
        alone = OnnxTranslator("")
        alone = SavedModelTranslator("")
        assert alone


def test_without_attention_there_is_none_to_show(plain: Translator) -> None:
    assert len(plain.translate(["abc", "d"], maximum_length=5, search=Beam(2))) == 2
    with pytest.raises(ValueError, match="attention=True, coverage_penalty=0.0"):
        plain.stream(["abc"], attention=True)
    with pytest.raises(ValueError, match="coverage_penalty=0.2"):
        plain.stream(["abc"], search=Beam(coverage_penalty=0.2))


@pytest.mark.slow  # Traces two searches; the next precision test holds it too.
def test_a_model_of_lower_precision_translates_in_float32_with_the_same_weights(
    tokenizer: CharacterTokenizer,
) -> None:
    size = tokenizer.vocabulary_size
    attention = BahdanauAttention(12, dtype="mixed_bfloat16")
    trained = make_model(size, attention, dtype="mixed_bfloat16", seed=7)
    exact = make_model(size, BahdanauAttention(12), seed=8)
    exact.set_weights(trained.get_weights())
    translator = Translator(trained, tokenizer, tokenizer)
    for mine, theirs in zip(translator.model.weights, trained.weights, strict=True):
        np.testing.assert_array_equal(mine.numpy(), theirs.numpy())
    used: Any = translator.model
    parts = (used.encoder, used.decoder, used.decoder.attention)
    assert [part.compute_dtype for part in parts] == ["float32"] * 3
    options: dict[str, Any] = {"search": Greedy(), "maximum_length": 9}
    (mine,) = translator.stream(["abc"], **options)
    (theirs,) = Translator(exact, tokenizer, tokenizer).stream(["abc"], **options)
    assert mine == theirs


@pytest.mark.parametrize(
    "dtype", first(1, ["mixed_bfloat16", "mixed_float16", "bfloat16", "float32"])
)
def test_it_translates_and_saves_the_weights_that_the_model_has_now(
    tokenizer: CharacterTokenizer, dtype: str, tmp_path: Path
) -> None:
    size = tokenizer.vocabulary_size
    trained = make_model(size, LuongAttention(12, dtype=dtype), dtype=dtype, seed=7)
    translator = Translator(trained, tokenizer, tokenizer, search=Greedy())
    together = Translator.ensemble([translator, translator])
    texts = ["abc", "cab", "bb"]
    before = translator.translate(texts, maximum_length=9)
    random = np.random.default_rng(1)
    trained.set_weights([random.normal(0, 1.5, w.shape) for w in trained.get_weights()])
    expected = Translator(trained, tokenizer, tokenizer, search=Greedy()).translate(
        texts, maximum_length=9
    )
    assert expected != before
    assert translator.translate(texts, maximum_length=9) == expected
    assert together.translate(texts, maximum_length=9) == expected
    translator.save(tmp_path / "model")
    saved = Translator.load(tmp_path / "model")
    assert saved.translate(texts, maximum_length=9) == expected
    for mine, theirs in zip(translator.model.weights, trained.weights, strict=True):
        np.testing.assert_array_equal(mine.numpy(), np.asarray(theirs).astype("float32"))


@pytest.mark.parametrize("part", ["encoder", "attention"])
def test_one_part_of_lower_precision_is_enough_for_a_copy(
    tokenizer: CharacterTokenizer, part: str
) -> None:
    size, low = tokenizer.vocabulary_size, "mixed_bfloat16"
    dtypes = {"encoder": None, "attention": None, part: low}
    attention = LuongAttention(4, dtype=dtypes["attention"])
    model = Seq2Seq(
        Encoder(size, 4, dtype=dtypes["encoder"]), Decoder(size, 4, attention=attention)
    )
    used: Any = Translator(model, tokenizer, tokenizer).model
    assert used.encoder.compute_dtype == used.decoder.attention.compute_dtype == "float32"


def test_a_float32_model_is_used_as_it_is(tokenizer: CharacterTokenizer) -> None:
    model = make_model(tokenizer.vocabulary_size)
    assert Translator(model, tokenizer, tokenizer).model is model


def test_what_does_not_belong_together_is_told_at_the_door(tokenizer: CharacterTokenizer) -> None:
    size = tokenizer.vocabulary_size
    model, other = make_model(size), WordTokenizer(["a"])
    with pytest.raises(ValueError, match=f"source tokenizer .* a model of {size} ids and .* of 5"):
        Translator(model, other, tokenizer)
    with pytest.raises(ValueError, match="target tokenizer"):
        Translator(model, tokenizer, other)
    with pytest.raises(TypeError, match="`target_tokenizer` must be a keras_s2s tokenizer"):
        Translator(model, tokenizer, str)  # pyright: ignore[reportArgumentType]
    with pytest.raises(TypeError, match="`model` must be a keras_s2s.Seq2Seq"):
        Translator(keras.Sequential(), tokenizer, tokenizer)  # pyright: ignore


def test_a_length_out_of_range_is_told_at_the_door(tokenizer: CharacterTokenizer) -> None:
    model = make_model(tokenizer.vocabulary_size)
    with pytest.raises(ValueError, match="`maximum_source_length` must be at least 1"):
        Translator(model, tokenizer, tokenizer, maximum_source_length=0)


def test_progress_counts_all_texts_on_the_standard_error_stream(
    translator: Translator, capsys: pytest.CaptureFixture
) -> None:
    translator.translate(TEXTS, maximum_length=3, batch_size=2, progress=True)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.endswith(f"\r{len(TEXTS)} sentences\n")


class Recorder:
    """In place of a model: notes the sizes of its batches and ends every hypothesis at once."""

    has_attention = True
    maximum_batch_size = None

    def __init__(self) -> None:
        self.shapes: list[tuple[int, int]] = []

    def check(self, search: Any) -> None:
        pass

    def find(
        self,
        sources: Any,
        limits: Any,
        positions: Any,
        search: Any,
        n_best: int,
        attention: bool,
        prefixes: Any = None,
    ) -> list[list[Hypothesis]]:
        self.shapes.append((len(sources), max(map(len, sources))))
        return [[Hypothesis(0.0, 0.0, [END], None)] for _ in sources]


def recorded(
    tokenizer: CharacterTokenizer, texts: list[str], search: Any = Greedy(), attention: bool = False
) -> Any:
    recorder = Recorder()
    pipeline = TextPipeline(
        recorder,
        tokenizer,
        tokenizer,
        search,
        1,
        attention=attention,
        maximum_source_length=10_000,
        limit=DEFAULT_LIMIT,
        batch_size=64,
        window=4096,
        progress=False,
    )
    assert len(list(pipeline.run(texts))) == len(texts)
    return recorder.shapes


def test_texts_of_like_length_share_a_batch_the_longest_first(
    tokenizer: CharacterTokenizer,
) -> None:
    shapes = recorded(tokenizer, ["a" * (n % 5) for n in range(200)])
    assert shapes == [(64, 5), (64, 4), (32, 2)]


def test_long_texts_go_in_batches_that_memory_can_hold(tokenizer: CharacterTokenizer) -> None:
    shapes = recorded(tokenizer, ["a" * 999] * 40)
    assert shapes == [(16, 1000)] * 2 + [(8, 1000)]
    assert all(rows * columns <= SOURCE_CELLS for rows, columns in shapes)
    shapes = recorded(tokenizer, ["a" * 999] * 9, Beam(5), attention=True)
    assert all(5 * rows * 1000 * 3020 <= WEIGHT_CELLS for rows, _ in shapes)
    assert recorded(tokenizer, ["a" * 9999] * 2, attention=True) == [(1, 10_000)] * 2


@pytest.mark.slow  # Compiles a search with JAX: a minute.
def test_it_translates_on_jax_as_on_tensorflow(
    translator: Translator, tokenizer: CharacterTokenizer, tmp_path: Any
) -> None:
    pytest.importorskip("jax")
    translator.save(tmp_path / "model")
    code = (
        "import json, sys\n"
        "from keras_s2s import Translator\n"
        "translator = Translator.load(sys.argv[1])\n"
        "print(json.dumps(translator.translate(['abc', '', 'dad'], maximum_length=9)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "model")],
        env={**os.environ, "KERAS_BACKEND": "jax"},
        check=True,
        capture_output=True,
        text=True,
    )
    expected = translator.translate(["abc", "", "dad"], maximum_length=9)
    assert json.loads(done.stdout) == expected
