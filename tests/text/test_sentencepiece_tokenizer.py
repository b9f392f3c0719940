import io
import json
import math
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sentencepiece import SentencePieceTrainer

from keras_s2s.special_ids import UNK_ID
from keras_s2s.text.sentencepiece_model import model_message
from keras_s2s.text.sentencepiece_tokenizer import SentencePieceTokenizer
from keras_s2s.text.unigram_sampler import UnigramSampler

tf = pytest.importorskip("tensorflow")

LINES = [
    "A dog runs, doesn't it? (Yes!)",
    "Ein Hund läuft... nicht wahr?",
    "강아지가 달린다, 한글은 좋다.",
    "k a̠ɾ t͡ɕʰ tʰ ɯ ŋ",
] * 3


def test_training_is_the_same_in_another_process(tmp_path: Path) -> None:
    code = (
        "import sys; from keras_s2s.text.tokenizers import SentencePieceTokenizer as T\n"
        "T.train(open(sys.argv[1], encoding='utf-8'), 60).save(sys.argv[2])"
    )
    lines = ["low lower lowest new newer newest wide wider widest"] * 3
    (tmp_path / "lines").write_text("\n".join(lines), encoding="utf-8")
    arguments = [sys.executable, "-W", "ignore", "-c", code, "lines", "model"]
    subprocess.run(arguments, check=True, cwd=tmp_path)
    with pytest.warns(UserWarning, match="has 2[0-9] ids"):
        here = SentencePieceTokenizer.train(lines, 60)
    assert SentencePieceTokenizer.load(tmp_path / "model").model == here.model


def test_a_vocabulary_that_the_text_cannot_fill_is_smaller_and_says_so() -> None:
    with pytest.warns(UserWarning, match="vocabulary_size=1000 .* has 1[5-9] ids"):
        tokenizer = SentencePieceTokenizer.train(["low lower lowest", "new newer newest"], 1000)
    assert tokenizer.vocabulary_size < 20
    assert SentencePieceTokenizer.train(["low lower lowest", "new newer newest"]).model == (
        tokenizer.model
    )


def test_a_vocabulary_smaller_than_the_characters_is_an_error_that_names_the_least() -> None:
    lines = ["abcdefgh"] * 3
    with pytest.raises(ValueError, match="at least 13,.*Received: vocabulary_size=12"):
        SentencePieceTokenizer.train(lines, 12)
    assert SentencePieceTokenizer.train(lines, 13).vocabulary_size == 13


def test_characters_below_the_coverage_are_unknown() -> None:
    lines = ["aaaa bbbb"] * 1000 + ["ç"]
    assert UNK_ID not in SentencePieceTokenizer.train(lines).encode("ç")
    assert UNK_ID in SentencePieceTokenizer.train(lines, character_coverage=0.9995).encode("ç")


def test_lines_of_any_length_are_learnt_from() -> None:
    tokenizer = SentencePieceTokenizer.train(["ab" * 5000 + " ç", "▅ é"])
    assert UNK_ID not in tokenizer.encode("ç▅é")


def test_sampling_depends_on_the_seed_alone_and_keeps_the_text() -> None:
    tokenizer = SentencePieceTokenizer.train(LINES)
    best = tokenizer.encode_all(LINES)
    one, again, other = (tokenizer.encode_all(LINES, alpha=0.1, seed=seed) for seed in (1, 1, 2))
    assert one == again
    assert one != other != best
    assert [tokenizer.decode(ids) for ids in one] == [tokenizer.decode(ids) for ids in best]
    assert tokenizer.encode_all(LINES, alpha=0.1) != tokenizer.encode_all(LINES, alpha=0.1)


def test_sampling_draws_the_same_in_another_process(tmp_path: Path) -> None:
    tokenizer = SentencePieceTokenizer.train(LINES)
    tokenizer.save(tmp_path)
    code = (
        "import json, sys; from keras_s2s import SentencePieceTokenizer as T\n"
        "tokenizer = T.load(sys.argv[1])\n"
        "print(json.dumps(tokenizer.encode_all(json.load(sys.stdin), alpha=0.1, seed=3)))"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    found = subprocess.run(
        command, input=json.dumps(LINES), text=True, capture_output=True, check=True
    )
    assert json.loads(found.stdout) == tokenizer.encode_all(LINES, alpha=0.1, seed=3)


def test_sampling_draws_what_sentencepiece_draws_as_often() -> None:
    tokenizer = SentencePieceTokenizer.train(["low lower lowest", "new newer newest"])
    texts = ["newest xy lower"] * 5000
    processor = tokenizer._processor
    options: dict[str, Any] = {
        "enable_sampling": True,
        "alpha": 0.2,
        "nbest_size": -1,
        "num_threads": 1,
    }
    theirs = Counter(map(tuple, processor.encode(texts, **options)))
    ours = Counter(map(tuple, tokenizer.encode_all(texts, alpha=0.2, seed=1)))
    assert len(ours) > 3
    for ids, count in (ours | theirs).items():
        assert abs(ours[ids] - theirs[ids]) < 6 * math.sqrt(count) + 6


def test_sampling_cuts_inside_pieces_that_go_on_behind_a_blank() -> None:
    pieces = ["", "", "", "", "\u2581a\u2581b", "\u2581", "a", "b"]
    sampler = UnigramSampler(pieces, [0.0] * 8, 0.0)
    drawn = {tuple(sampler.sample("\u2581a\u2581b", Random(seed))) for seed in range(20)}
    assert drawn == {(4,), (5, 6, 5, 7)}


def test_sampling_prefers_the_best_pieces_the_more_the_larger_alpha_is() -> None:
    tokenizer = SentencePieceTokenizer.train(LINES * 3)
    lengths = [
        sum(len(ids) for n in range(20) for ids in tokenizer.encode_all(LINES, alpha=alpha, seed=n))
        for alpha in (0, 0.2, 2)
    ]
    assert lengths[0] > lengths[1] > lengths[2]


@pytest.mark.parametrize("options", [{"alpha": -1.0}, {"alpha": 0.1, "seed": -1}, {"seed": 1}])
def test_sampling_options_that_make_no_sense_are_errors(options: dict) -> None:
    with pytest.raises(ValueError, match="Received: (alpha|seed)=-?1"):
        SentencePieceTokenizer.train(LINES).encode_all(["a"], **options)


def edited_model(edit: Callable) -> bytes:
    proto = model_message().FromString(SentencePieceTokenizer.train(["ab aab aaa bab"]).model)
    edit(proto)
    return proto.SerializeToString()


@pytest.mark.skipif(sys.platform != "linux", reason="tensorflow-text has no wheels for this system")
@pytest.mark.parametrize("score", [-1.0, -0.1, -1 / 3, -7.5904703])
def test_equally_probable_pieces_are_chosen_alike_in_python_and_graph(score: float) -> None:
    def make_ties(proto) -> None:
        del proto.pieces[4:]
        for piece in ("a", "b", "aa", "ab", "ba", "bb", "aaa", "aba", "bab", "▁"):
            proto.pieces.add(piece=piece, score=score * len(piece))

    tokenizer = SentencePieceTokenizer(edited_model(make_ties))
    generator = random.Random(0)
    texts = ["".join(generator.choices("ab ", k=12)) for _ in range(500)]
    assert tokenizer.tokenize(tf.constant(texts)).to_list() == tokenizer.encode_all(texts)


def twice(proto) -> None:
    proto.pieces.add(piece=proto.pieces[5].piece, score=-1.0)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (twice, "no piece twice|already"),
        (lambda proto: proto.pieces.pop(0), "ids 0, 1, 2 and 3"),
        (lambda proto: setattr(proto.trainer_spec, "model_type", 2), "unigram"),
        (lambda proto: setattr(proto.pieces[5], "type", 5), "id 5 of type 5.*no piece is unused"),
        (lambda proto: setattr(proto.pieces[5], "score", float("nan")), "finite|cannot read"),
    ],
)
def test_a_model_that_keeps_other_rules_is_an_error(edit: Callable, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SentencePieceTokenizer(edited_model(edit))


def test_a_model_that_normalizes_by_itself_is_an_error() -> None:
    model = io.BytesIO()
    SentencePieceTrainer.train(
        sentence_iterator=iter(["a b c"] * 3),
        model_writer=model,
        vocab_size=9,
        pad_id=0,
        unk_id=1,
        bos_id=2,
        eos_id=3,
        hard_vocab_limit=False,
        minloglevel=2,
    )
    with pytest.raises(ValueError, match="'nmt_nfkc'.*normalization_rule_name='identity'"):
        SentencePieceTokenizer(model.getvalue())


def test_garbage_is_an_error_and_no_crash() -> None:
    generator = random.Random(0)
    model = SentencePieceTokenizer.train(LINES).model
    for garbage in (b"", b"garbage", model[:100], generator.randbytes(5000)):
        with pytest.raises(ValueError, match="model must"):
            SentencePieceTokenizer(garbage)
    for _ in range(200):
        changed = bytearray(model)
        for _ in range(generator.randint(1, 30)):
            changed[generator.randrange(len(changed))] = generator.randrange(256)
        try:
            SentencePieceTokenizer(bytes(changed)).encode(LINES[0])
        except ValueError as error:
            assert "model must" in str(error)  # noqa: PT017


def test_a_model_s_path_instead_of_its_bytes_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="read_bytes"):
        SentencePieceTokenizer("tokenizer.model")  # pyright: ignore[reportArgumentType]


def test_the_vocabulary_has_the_pieces_as_they_are_spelled_and_scores_in_256ths() -> None:
    tokenizer = SentencePieceTokenizer.train(["low ▁ lower", "new newer"])
    pieces, scores = zip(*tokenizer.vocabulary(), strict=True)
    assert len(pieces) == tokenizer.vocabulary_size
    assert "\x02" in "".join(pieces)  # A mark that is text; for a blank it is the mark itself.
    ids = tokenizer.encode("new low")
    assert "".join(pieces[i] for i in ids) == "▁new▁low"
    assert all(256 * score == round(256 * score) for score in scores)
