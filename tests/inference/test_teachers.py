"""What teachers say to given targets is the mean of their models' probabilities."""

import numpy as np
import pytest
from keras import ops

from keras_s2s import Decoder, Encoder, LuongAttention, Seq2Seq, Translator, WordTokenizer
from keras_s2s.inference.teachers import pseudo_pairs, read_teachers

WORDS = WordTokenizer.train(["a b c d e f g h i j k l"])
SIZE = WORDS.vocabulary_size


def translator(units: int, attention: bool = True) -> Translator:
    layer = LuongAttention(units) if attention else None
    model = Seq2Seq(Encoder(SIZE, units), Decoder(SIZE, units, attention=layer))
    return Translator(model, WORDS, WORDS)


def quiet(_: str) -> None:
    pass


def rows_of(count: int, seed: int) -> list[list[int]]:
    draw = np.random.default_rng(seed)
    return [draw.integers(4, SIZE, draw.integers(0, 6)).tolist() for _ in range(count)]


@pytest.mark.parametrize("units", [(8,), (4, 8, 6)])
def test_each_position_has_the_most_probable_tokens_of_the_mean(units: tuple[int, ...]) -> None:
    teachers = [translator(one, attention=one != 6) for one in units]
    sources, targets = rows_of(10, seed=1), rows_of(10, seed=2)
    found = read_teachers(teachers, sources, targets, quiet, kept=5)
    ids, probabilities = found.padded(np.arange(10), 6)
    for row, (source, target) in enumerate(zip(sources, targets, strict=True)):
        inputs = np.array([[*source, 3]]), np.array([[2, *target]])
        each = [ops.convert_to_numpy(ops.softmax(one.model(inputs)))[0] for one in teachers]
        mean = np.mean(each, axis=0)  # [T, V]
        for position, token in enumerate([*target, 3]):
            own, *others = ids[row, position].astype(int).tolist()
            assert own == token
            assert len({own, *others}) == 6
            given = mean[position, [own, *others]]
            np.testing.assert_allclose(probabilities[row, position], given, rtol=1e-3, atol=1e-6)
            left = np.delete(mean[position], [own, *others])
            assert left.max() <= given[1:].min() + 1e-6
        assert not probabilities[row, len(target) + 1 :].any()


def test_a_small_vocabulary_is_kept_whole() -> None:
    found = read_teachers([translator(4)], [[5]], [[6, 7]], quiet, kept=100)
    assert found.ids.shape == (3, SIZE)
    np.testing.assert_allclose(found.probabilities.astype(float).sum(axis=1), 1, atol=1e-2)


def test_teachers_with_other_tokenizers_are_no_ensemble() -> None:
    other = WordTokenizer.train(["m n o p q r s t u v w x"])
    stranger = Translator(translator(4).model, WORDS, other)
    with pytest.raises(ValueError, match="must have the same tokenizers.* target tokenizer"):
        read_teachers([translator(4), stranger], [[5]], [[6]], quiet)


def test_made_up_sources_have_the_translations_of_the_ensemble() -> None:
    teachers = [translator(4), translator(8)]
    pairs = [("a b c", "a"), ("b c d", "b"), ("c d a b", "c")]
    found = pseudo_pairs(teachers, pairs, 20, 1, quiet)
    said = Translator.ensemble(teachers).translate([source for source, _ in found])
    assert [target for _, target in found] == said
    assert pseudo_pairs(teachers, pairs, 0, 1, quiet) == []
