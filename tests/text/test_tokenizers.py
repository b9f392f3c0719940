import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keras_s2s.special_ids import END_ID, PAD_ID, START_ID, UNK_ID
from keras_s2s.text.normalization import normalize
from keras_s2s.text.tokenizers import (
    CharacterTokenizer,
    SentencePieceTokenizer,
    Tokenizer,
    WordTokenizer,
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
MARKS = ["<s>", "</s>", "<pad>", "<unk>", "▁", "▅", "▁a", "a▁b"]
SPACES = " \t\u00a0\u3000\x00\n"
ANY_TEXT = st.one_of(
    st.text(),
    st.text(KNOWN),
    st.text(st.sampled_from([*KNOWN, *SPACES])),
    st.text("ᄒ하한글ㅎ\u1161\u11ab e\u0301\u0316\U000105d2\u0307"),
    st.lists(st.sampled_from([*" ".join(LINES).split(), *"?!.,'()"])).map(" ".join),
    st.text(SPACES),
    st.lists(st.sampled_from([*MARKS, "a", " "])).map("".join),
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
@pytest.mark.parametrize("name", MARKS)
def test_text_that_looks_like_a_mark_is_text(tokenizer: Tokenizer, name: str) -> None:
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
@pytest.mark.slow  # Every hundredth line is a default test.
@every_corpus
@pytest.mark.parametrize("name", ["sentencepiece", "word", "character-nfd"])
def test_python_and_graph_agree_on_every_line_of_real_text(
    name: str, corpus: str, shared_data: Path
) -> None:
    check_real_text(shared_data / corpus, name, step=1)


@every_kind
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(text=ANY_TEXT)
def test_each_id_has_a_surface_that_stands_in_the_text(tokenizer: Tokenizer, text: str) -> None:
    ids, surfaces = tokenizer.encode(text), tokenizer.surfaces(text)
    assert len(surfaces) == len(ids)
    assert all(surface in normalize(text, tokenizer.normalization) for surface in surfaces)


@every_kind
def test_without_words_for_them_unknown_ids_decode_as_ever(tokenizer: Tokenizer) -> None:
    ids = [4, UNK_ID, 5, UNK_ID, END_ID]
    assert tokenizer.decode(ids, unknown=["⁇", "⁇"]) == tokenizer.decode(ids)
    assert tokenizer.decode(ids, unknown=["⁇"]) == tokenizer.decode(ids)


def test_the_surface_of_a_word_is_the_word_known_or_not() -> None:
    words = TRAINED["word"]
    assert words.surfaces("A  Gnu runs,\u3000doesn't") == [*"A Gnu runs , doesn ' t".split()]
    assert TRAINED["word-whole"].surfaces("A Gnu runs,") == ["A", "Gnu", "runs,"]
    assert TRAINED["character-nfd"].surfaces("é글") == [*"e\u0301ᄀ\u1173\u11af"]


def test_the_surface_of_a_subword_is_its_word_without_the_marks_at_its_ends() -> None:
    subwords = TRAINED["sentencepiece"]
    text = "(dog's) a▁b, Zürich ..."
    pieces, surfaces = subwords.pieces(subwords.encode(text)), subwords.surfaces(text)
    assert subwords.pieces([UNK_ID]) == ["<unk>"]
    assert list(dict.fromkeys(surfaces)) == ["dog's", "a▁b", "Zürich", "Z", "..."]
    assert surfaces[pieces.index("<unk>")] == "Z"


def test_words_take_the_places_of_unknown_ids_in_turn() -> None:
    words = WordTokenizer(["a", "b", "\x01,"])
    assert words.decode([UNK_ID, 6, 4, UNK_ID, END_ID], unknown=["Zoë", "New York"]) == (
        "Zoë, a New York"
    )
    assert CharacterTokenizer(["a"]).decode([4, UNK_ID, UNK_ID], unknown=["e", "\u0301"]) == "aé"
    subwords = TRAINED["sentencepiece"]
    ids = subwords.encode("A Q runs")
    assert UNK_ID in ids and subwords.decode(ids, unknown=["a▁▅c"]) == "A a▁▅c runs"
