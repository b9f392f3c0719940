import json
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keras_s2s.text.normalization import normalize
from keras_s2s.text.tokenizers import (
    END_ID,
    PAD_ID,
    START_ID,
    UNK_ID,
    CharacterTokenizer,
    SentencePieceTokenizer,
    Tokenizer,
    WordTokenizer,
    load_tokenizer,
)

tf = pytest.importorskip("tensorflow")
in_graph = pytest.mark.skipif(
    sys.platform != "linux", reason="tensorflow-text has no wheels for this system"
)

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
LINES = [
    "A dog runs, doesn't it? (Yes!)",
    "Ein Hund läuft... nicht wahr?",
    "Un chien court « vite » : n’est-ce pas ?",
    "강아지가 달린다, 한글은 좋다.",
    "k a̠ɾ t͡ɕʰ tʰ ɯ ŋ",
    "K AE1 T",
    "هل يركض الكلب؟ می\u200cخواهم",
    f"fünf {FAMILY} ½ ﬁn e\u0301 x\u0316\u0301",
    "<s> </s> <pad> <unk> a▁b ▁ ▅▅ ￭ ⁇",
    "fff ffff fffff afffa",
]
# Every kind of tokenizer and normalization, by a name for the test report.
KINDS: dict[str, Callable[..., Tokenizer]] = {
    "sentencepiece": lambda lines: SentencePieceTokenizer.train(lines),
    "sentencepiece-nfd": lambda lines: SentencePieceTokenizer.train(lines, normalization="NFD"),
    "sentencepiece-nfkc": lambda lines: SentencePieceTokenizer.train(lines, normalization="NFKC"),
    "word": lambda lines: WordTokenizer.train(lines),
    "word-whole": lambda lines: WordTokenizer.train(lines, split_punctuation=False),
    "character": lambda lines: CharacterTokenizer.train(lines),
    "character-nfd": lambda lines: CharacterTokenizer.train(lines, normalization="NFD"),
}
TRAINED = {name: train(LINES) for name, train in KINDS.items()}
every_kind = pytest.mark.parametrize("tokenizer", TRAINED.values(), ids=TRAINED)
ONE_OF_EACH = [TRAINED[name] for name in ("sentencepiece", "word", "character")]
every_class = pytest.mark.parametrize("tokenizer", ONE_OF_EACH, ids=lambda one: type(one).__name__)

KNOWN = sorted({character for line in LINES for character in line})
SPACES = " \t\u00a0\u3000\x00\n"
ANY_TEXT = st.one_of(
    st.text(),
    st.text(KNOWN),
    st.text(st.sampled_from([*KNOWN, *SPACES])),
    st.text("ᄒ하한글ㅎ\u1161\u11ab e\u0301\u0316\U000105d2\u0307"),
    st.lists(st.sampled_from([*" ".join(LINES).split(), *"?!.,'()"])).map(" ".join),
    st.text(SPACES),
)


def assert_python_and_graph_agree(tokenizer: Tokenizer, texts: list[str]) -> list[list[int]]:
    ids = tokenizer.encode_all(texts)
    encoded = tf.constant([text.encode() for text in texts], tf.string)
    ids_in_graph = tokenizer.tokenize(encoded)
    assert ids_in_graph.dtype == tf.int32
    wrong = [
        row for row in zip(texts, ids, ids_in_graph.to_list(), strict=True) if row[1] != row[2]
    ]
    assert wrong[:5] == []
    decoded = [text.decode() for text in tokenizer.detokenize(ids_in_graph).numpy()]
    assert decoded == [tokenizer.decode(row) for row in ids]
    return ids


def expected_back(tokenizer: Tokenizer, text: str) -> str:
    return normalize(text, "NFKC" if tokenizer.normalization == "NFKC" else "NFC")


# Ids and text


def test_the_special_ids_are_where_every_model_expects_them() -> None:
    assert (PAD_ID, UNK_ID, START_ID, END_ID) == (0, 1, 2, 3)


@every_kind
def test_training_text_comes_back_exactly_and_has_no_unknown_ids(tokenizer: Tokenizer) -> None:
    for line in LINES:
        ids = tokenizer.encode(line)
        assert min(ids) > END_ID
        assert tokenizer.decode(ids) == expected_back(tokenizer, line)
    assert tokenizer.encode_all(iter(LINES)) == [tokenizer.encode(line) for line in LINES]


@every_kind
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(text=ANY_TEXT)
def test_text_without_unknown_ids_comes_back_exactly(tokenizer: Tokenizer, text: str) -> None:
    ids = tokenizer.encode(text)
    assert not {*ids} & {PAD_ID, START_ID, END_ID}
    if UNK_ID not in ids:
        assert tokenizer.decode(ids) == expected_back(tokenizer, text)


@in_graph
@every_kind
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(texts=st.lists(ANY_TEXT, max_size=60))
def test_python_and_graph_agree_on_random_text(tokenizer: Tokenizer, texts: list[str]) -> None:
    assert_python_and_graph_agree(tokenizer, texts)


@in_graph
@every_kind
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rows=st.lists(st.lists(st.integers(0, 40)), min_size=1, max_size=30))
def test_python_and_graph_decode_any_ids_alike(tokenizer: Tokenizer, rows: list[list[int]]) -> None:
    rows = [[index % tokenizer.vocabulary_size for index in row] for row in rows]
    decoded = tokenizer.detokenize(tf.ragged.constant(rows, dtype=tf.int32, ragged_rank=1))
    assert [text.decode() for text in decoded.numpy()] == [tokenizer.decode(row) for row in rows]


@every_kind
@pytest.mark.parametrize("text", ["", " ", " \t\n\u3000"])
def test_blank_text_has_no_ids(tokenizer: Tokenizer, text: str) -> None:
    assert tokenizer.encode(text) == []
    assert tokenizer.decode([]) == ""


@every_kind
@pytest.mark.parametrize("name", ["<s>", "</s>", "<pad>", "<unk>", "▁", "▅", "▁a", "a▁b"])
def test_text_that_looks_like_a_mark_is_text(tokenizer: Tokenizer, name: str) -> None:
    assert_python_and_graph_agree(tokenizer, [name, f"a {name} b", f"{name}{name}"])
    assert not {*tokenizer.encode(f"a {name}")} & {PAD_ID, START_ID, END_ID}
    if not isinstance(tokenizer, WordTokenizer) or name in LINES[8].split():
        assert UNK_ID not in tokenizer.encode(name)
        assert tokenizer.decode(tokenizer.encode(name)) == name


@every_kind
def test_decoding_leaves_out_padding_start_and_end_and_shows_what_is_unknown(
    tokenizer: Tokenizer,
) -> None:
    ids = tokenizer.encode("K AE1 T")
    assert tokenizer.decode([START_ID, *ids, END_ID, PAD_ID, PAD_ID]) == "K AE1 T"
    assert "⁇" in tokenizer.decode([UNK_ID, *ids])


@every_kind
def test_pieces_can_be_read(tokenizer: Tokenizer) -> None:
    assert tokenizer.pieces([0, 1, 2, 3]) == ["<pad>", "<unk>", "<s>", "</s>"]
    pieces = tokenizer.pieces(tokenizer.encode("K AE1 T"))
    assert "".join(pieces).replace("▁", "").replace(" ", "") == "KAE1T"
    assert all(piece.isprintable() for piece in tokenizer.pieces(tokenizer.encode(LINES[0])))


@pytest.mark.parametrize("form", ["NFC", "NFKC"])
@pytest.mark.parametrize("kind", [SentencePieceTokenizer, WordTokenizer, CharacterTokenizer])
def test_hangul_as_jamo_and_as_syllables_gives_the_same_ids(
    kind: type[Tokenizer], form: str
) -> None:
    tokenizer = kind.train(LINES, normalization=form)
    jamo = normalize(LINES[3], "NFD")
    assert jamo != LINES[3]
    assert tokenizer.encode(jamo) == tokenizer.encode(LINES[3])


def test_nfd_takes_syllables_apart_and_decoding_puts_them_together() -> None:
    tokenizer = CharacterTokenizer.train(["한글"], normalization="NFD")
    assert tokenizer.vocabulary_size == 4 + 6
    assert tokenizer.decode(tokenizer.encode("글 한".replace(" ", ""))) == "글한"


@every_kind
def test_phonetic_letters_stay_unless_nfkc_is_asked_for(tokenizer: Tokenizer) -> None:
    back = tokenizer.decode(tokenizer.encode("tʰ"))
    assert back == ("th" if tokenizer.normalization == "NFKC" else "tʰ")


# Words


def test_words_are_sorted_by_frequency_then_code_point() -> None:
    tokenizer = WordTokenizer.train(["b b c", "a c b é"])
    assert tokenizer.symbols == ("b", "c", "a", "é")
    assert WordTokenizer.train(["b b c", "a c b é"], 6).symbols == ("b", "c")


def test_punctuation_is_split_off_and_comes_back_where_it_was() -> None:
    tokenizer = WordTokenizer.train(["don't (stop)... now ? a . m ."])
    ids = tokenizer.encode("don't (stop)... now ? a . m .")
    pieces = "don ￭'￭ t (￭ stop ￭) ￭. ￭. ￭. now ? a . m ."
    assert " ".join(tokenizer.pieces(ids)) == pieces
    assert tokenizer.decode(ids) == "don't (stop)... now ? a . m ."


def test_joiners_that_a_model_puts_side_by_side_join_once() -> None:
    tokenizer = WordTokenizer.train(["(a a)"])
    opening, closing = tokenizer.encode("(a")[0], tokenizer.encode("a)")[-1]
    assert tokenizer.decode([opening, closing]) == "()"
    assert tokenizer.decode([closing, opening]) == ") ("


def test_without_splitting_only_blanks_separate_words() -> None:
    tokenizer = WordTokenizer.train(["don't t_h", "don't"], split_punctuation=False)
    assert tokenizer.symbols == ("don't", "t_h")


@pytest.mark.parametrize("split_punctuation", [True, False])
def test_phonemes_between_blanks_are_one_id_each(split_punctuation: bool) -> None:
    for line in ("K AE1 T", "k ɔ ʒ a n", "t͡ɕʰ i kʰ a̠ ɭ", "ɒ ɟː ɒʲ ɑ̃ tʼ"):
        tokenizer = WordTokenizer.train([line], split_punctuation=split_punctuation)
        assert len(tokenizer.encode(line)) == len(line.split())
        assert tokenizer.decode(tokenizer.encode(line)) == normalize(line)


@pytest.mark.parametrize(
    ("symbols", "error"),
    [
        ([], ValueError),
        (["a", "a"], ValueError),
        (["a b"], ValueError),
        ([""], ValueError),
        (["e\u0301"], ValueError),
        (["\ud800"], ValueError),
        ([3], TypeError),
        ("abc", TypeError),
    ],
)
def test_symbols_that_text_cannot_contain_are_an_error(symbols: list, error: type) -> None:
    with pytest.raises(error, match="Received"):
        WordTokenizer(symbols)


def test_a_character_is_one_code_point() -> None:
    with pytest.raises(ValueError, match="one code point.*Received: 'ab'"):
        CharacterTokenizer(["ab"])


# SentencePiece


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
    tokenizer = TRAINED["sentencepiece"]
    assert isinstance(tokenizer, SentencePieceTokenizer)
    best = tokenizer.encode_all(LINES)
    one, again, other = (tokenizer.encode_all(LINES, alpha=0.1, seed=seed) for seed in (1, 1, 2))
    assert one == again
    assert one != other != best
    assert [tokenizer.decode(ids) for ids in one] == [tokenizer.decode(ids) for ids in best]
    assert tokenizer.encode_all(LINES, alpha=0.1) != tokenizer.encode_all(LINES, alpha=0.1)


def test_sampling_prefers_the_best_pieces_the_more_the_larger_alpha_is() -> None:
    tokenizer = SentencePieceTokenizer.train(LINES * 3)
    lengths = [
        sum(map(len, tokenizer.encode_all(LINES, alpha=alpha, seed=0))) for alpha in (0, 0.2, 2)
    ]
    assert lengths[0] > lengths[1] > lengths[2]


@pytest.mark.parametrize("options", [{"alpha": -1.0}, {"alpha": 0.1, "seed": -1}, {"seed": 1}])
def test_sampling_options_that_make_no_sense_are_errors(options: dict) -> None:
    with pytest.raises(ValueError, match="Received: (alpha|seed)=-?1"):
        TRAINED["sentencepiece"].encode_all(["a"], **options)


def edited_model(edit: Callable) -> bytes:
    from sentencepiece import sentencepiece_model_pb2

    model = SentencePieceTokenizer.train(["ab aab aaa bab"]).model
    proto = sentencepiece_model_pb2.ModelProto.FromString(  # pyright: ignore[reportAttributeAccessIssue]
        model
    )
    edit(proto)
    return proto.SerializeToString()


@in_graph
@pytest.mark.parametrize("score", [-1.0, -0.1, -1 / 3, -7.5904703])
def test_equally_probable_pieces_are_chosen_alike_in_python_and_graph(score: float) -> None:
    def make_ties(proto) -> None:
        del proto.pieces[4:]
        for piece in ("a", "b", "aa", "ab", "ba", "bb", "aaa", "aba", "bab", "▁"):
            proto.pieces.add(piece=piece, score=score * len(piece))

    tokenizer = SentencePieceTokenizer(edited_model(make_ties))
    generator = random.Random(0)
    texts = ["".join(generator.choices("ab ", k=12)) for _ in range(500)]
    assert_python_and_graph_agree(tokenizer, texts)


def twice(proto) -> None:
    proto.pieces.add(piece=proto.pieces[5].piece, score=-1.0)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (twice, "no piece twice|already"),
        (lambda proto: proto.pieces.pop(0), "ids 0, 1, 2 and 3"),
        (lambda proto: setattr(proto.trainer_spec, "model_type", 2), "unigram"),
        (lambda proto: setattr(proto.pieces[5], "type", 4), "ids 0, 1, 2 and 3"),
        (lambda proto: setattr(proto.pieces[5], "score", float("nan")), "finite|cannot read"),
    ],
)
def test_a_model_that_keeps_other_rules_is_an_error(edit: Callable, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SentencePieceTokenizer(edited_model(edit))


def test_a_model_that_normalizes_by_itself_is_an_error() -> None:
    import io

    import sentencepiece

    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
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


# At the door


@every_class
def test_what_is_no_text_or_no_lines_is_a_type_error(tokenizer: Tokenizer) -> None:
    with pytest.raises(TypeError, match="text must be a str"):
        tokenizer.encode(b"a")  # pyright: ignore[reportArgumentType]
    with pytest.raises(TypeError, match="iterable of lines"):
        tokenizer.encode_all("a")
    with pytest.raises(TypeError, match="iterable of lines"):
        type(tokenizer).train("some text")
    with pytest.raises(TypeError, match="text must be a str"):
        type(tokenizer).train(["a", None])  # pyright: ignore[reportArgumentType]


@every_class
def test_an_error_while_lines_are_read_reaches_the_caller(tokenizer: Tokenizer) -> None:
    def lines() -> Iterator[str]:
        yield "a b"
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        type(tokenizer).train(lines())


@every_class
def test_no_text_to_learn_from_is_an_error(tokenizer: Tokenizer) -> None:
    for lines in ([], ["", "  "]):
        with pytest.raises(ValueError, match="Received: "):
            type(tokenizer).train(lines)


@every_class
@pytest.mark.parametrize("size", [-1, 0, 4])
def test_a_vocabulary_of_special_ids_alone_is_an_error(tokenizer: Tokenizer, size: int) -> None:
    with pytest.raises(ValueError, match=f"at least 5.*Received: vocabulary_size={size}"):
        type(tokenizer).train(["a"], size)


@every_class
def test_another_normalization_is_an_error(tokenizer: Tokenizer) -> None:
    with pytest.raises(ValueError, match="Received: normalization='nfc'"):
        type(tokenizer).train(["a"], normalization="nfc")


@every_class
@pytest.mark.parametrize("index", [-1, 10**6])
def test_an_id_outside_of_the_vocabulary_is_an_error(tokenizer: Tokenizer, index: int) -> None:
    for call in (tokenizer.decode, tokenizer.pieces):
        with pytest.raises(ValueError, match=f"Received: id={index}"):
            call([4, index])
    if sys.platform == "linux":
        errors = (tf.errors.InvalidArgumentError, tf.errors.OutOfRangeError)
        with pytest.raises(errors, match=str(index)):
            tokenizer.detokenize(tf.constant([[4, index]]))


# Folders


@every_kind
def test_a_saved_tokenizer_gives_the_same_ids_in_a_fresh_process(
    tokenizer: Tokenizer, tmp_path: Path
) -> None:
    tokenizer.save(tmp_path / "new" / "folder")
    code = (
        "import json, sys; from keras_s2s.text.tokenizers import load_tokenizer\n"
        "tokenizer = load_tokenizer('new/folder')\n"
        "ids = tokenizer.encode_all(json.load(sys.stdin))\n"
        "print(json.dumps([type(tokenizer).__name__, ids, tokenizer.decode(ids[1])]))\n"
        "assert not {'tensorflow', 'keras'} & {*sys.modules}"
    )
    texts = [*LINES, "ö dog한"]
    found = subprocess.run(
        [sys.executable, "-c", code],
        input=json.dumps(texts).encode(),
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )
    ids = tokenizer.encode_all(texts)
    expected = [type(tokenizer).__name__, ids, tokenizer.decode(ids[1])]
    assert json.loads(found.stdout) == expected


@every_kind
def test_saving_again_writes_the_same_bytes(tokenizer: Tokenizer, tmp_path: Path) -> None:
    tokenizer.save(tmp_path / "a")
    loaded = load_tokenizer(tmp_path / "a")
    loaded.save(tmp_path / "b")
    names = sorted(path.name for path in (tmp_path / "a").iterdir())
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert vars(loaded).keys() == {*vars(tokenizer)} - {"in_graph"}


def test_another_class_is_an_error_that_names_the_way(tmp_path: Path) -> None:
    TRAINED["word"].save(tmp_path)
    with pytest.raises(ValueError, match="class='WordTokenizer'.*load_tokenizer"):
        CharacterTokenizer.load(tmp_path)


def test_a_folder_without_a_tokenizer_is_an_error_that_names_it(tmp_path: Path) -> None:
    for load in (load_tokenizer, WordTokenizer.load):
        with pytest.raises(ValueError, match=f"{tmp_path.name}.*must be a folder"):
            load(tmp_path)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b"\xff", b"[" * 100_000, b"3"])
def test_a_settings_file_that_is_something_else_is_an_error(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_bytes(content)
    with pytest.raises(ValueError, match=r"tokenizer\.json must be as.*Copy the folder anew"):
        load_tokenizer(tmp_path)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("version", 2, "newer"),
        ("class", "BytePairTokenizer", "none of"),
        ("class", None, "class=None"),
        ("normalization", "NFX", "NFX"),
        ("normalization", None, "normalization=None"),
        ("vocabulary_size", 3, "vocabulary_size"),
        ("special_ids", {"pad": 3, "unk": 1, "start": 2, "end": 0}, "special_ids"),
        ("symbols", ["a", "a"], "'a' twice"),
        ("symbols", ["a"], "vocabulary_size"),
        ("symbols", [1], "must be a str"),
        ("symbols", None, "must be a list"),
        ("symbols", [], "at least one"),
        ("split_punctuation", "yes", "split_punctuation"),
        ("split_punctuation", ..., "split_punctuation"),
    ],
)
def test_a_changed_settings_file_is_an_error(
    name: str, value: object, message: str, tmp_path: Path
) -> None:
    TRAINED["word"].save(tmp_path)
    path = tmp_path / "tokenizer.json"
    saved = json.loads(path.read_text(encoding="utf-8"))
    saved[name] = value
    if value is ...:
        del saved[name]
    path.write_text(json.dumps(saved), encoding="utf-8")
    with pytest.raises(ValueError, match=rf"tokenizer\.json must.*(?s:{message})"):
        load_tokenizer(tmp_path)


@pytest.mark.parametrize("damage", [bytes, lambda model: model[:-1], lambda model: model + b"\0"])
def test_a_damaged_model_file_is_an_error(damage: Callable, tmp_path: Path) -> None:
    TRAINED["sentencepiece"].save(tmp_path)
    path = tmp_path / "tokenizer.model"
    path.write_bytes(damage(path.read_bytes()) if damage is not bytes else b"")
    with pytest.raises(ValueError, match=r"bytes in tokenizer\.model.*Copy the folder anew"):
        load_tokenizer(tmp_path)
    path.unlink()
    with pytest.raises(ValueError, match=r"no tokenizer\.model beside it"):
        load_tokenizer(tmp_path)


# In the graph


class Service(tf.Module):
    """What an exporter makes of a tokenizer."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        super().__init__()
        self.tokenizer = tokenizer.in_graph

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def ids(self, text):
        return self.tokenizer.tokenize(text).to_tensor()

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.int32)])
    def text(self, ids):
        return self.tokenizer.detokenize(ids)


@in_graph
@every_class
def test_it_can_be_saved_in_a_saved_model(tokenizer: Tokenizer, tmp_path: Path) -> None:
    tf.saved_model.save(Service(tokenizer), str(tmp_path))
    loaded = tf.saved_model.load(str(tmp_path))
    ids = loaded.ids(tf.constant(LINES))
    expected = tokenizer.encode_all(LINES)
    assert [row[: len(want)] for row, want in zip(ids.numpy().tolist(), expected, strict=True)] == (
        expected
    )
    assert [text.decode() for text in loaded.text(ids).numpy()] == [
        tokenizer.decode(row) for row in expected
    ]


@in_graph
@every_class
def test_its_first_use_may_be_inside_a_data_set(tokenizer: Tokenizer, tmp_path: Path) -> None:
    tokenizer.save(tmp_path)
    fresh = load_tokenizer(tmp_path)
    data = tf.data.Dataset.from_tensor_slices(LINES).batch(4)
    rows = [row for batch in data.map(fresh.tokenize) for row in batch.to_list()]
    assert rows == tokenizer.encode_all(LINES)
    texts = data.map(fresh.tokenize).map(fresh.detokenize).unbatch().as_numpy_iterator()
    assert [text.decode() for text in texts] == [normalize(line) for line in LINES]
    assert fresh.in_graph is fresh.in_graph


@in_graph
@every_class
def test_the_graph_reads_vectors_and_any_integers(tokenizer: Tokenizer) -> None:
    assert tokenizer.tokenize(tf.zeros([0], tf.string)).to_list() == []
    ids = tf.constant([[START_ID, *tokenizer.encode("K AE1 T"), END_ID, PAD_ID]], tf.int64)
    assert tokenizer.detokenize(ids).numpy().tolist() == [b"K AE1 T"]
    for text in (tf.constant("a"), tf.constant([["a"]])):
        with pytest.raises(ValueError, match="vector of strings"):
            tokenizer.tokenize(text)


@every_class
def test_without_tensorflow_text_all_but_the_graph_works(
    tokenizer: Tokenizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow_text", None)
    tokenizer.save(tmp_path)
    fresh = load_tokenizer(tmp_path)
    assert fresh.decode(fresh.encode(LINES[0])) == LINES[0]
    with pytest.raises(ImportError, match=r"pip install tensorflow-text==.*Linux on x86-64"):
        fresh.tokenize(tf.constant(["a"]))
    with pytest.raises(ImportError, match=r"pip install tensorflow-text==.*Linux on x86-64"):
        fresh.detokenize(tf.constant([[4]]))


# Real text


def corpus_lines(folder: Path, step: int) -> list[str]:
    documents = ("LICENSE", "SOURCE.txt", "README.md", "_about.txt")
    lines = []
    for path in sorted(folder.iterdir()):
        if path.name not in documents:
            for line in path.read_text(encoding="utf-8").split("\n")[::step]:
                lines += line.split("\t") if path.suffix == ".tsv" else [line]
    return lines


CORPORA = [
    "cmudict_g2p",
    "multi30k",
    "scitldr",
    "sigmorphon2020_g2p",
    "songys_chatbot_ko",
    "tatoeba_kor",
    "tatoeba_spa",
]
every_corpus = pytest.mark.parametrize("corpus", CORPORA)


def check_real_text(folder: Path, name: str, step: int) -> None:
    lines = corpus_lines(folder, step)
    tokenizer = KINDS[name](lines)
    for start in range(0, len(lines), 4096):
        chunk = lines[start : start + 4096]
        ids = assert_python_and_graph_agree(tokenizer, chunk)
        assert [tokenizer.decode(row) for row in ids] == [
            expected_back(tokenizer, line) for line in chunk
        ]


@in_graph
@every_corpus
@pytest.mark.parametrize("name", ["sentencepiece", "word", "character-nfd"])
def test_python_and_graph_agree_on_a_sample_of_real_text(
    name: str, corpus: str, shared_data: Path
) -> None:
    check_real_text(shared_data / corpus, name, step=100)


@in_graph
@pytest.mark.slow
@every_corpus
@pytest.mark.parametrize("name", ["sentencepiece", "word", "character-nfd"])
def test_python_and_graph_agree_on_every_line_of_real_text(
    name: str, corpus: str, shared_data: Path
) -> None:
    check_real_text(shared_data / corpus, name, step=1)
