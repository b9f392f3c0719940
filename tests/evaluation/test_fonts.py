import importlib.util
import sys
import unicodedata

import matplotlib
import pytest
from matplotlib import font_manager
from matplotlib.font_manager import FontEntry, FontProperties, findfont, fontManager, get_font

from keras_s2s.evaluation import fonts
from keras_s2s.evaluation.fonts import readable_labels

SCRIPTS = ["▁Ärger", "▁한국어", "مرحبا", "नमस्ते", "日本語", "สวัสดี", "שלום", "🐶", "ʰ", "дом", "ξ"]


@pytest.fixture
def no_other_fonts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that has the fonts of matplotlib's base family alone."""
    monkeypatch.setattr(fonts, "_plain_families", lambda: [])


def test_hangul_shows():
    if importlib.util.find_spec("koreanize_matplotlib") is None:
        pytest.skip("koreanize-matplotlib is not installed")
    labels, families = readable_labels(["▁안녕", "하세요", "뷁", "ㅎ"])
    assert labels == ["▁안녕", "하세요", "뷁", "ㅎ"]
    assert families == ["DejaVu Sans", "NanumGothic"]


def test_hangul_shows_again_after_matplotlib_has_listed_its_fonts_anew(
    monkeypatch: pytest.MonkeyPatch,
):
    before = readable_labels(["한"])
    others = [entry for entry in fontManager.ttflist if entry.name != "NanumGothic"]
    monkeypatch.setattr(fontManager, "ttflist", others)
    assert readable_labels(["한"]) == before
    assert before[1][-1] in {entry.name for entry in fontManager.ttflist}


def test_a_font_that_was_removed_from_the_machine_is_passed_over(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    gone = FontEntry(fname="/nowhere/gone.ttf", name="Gone", style="normal", weight=400)
    monkeypatch.setattr(fontManager, "ttflist", [gone, *fontManager.ttflist])
    monkeypatch.setattr(fonts, "_plain_families", fonts._plain_families.__wrapped__)
    assert "Gone" in fonts._plain_families()
    assert readable_labels(["\U0003fff0"]) == (["U+3FFF0"], ["DejaVu Sans"])
    assert not caplog.records
    assert font_manager.fontManager is fontManager


def test_finding_the_korean_font_leaves_matplotlib_as_it_was():
    before = dict(matplotlib.rcParams)
    fonts._register_korean_font()
    readable_labels(["한"])
    assert dict(matplotlib.rcParams) == before
    assert "koreanize_matplotlib" not in sys.modules


def test_every_character_of_a_label_is_drawn_by_one_of_its_fonts():
    labels, families = readable_labels(SCRIPTS)
    drawn = [get_font(findfont(FontProperties(family=[name]))).get_char_index for name in families]
    for label in labels:
        for character in label:
            assert any(index(ord(character)) for index in drawn), (label, character)


def test_a_character_without_a_font_becomes_its_code_point(no_other_fonts: None):
    labels, families = readable_labels(["▁한국", "a🐶b", "дом"])
    assert labels == ["▁ U+D55C U+AD6D", "a U+1F436 b", "дом"]
    assert families == ["DejaVu Sans"]


def test_fonts_of_boxes_are_never_used():
    assert all("last" not in family.lower() for family in fonts._plain_families())
    assert readable_labels(["\U0003fff0"])[0] == ["U+3FFF0"]


def test_as_few_fonts_as_possible_are_chosen(monkeypatch: pytest.MonkeyPatch):
    glyphs = {"DejaVu Sans": "ab", "First": "cd", "Second": "cdef", "Third": "g", "Unused": "gc"}
    monkeypatch.setattr(fonts, "_plain_families", lambda: list(glyphs)[1:])
    monkeypatch.setattr(fonts, "_draws", lambda family, one: one in glyphs[family])
    assert readable_labels(["abcdef"])[1] == ["DejaVu Sans", "Second"]
    assert readable_labels(["cd"])[1] == ["DejaVu Sans", "First"]
    assert readable_labels(["acegz"]) == (["aceg U+007A"], ["DejaVu Sans", "Second", "Third"])


@pytest.mark.parametrize(
    ("text", "label"),
    [
        (" ", "U+0020"),
        ("\u200d", "U+200D"),
        ("a\nb", "a U+000A b"),
        ("\ud800", "U+D800"),
        ("\u3164", "U+3164"),  # Hangul filler: fonts draw nothing, and it is no blank.
        ("New York", "New York"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        (unicodedata.normalize("NFD", "é"), "é"),
        ("", ""),
    ],
)
def test_what_would_not_be_seen_is_spelled_out(text: str, label: str):
    assert readable_labels([text])[0] == [label]


def test_no_texts_need_no_fonts():
    assert readable_labels([]) == ([], ["DejaVu Sans"])
