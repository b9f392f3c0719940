"""An ensemble answers by the mean of its models' probabilities."""

from functools import cache
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

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
    Translator,
    export,
)

from ..budget import first

START, END = 2, 3
TEXTS = ["abc", "", "hgfedcba", "dd", "cab fed"]
TOKENIZER = CharacterTokenizer.train(["abcdefgh "])


def make(seed: int, units: int = 12, attention: Any = "luong", **options: Any) -> Translator:
    """A translator that nobody trained, with weights so large that its choices are clear."""
    keras.utils.set_random_seed(seed)
    size = TOKENIZER.vocabulary_size
    if attention == "luong":
        attention = LuongAttention(units)
    shape = {"num_layers": options.pop("num_layers", 1), "cell": options.pop("cell", "lstm")}
    decoder = Decoder(size, units, attention=attention, **shape, **options)
    model = Seq2Seq(Encoder(size, units, **shape), decoder)
    model.set_weights([3 * weights for weights in model.get_weights()])
    return Translator(model, TOKENIZER, TOKENIZER, search=Beam(3))


@cache
def one_model() -> Translator:
    """What no test changes; its graphs are built once."""
    return make(1)


@cache
def different_shapes() -> list[Translator]:
    return [
        make(1, 12, input_feeding=True),
        make(2, 8, BahdanauAttention(6), cell="gru", num_layers=2),
        make(3, 10, None),
    ]


@cache
def ensemble_of_shapes() -> Any:
    return Translator.ensemble(different_shapes())


@cache
def ensemble_of_copies() -> Any:
    return Translator.ensemble([one_model(), one_model()])


def probabilities(translator: Translator, source: list[int], target: list[int]) -> np.ndarray:
    """Of the token behind each one of a target, by the way that training takes: `[T, V]`."""
    inputs = (np.array([[*source, END]]), np.array([[START, *target]]))
    logits = keras.ops.convert_to_numpy(translator.model(inputs))[0].astype("float64")
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


SEARCHES: dict[str, dict[str, Any]] = {
    "greedy": {"search": Greedy()},
    "beam": {"search": Beam(4, coverage_penalty=0.2), "n_best": 3, "attention": True},
    "sampling": {"search": Sample(temperature=1.5, top_k=6, seed=5)},
}


@pytest.mark.parametrize("search", first(1, SEARCHES))
def test_two_copies_of_a_model_answer_as_the_one(search: str) -> None:
    one = one_model()
    options = {**SEARCHES[search], "maximum_length": 9}
    twice = ensemble_of_copies().stream(TEXTS, **options)
    for ours, theirs in zip(twice, one.stream(TEXTS, **options), strict=True):
        assert [a.target_pieces for a in ours] == [b.target_pieces for b in theirs]
        for a, b in zip(ours, theirs, strict=True):
            assert a.score == pytest.approx(b.score, abs=1e-5)
            assert a.log_probability == pytest.approx(b.log_probability, abs=1e-5)
            if b.weights is not None:
                assert a.weights is not None
                np.testing.assert_allclose(a.weights, b.weights, atol=1e-6)


@pytest.mark.parametrize("search", first(1, SEARCHES))
def test_the_probability_is_the_mean_of_those_of_models_of_any_shapes(search: str) -> None:
    several = different_shapes()
    options = {**SEARCHES[search], "maximum_length": 7}
    if search == "beam":  # A model without attention has no coverage.
        options["search"] = Beam(4)
    for answer in next(ensemble_of_shapes().stream(["bad"], **options)):
        target = TOKENIZER.encode(answer.text)
        count = len(answer.target_pieces)
        chosen = [*target, END][:count]
        each = [probabilities(one, TOKENIZER.encode("bad"), target) for one in several]
        expected = np.log(np.mean(each, axis=0))[range(count), chosen].sum()
        assert answer.log_probability == pytest.approx(expected, abs=1e-4)
        alone = [np.log(one)[range(count), chosen].sum() for one in each]
        assert all(abs(expected - one) > 1e-3 for one in alone)  # No model speaks for all.


@pytest.mark.slow  # Traces the searches of three ensembles: 8 s.
def test_the_greedy_answer_takes_the_token_of_the_largest_mean() -> None:
    several = different_shapes()
    source, target = TOKENIZER.encode("hgfedcba"), []
    while len(target) < 10 and END not in target:
        mean = np.mean([probabilities(one, source, target)[-1] for one in several], axis=0)
        mean[[0, START]] = 0.0
        target.append(int(mean.argmax()))
    (answer,) = ensemble_of_shapes().translate(["hgfedcba"], search=Greedy(), maximum_length=10)
    assert answer == TOKENIZER.decode(target)


@pytest.mark.slow  # Traces the searches of an ensemble: 4 s.
def test_a_score_stays_a_number_where_a_model_is_sure_that_it_is_not_so() -> None:
    sure, other = make(1), make(2)
    sure.model.set_weights([50 * weights for weights in sure.model.get_weights()])
    for answer in next(Translator.ensemble([sure, other]).stream(["abc"], n_best=3)):
        assert np.isfinite(answer.log_probability)


@pytest.mark.slow  # Traces the searches of an ensemble: 7 s.
def test_the_attention_is_the_mean_of_the_models_that_have_one() -> None:
    several = different_shapes()
    options: dict[str, Any] = {"search": Greedy(), "attention": True, "maximum_length": 1}
    weights = [next(one.stream(["bad"], **options))[0].weights for one in several[:2]]
    (answer,) = next(ensemble_of_shapes().stream(["bad"], **options))
    expected = np.mean(np.array(weights, "float32"), axis=0)
    np.testing.assert_allclose(np.array(answer.weights), expected, atol=1e-6)


@pytest.mark.slow  # Traces the searches of an ensemble: 4 s.
def test_models_without_attention_have_none_together() -> None:
    plain = Translator.ensemble([make(1, attention=None), make(2, 8, attention=None)])
    assert len(plain.translate(TEXTS, maximum_length=4)) == len(TEXTS)
    with pytest.raises(ValueError, match="A model without attention has none to show"):
        plain.stream(TEXTS, attention=True)


@pytest.mark.parametrize("beam_size", first(1, [3, 1]))
def test_an_answer_is_the_same_alone_and_in_any_company(beam_size: int) -> None:
    ensemble = ensemble_of_shapes()
    options: dict[str, Any] = {"search": Beam(beam_size), "maximum_length": 9}
    alone = [ensemble.translate([text], **options)[0] for text in TEXTS]
    assert ensemble.translate(TEXTS, **options) == alone
    assert ensemble.translate(TEXTS[::-1], batch_size=2, **options) == alone[::-1]


@pytest.mark.slow  # Traces the searches of an ensemble: 4 s.
def test_an_ensemble_of_one_is_that_one_with_its_options() -> None:
    one = Translator(make(1).model, TOKENIZER, TOKENIZER, search=Beam(2), samples=["ab"])
    same = Translator.ensemble(iter([one]))
    assert (same.model, same.search, same.samples) == (one.model, Beam(2), ["ab"])
    assert same.translate(TEXTS, maximum_length=9) == one.translate(TEXTS, maximum_length=9)


@pytest.mark.slow  # Traces the searches of three ensembles: 12 s.
def test_a_list_of_models_is_an_ensemble_too() -> None:
    several = different_shapes()
    together = Translator([one.model for one in several], TOKENIZER, TOKENIZER, search=Beam(3))
    expected = Translator.ensemble(several).translate(TEXTS, maximum_length=9)
    assert together.translate(TEXTS, maximum_length=9) == expected


def test_tokenizers_that_save_the_same_are_the_same() -> None:
    copy = CharacterTokenizer(TOKENIZER.symbols)
    other = Translator(make(2).model, copy, copy)
    assert Translator.ensemble([make(1), other]).models[1] is other.model


@pytest.mark.parametrize("side", ["source", "target"])
def test_other_tokenizers_of_the_same_size_are_refused(side: str) -> None:
    other = CharacterTokenizer(TOKENIZER.symbols[::-1])
    tokenizers = (other, TOKENIZER) if side == "source" else (TOKENIZER, other)
    foreign = Translator(make(2).model, *tokenizers)
    message = f"Received: translator 3, whose {side} tokenizer is not the first's"
    with pytest.raises(ValueError, match=message):
        Translator.ensemble([make(1), make(3), foreign])


def test_an_ensemble_is_not_saved_exported_or_put_into_another(tmp_path: Path) -> None:
    ensemble = Translator.ensemble([make(1), make(2)])
    message = "cannot be saved, exported or averaged. Received: an ensemble of 2 models"
    with pytest.raises(ValueError, match=message):
        ensemble.save(tmp_path / "model")
    for form in (export.litert, export.onnx, export.saved_model):
        with pytest.raises(ValueError, match=message):
            form(ensemble, tmp_path / "export")
    with pytest.raises(ValueError, match=message):
        Translator.ensemble([ensemble, make(3)])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("wrong", [[], None, 7, [None], "abc"])
def test_something_else_than_translators_is_told(wrong: Any) -> None:
    with pytest.raises(TypeError, match="`translators` must be a list of keras_s2s.Translator"):
        Translator.ensemble(wrong)


@pytest.mark.parametrize("wrong", [[], [None], [keras.Sequential()]])
def test_something_else_than_models_is_told(wrong: Any) -> None:
    with pytest.raises(TypeError, match="`model` must be a keras_s2s.Seq2Seq, or a list"):
        Translator(wrong, TOKENIZER, TOKENIZER)
