import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import matplotlib.pyplot
import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread
from matplotlib.text import Text

from keras_s2s.evaluation import fonts
from keras_s2s.evaluation.by_length import score_by_length
from keras_s2s.evaluation.plots import attention_heatmap, score_by_length_plot, training_curves

SOURCE = ["▁A", "▁dog", "▁runs", ".", "</s>"]
TARGET = ["▁Ein", "▁Hund", "▁renn", "t", ".", "</s>"]
SCRIPTS = [
    "한국어",
    "ᄒ",
    "مرحبا",
    "नमस्ते",
    "日本語",
    "🐶",
    "$x^2$",
    "a\tb",
    " ",
    "\ue000",
    "$_^{$",
    "%",
]


@pytest.fixture
def no_other_fonts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "_plain_families", lambda: [])


def attention(target_length: int, source_length: int) -> np.ndarray:
    generator = np.random.default_rng(target_length)
    return generator.dirichlet(np.full(source_length, 0.3), size=target_length)


def texts(labels: Iterable[Any]) -> list[str]:
    return [label.get_text() for label in labels]


def visible_texts(figure: Figure) -> list[Text]:
    return [
        artist
        for artist in figure.findobj(Text)
        if isinstance(artist, Text) and artist.get_visible() and artist.get_text()
    ]


def test_heatmap_shows_the_weights_under_their_pieces():
    weights = attention(len(TARGET), len(SOURCE))
    axes = attention_heatmap(weights, SOURCE, TARGET).axes[0]
    assert texts(axes.get_xticklabels()) == SOURCE
    assert texts(axes.get_yticklabels()) == TARGET
    np.testing.assert_array_equal(axes.images[0].get_array(), weights)
    assert axes.images[0].get_clim() == (0, weights.max())
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("source", "target")
    top = axes.get_window_extent().y1
    assert all(label.get_window_extent().y0 > top for label in axes.get_xticklabels())
    assert axes.xaxis.label.get_window_extent().y0 > top


def test_heatmap_file_has_the_colours_of_the_weights_from_top_left(tmp_path: Path):
    weights = np.array([[1.0, 0.0, 0.0], [0.0, 0.5, 1.0]])
    figure = attention_heatmap(weights, ["a", "b", "c"], ["x", "y"], tmp_path / "map.png")
    pixels = imread(tmp_path / "map.png")
    axes, image = figure.axes[0], figure.axes[0].images[0]
    scale = 150 / figure.dpi
    for row, column in np.ndindex(weights.shape):
        across, up = axes.transData.transform((column, row)) * scale
        shown = pixels[pixels.shape[0] - 1 - round(up), round(across)]
        np.testing.assert_allclose(shown, image.to_rgba(weights[row, column]), atol=0.01)


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (7, 1), (6, 5), (60, 60), (20, 120)])
def test_nothing_sticks_out_of_the_picture(shape: tuple[int, int]):
    target = (TARGET * 20)[: shape[0]]
    source = ("▁antidisestablishmentarianism" + " ▁a" * 200).split()[: shape[1]]
    figure = attention_heatmap(attention(*shape), source, target, title="A title")
    figure.draw_without_rendering()
    for text in visible_texts(figure):
        box = text.get_window_extent()
        assert box.x0 >= 0 and box.x1 <= figure.bbox.width, text
        assert box.y0 >= 0 and box.y1 <= figure.bbox.height, text


def label_gaps(axes: Any) -> tuple[float, float]:
    """Distances of the slanted source labels and of the target labels, in heights of the font."""
    cell = axes.get_window_extent().width / axes.images[0].get_array().shape[1]
    height = axes.get_xticklabels()[0].get_fontsize() * axes.figure.dpi / 72
    return cell * math.sin(math.radians(45)) / height, cell / height


@pytest.mark.parametrize("pieces", [5, 30, 60, 100])
def test_labels_keep_apart(pieces: int):
    source = (SOURCE * 20)[:pieces]
    axes: Any = attention_heatmap(attention(pieces, pieces), source, source).axes[0]
    source_gap, target_gap = label_gaps(axes)
    assert source_gap > 1 and target_gap > 1.3
    assert axes.get_xticklabels()[0].get_fontsize() >= 5.5
    assert axes.get_xticklabels()[0].get_rotation() == 45


def test_single_characters_stand_upright():
    axes = attention_heatmap(attention(2, 3), list("2b3"), list("03")).axes[0]
    assert axes.get_xticklabels()[0].get_rotation() == 0


def test_any_script_is_drawn_without_a_warning(tmp_path: Path):
    for ending in ("png", "svg", "pdf"):
        path = tmp_path / f"map.{ending}"
        weights = attention(len(SCRIPTS), len(SCRIPTS))
        attention_heatmap(weights, SCRIPTS, SCRIPTS, path, title="한국어 $_^{$")
        assert path.stat().st_size > 5_000


def test_code_points_stand_for_what_no_font_draws(no_other_fonts: None, tmp_path: Path):
    figure = attention_heatmap(attention(1, 12), SCRIPTS, ["한국"], tmp_path / "map.png")
    assert texts(figure.axes[0].get_yticklabels()) == ["U+D55C U+AD6D"]
    labels = texts(figure.axes[0].get_xticklabels())
    assert labels[1] == "U+1112" and labels[6:8] == ["$x^2$", "a U+0009 b"]


def test_a_very_long_piece_is_cut_short():
    figure = attention_heatmap([[1.0]], ["a" * 100], ["b"])
    assert texts(figure.axes[0].get_xticklabels()) == ["a" * 23 + "…"]


def test_title_stands_above_the_picture():
    figure = attention_heatmap([[1.0]], ["a"], ["b"], title="제목")
    assert figure.axes[0].get_title(loc="left") in ("제목", "U+C81C U+BAA9")


def test_weights_of_zero_can_be_drawn(tmp_path: Path):
    attention_heatmap(np.zeros((2, 2)), ["a", "b"], ["c", "d"], tmp_path / "map.png")


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.ones((5, 6)), r"Received: weights of shape \(5, 6\), 6 target pieces, 5 source pieces"),
        (np.ones(5), "a row per target piece"),
        (np.full((6, 5), np.nan), "finite and not negative"),
        (np.full((6, 5), -0.1), "Received: weights from -0.1 to -0.1"),
    ],
)
def test_weights_that_fit_nothing_are_refused(weights: np.ndarray, message: str):
    with pytest.raises(ValueError, match=message):
        attention_heatmap(weights, SOURCE, TARGET)
    with pytest.raises(ValueError, match="at least one"):
        attention_heatmap(np.ones((0, 5)), SOURCE, [])


def test_bars_are_the_scores_and_their_labels_count_the_sentences(tmp_path: Path):
    references = ["a b c d", "e f", "g"]
    good = score_by_length(references, references, [9, 2, 1], edges=(3,))
    bad = score_by_length(["a b c x", "e x", "g"], references, [9, 2, 1], edges=(3,))
    path = tmp_path / "lengths.png"
    systems = {"attention": good, "없음": bad}
    figure = score_by_length_plot(systems, path, metric="token_error_rate")
    axes: Any = figure.axes[0]
    assert [bar.get_height() for bar in axes.patches] == pytest.approx([0, 0, 1 / 3, 1 / 4])
    assert texts(axes.get_xticklabels()) == ["up to 3\n2 sentences", "over 3\n1 sentences"]
    assert axes.get_ylabel() == "token error rate"
    assert texts(figure.legends[0].get_texts())[0] == "attention"
    assert imread(path).shape[0] > 300


def test_bars_of_two_systems_stand_side_by_side():
    rows = score_by_length(["a", "b"], ["a", "b"], [1, 9], edges=(3,))
    bars: Any = score_by_length_plot({"one": rows, "other": rows}).axes[0].patches
    spans = sorted((bar.get_x(), bar.get_x() + bar.get_width()) for bar in bars)
    assert all(left[1] <= right[0] for left, right in zip(spans, spans[1:], strict=False))


def test_one_system_needs_no_legend():
    rows = score_by_length(["a b c d"], ["a b c d"], [4])
    figure = score_by_length_plot(rows)
    assert not figure.legends
    assert figure.axes[0].get_ylabel() == "BLEU"
    assert "100.0" in texts(figure.axes[0].texts)


def test_score_plot_refuses_unknown_metrics_and_unequal_systems():
    rows = score_by_length(["a"], ["a"], [4])
    with pytest.raises(ValueError, match=r"Received: metrics=\['meteor'\]"):
        score_by_length_plot(rows, metric="meteor")
    with pytest.raises(ValueError, match="the same sources"):
        score_by_length_plot({"one": rows, "other": []})


HISTORY = {
    "token_accuracy": [0.2, 0.5, 0.6, 0.65],
    "loss": [4.0, 3.0, 2.5, 2.2],
    "val_token_accuracy": [0.25, 0.45, 0.44, 0.43],
    "val_loss": [4.1, 3.2, 3.3, 3.5],
    "learning_rate": [1e-3, 5e-4, 2e-4, 1e-4],
}


def curve(axes: Any, number: int) -> list[tuple[float, float]]:
    return list(map(tuple, axes.lines[number].get_xydata()))


def test_curves_are_the_history_with_the_loss_on_top(tmp_path: Path):
    figure = training_curves(HISTORY, tmp_path / "curves.png")
    names = [axes.get_ylabel() for axes in figure.axes]
    assert names == ["loss", "token accuracy", "learning rate"]
    for axes, name in zip(figure.axes, ("loss", "token_accuracy", "learning_rate"), strict=True):
        assert curve(axes, 0) == list(enumerate(HISTORY[name], 1))
    assert curve(figure.axes[0], 2) == list(enumerate(HISTORY["val_loss"], 1))
    assert texts(figure.legends[0].get_texts()) == ["training", "validation"]
    assert imread(tmp_path / "curves.png").shape[1] > 900


def test_best_epoch_is_marked_on_every_curve():
    figure = training_curves(HISTORY)
    assert texts(figure.axes[0].texts) == ["best: epoch 2"]
    assert curve(figure.axes[0], 3) == [(2, 3.2)]
    assert curve(figure.axes[1], 1) == [(2, 0.5)]
    for axes in figure.axes:
        assert [epoch for epoch, _ in curve(axes, -1)] == [2, 2]


def test_best_epoch_may_be_given_or_come_from_the_training_loss():
    assert texts(training_curves(HISTORY, best_epoch=4).axes[0].texts) == ["best: epoch 4"]
    assert texts(training_curves({"loss": [2, 1, 3]}).axes[0].texts) == ["best: epoch 2"]
    assert not training_curves({"bleu": [2, 1]}).axes[0].texts


def test_epochs_are_whole_numbers_on_the_axis(tmp_path: Path):
    for epochs in (1, 2, 7, 100):
        figure = training_curves({"loss": [2.0] * epochs}, tmp_path / "curves.png")
        ticks = texts(figure.axes[0].get_xticklabels())
        assert all(tick.lstrip("\N{MINUS SIGN}").isdigit() for tick in ticks), ticks


def test_values_that_are_not_finite_leave_gaps(tmp_path: Path):
    history = {"loss": [1.0, math.inf, math.nan], "val_loss": [math.nan] * 3}
    figure = training_curves(history, tmp_path / "curves.png")
    assert np.isnan(figure.axes[0].lines[0].get_ydata()).tolist() == [False, True, True]
    assert not figure.axes[0].texts


@pytest.mark.parametrize(
    ("history", "best_epoch", "message"),
    [
        ({}, None, "Received: values by metric {}"),
        ({"loss": []}, None, "Received: values by metric {'loss': 0}"),
        ({"loss": [1.0, 2.0], "val_loss": [1.0]}, None, "{'loss': 2, 'val_loss': 1}"),
        ({"loss": [1.0, 2.0]}, 3, "between 1 and 2. Received: best_epoch=3"),
        ({"loss": [1.0, 2.0]}, 0, "Received: best_epoch=0"),
    ],
)
def test_histories_that_cannot_be_drawn_are_refused(history, best_epoch, message):
    with pytest.raises(ValueError, match=message):
        training_curves(history, best_epoch=best_epoch)


def test_pyplot_knows_none_of_the_figures():
    attention_heatmap([[1.0]], ["a"], ["b"])
    training_curves(HISTORY)
    assert matplotlib.pyplot.get_fignums() == []


def test_a_missing_folder_is_named(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        training_curves(HISTORY, tmp_path / "nowhere" / "curves.png")
