import sys
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_s2s.text.normalization import (
    CONTROL_CHARACTERS,
    NEWER_CHARACTERS,
    NORMALIZATION_FORMS,
    WHITE_SPACE,
    normalize,
    normalize_in_graph,
    normalize_lines,
)

tf = pytest.importorskip("tensorflow")
in_graph = pytest.mark.skipif(
    sys.platform != "linux", reason="tensorflow-text has no wheels for this system"
)

CODE_POINTS = [code for code in range(0x110000) if not 0xD800 <= code < 0xE000]
NEWER = [code for first, last in NEWER_CHARACTERS for code in range(first, last + 1)]
SEPARATORS = sorted({*WHITE_SPACE, *CONTROL_CHARACTERS})
COMBINING = [code for code in CODE_POINTS if unicodedata.combining(chr(code))]
DECOMPOSING = [code for code in CODE_POINTS if unicodedata.decomposition(chr(code))]
JAMO_AND_SYLLABLES = [*range(0x1100, 0x1200), *range(0xAC00, 0xAC00 + 600)]

ANY_TEXT = st.text() | st.text(
    st.one_of(
        *(
            st.sampled_from([chr(code) for code in codes])
            for codes in (NEWER, SEPARATORS, COMBINING, DECOMPOSING, JAMO_AND_SYLLABLES)
        ),
        st.sampled_from("aAe .\u200d\ufeff"),
    )
)
forms = pytest.mark.parametrize("form", NORMALIZATION_FORMS)


def normalized_in_graph(texts: list[str], form: str) -> list[str]:
    encoded = tf.constant([text.encode() for text in texts], tf.string)
    return [text.decode() for text in normalize_in_graph(encoded, form).numpy()]


def differences(texts: list[str], form: str) -> list[tuple[str, str, str]]:
    both = zip(texts, normalized_in_graph(texts, form), strict=True)
    return [
        (ascii(text), ascii(graph), ascii(python))
        for text, graph in both
        if graph != (python := normalize(text, form))
    ][:20]


@in_graph
@forms
def test_python_and_graph_agree_on_every_assigned_character(form: str) -> None:
    unassigned_or_private = ("Cn", "Co")
    assigned = [c for c in CODE_POINTS if unicodedata.category(chr(c)) not in unassigned_or_private]
    assert differences([chr(code) for code in assigned + NEWER], form) == []


@in_graph
@pytest.mark.slow  # All of Unicode; a sample is a default test.
@forms
def test_python_and_graph_agree_on_every_code_point_alone_and_between_others(form: str) -> None:
    for before, after in (("", ""), ("a", "\u0301"), (" ", " "), ("\u1112\u1161", "\u11ab")):
        assert differences([before + chr(code) + after for code in CODE_POINTS], form) == []


@in_graph
@forms
@settings(max_examples=20, deadline=None)
@given(texts=st.lists(ANY_TEXT, max_size=200))
def test_python_and_graph_agree_on_random_text(form: str, texts: list[str]) -> None:
    assert differences(texts, form) == []


@forms
@settings(deadline=None)
@given(text=ANY_TEXT)
def test_normalizing_twice_changes_nothing(form: str, text: str) -> None:
    once = normalize(text, form)
    assert normalize(once, form) == once


@settings(deadline=None)
@given(text=ANY_TEXT)
def test_nfd_loses_nothing_that_nfc_keeps(text: str) -> None:
    assert normalize(normalize(text, "NFD"), "NFC") == normalize(text, "NFC")


@settings(deadline=None)
@given(text=st.text(st.characters(exclude_categories=["Cc", "Cs", "Cn", "Zs", "Zl", "Zp"])))
def test_apart_from_white_space_and_newer_characters_it_is_unicode_s_own_form(text: str) -> None:
    if not {*map(ord, text)} & {*NEWER}:
        assert normalize(text, "NFC") == unicodedata.normalize("NFC", text)


def test_white_space_is_what_unicode_and_python_call_so_and_all_control_characters() -> None:
    category = {code: unicodedata.category(chr(code)) for code in CODE_POINTS}
    assert {code for code in CODE_POINTS if category[code] == "Cc"} == {*CONTROL_CHARACTERS}
    assert {code for code in CODE_POINTS if category[code] in ("Zs", "Zl", "Zp")} <= {*WHITE_SPACE}
    assert {code for code in CODE_POINTS if chr(code).isspace()} <= {*SEPARATORS}
    assert len(WHITE_SPACE) == 25


@forms
@pytest.mark.parametrize("code", SEPARATORS)
def test_every_separator_becomes_one_blank_and_none_at_the_ends(form: str, code: int) -> None:
    separator = chr(code)
    text = f"{separator} a{separator}{separator}b {separator}"
    assert normalize(text, form) == "a b"
    assert normalize(separator * 3, form) == ""


def test_characters_of_format_stay() -> None:
    family = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
    assert (
        normalize(f"{family} می\u200cخواهم \ufeff\u200f") == f"{family} می\u200cخواهم \ufeff\u200f"
    )


def test_the_default_keeps_phonetic_letters_and_nfkc_folds_them() -> None:
    assert normalize("tʰ ½ ﬁ") == "tʰ ½ ﬁ"
    assert normalize("tʰ ½ ﬁ", "NFKC") == "th 1⁄2 fi"


@pytest.mark.parametrize("form", ["NFC", "NFKC"])
def test_hangul_typed_as_jamo_is_the_same_as_syllables(form: str) -> None:
    jamo = "\u1112\u1161\u11ab\u1100\u1173\u11af"
    assert normalize(jamo, form) == normalize("한글", form) == "한글"
    assert normalize("한글", "NFD") == jamo


def test_nfkc_that_makes_a_blank_at_an_end_leaves_none_there() -> None:
    assert normalize("¨a ¨", "NFKC") == "\u0308a \u0308"


def test_a_newer_character_stays_and_what_is_around_it_is_normalized() -> None:
    assert normalize("e\u0301 \U000105d2\u0307 e\u0301") == "é \U000105d2\u0307 é"
    assert normalize("a\u0316\u0897\u0301", "NFC") == "a\u0316\u0897\u0301"
    assert normalize("\U00011935\U00011930", "NFC") == "\U00011935\U00011930"
    assert normalize("\U0001fbf3", "NFKC") == "\U0001fbf3"


def test_a_lone_surrogate_is_an_error_that_says_where() -> None:
    with pytest.raises(ValueError, match=r"U\+D83D at position 3"):
        normalize("abc\ud83d")


@pytest.mark.parametrize("text", [b"a", None, 3])
def test_what_is_no_text_is_a_type_error(text: object) -> None:
    with pytest.raises(TypeError, match="text must be a str"):
        normalize(text)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("form", ["nfc", "NFKD", "", None])
def test_another_form_is_an_error_that_names_the_three(form: str) -> None:
    for call in (normalize, normalize_in_graph, normalize_lines):
        with pytest.raises(ValueError, match="NFC.*NFKC.*NFD"):
            call("a", form)  # pyright: ignore[reportArgumentType]


def test_one_text_instead_of_lines_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="iterable of lines"):
        normalize_lines("abc")


@in_graph
@settings(max_examples=50, deadline=None)
@given(texts=st.lists(st.binary(max_size=12), min_size=1, max_size=50))
def test_bytes_that_are_no_utf8_are_replaced_in_the_graph(texts: list[bytes]) -> None:
    expected = [normalize(text.decode("utf-8", errors="replace")) for text in texts]
    found = [text.decode() for text in normalize_in_graph(tf.constant(texts), "NFC").numpy()]
    assert found == expected


@in_graph
def test_the_graph_keeps_the_shape() -> None:
    newer = "\U000105d2"
    for texts in (" a ", [" a ", newer], [[" a", newer], ["b", " "]]):
        assert normalize_in_graph(tf.constant(texts), "NFC").shape == tf.constant(texts).shape
    assert normalize_in_graph(tf.zeros([0], tf.string), "NFC").shape == [0]


@in_graph
def test_it_works_inside_a_data_set() -> None:
    texts = [" e\u0301 ", "\U000105d2\u0307  b"]
    for data in (
        tf.data.Dataset.from_tensor_slices(texts).map(normalize_in_graph),
        tf.data.Dataset.from_tensor_slices(texts).batch(2).map(normalize_in_graph).unbatch(),
    ):
        found = [text.decode() for text in data.as_numpy_iterator()]
        assert found == [normalize(text) for text in texts]


def test_without_tensorflow_text_the_error_says_what_to_install_and_where(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow_text", None)
    with pytest.raises(ImportError, match=r"pip install tensorflow-text==2\.\d+\.\*.*Linux"):
        normalize_in_graph(tf.constant(["a"]))
    assert normalize(" a ") == "a"
