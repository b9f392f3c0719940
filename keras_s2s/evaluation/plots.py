"""Plots: attention heat map, score by source length, training curves.

Every function returns a matplotlib `Figure` that is not registered with pyplot, and optionally
saves it to a file. The file extension selects the format, such as `.png`, `.svg` or `.pdf`.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from keras_s2s.evaluation.by_length import LengthScores, check_metrics, shared_ranges
from keras_s2s.evaluation.fonts import readable_labels
from keras_s2s.evaluation.style import (
    GRAY,
    INK,
    PALETTE,
    add_color_bar,
    add_legend,
    fit_figure,
    save,
    style_cells,
    style_panel,
)

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike, NDArray

LONGEST_LABEL = 24  # Characters.


def attention_heatmap(
    weights: ArrayLike,
    source_pieces: Sequence[str],
    target_pieces: Sequence[str],
    path: str | os.PathLike[str] | None = None,
    *,
    title: str | None = None,
) -> Figure:
    """Plot attention weights as a heat map of target tokens by source tokens.

    The source runs from left to right, the target from top to bottom. The colour scale ends at the
    largest weight. Tokens may be in any script; characters without a glyph in any installed font
    are written as code points. Arabic, Hebrew and Indic scripts are shaped correctly from
    matplotlib 3.11 on.

    Args:
        weights: Attention weights, `[T, S]`, non-negative.
        source_pieces: The S source tokens, with the end mark if the model attended to it.
        target_pieces: The T target tokens.
        path: File to write; `None` for no file.
        title: Title of the plot; `None` for no title.

    Returns:
        The figure.

    Raises:
        ValueError: If there is nothing to draw, the shape of `weights` does not match the tokens,
            or a weight is negative or not finite.

    Example:
        >>> weights = [[0.9, 0.1], [0.2, 0.8]]
        >>> figure = attention_heatmap(weights, ["▁good", "▁day"], ["▁guten", "▁Tag"])
        >>> [label.get_text() for label in figure.axes[0].get_yticklabels()]
        ['▁guten', '▁Tag']
    """
    from matplotlib.figure import Figure
    from matplotlib.font_manager import FontProperties

    array = _checked_weights(weights, len(source_pieces), len(target_pieces))
    texts = [_shorten(piece) for piece in (*source_pieces, *target_pieces)]
    labels, families = readable_labels([*texts, title or ""])
    source, target = labels[: len(source_pieces)], labels[len(source_pieces) : -1]
    cell = min(max(11.4 / max(array.shape), 0.11), 0.3)  # Inches; 60 tokens fill a wide page.
    font = FontProperties(family=families, size=min(max(40 * cell, 5.5), 10))
    height, width = array.shape[0] * cell, array.shape[1] * cell
    figure = Figure(figsize=(width, height))
    figure.set_layout_engine("none")
    axes = figure.add_axes((0, 0, 1, 1))
    image = axes.imshow(array, cmap="Blues", vmin=0, vmax=max(array.max(), 1e-6), aspect="auto")
    is_narrow = max(map(len, source)) <= 2
    slant = {"rotation": 45, "rotation_mode": "anchor", "ha": "left", "va": "baseline"}
    slant = {} if is_narrow else slant
    axes.set_xticks(range(len(source)), source, font=font, parse_math=False, **slant)
    axes.set_yticks(range(len(target)), target, font=font, parse_math=False)
    style_cells(axes, array.shape)
    if title:
        font = FontProperties(family=families, size=11)
        axes.set_title(labels[-1], fontproperties=font, parse_math=False, loc="left", pad=10)
    add_color_bar(axes, image, width, height)
    fit_figure(figure, axes, width, height)
    return save(figure, path)


def score_by_length_plot(
    systems: Sequence[LengthScores] | Mapping[str, Sequence[LengthScores]],
    path: str | os.PathLike[str] | None = None,
    *,
    metric: str = "bleu",
) -> Figure:
    """Plot a score by source length as a bar chart, with the number of sentences per range.

    Args:
        systems: The result of `score_by_length`, or one result per system by name. All systems
            must have translated the same sources.
        path: File to write; `None` for no file.
        metric: Name of the field of `Scores` to plot.

    Returns:
        The figure.

    Raises:
        ValueError: If the systems' ranges or numbers of sentences differ, there is no row, or the
            metric is not a numeric field of `Scores`.

    Example:
        >>> from keras_s2s.evaluation.by_length import score_by_length
        >>> rows = score_by_length(["a", "b c d"], ["a", "b c e"], lengths=[1, 3], edges=(2,))
        >>> figure = score_by_length_plot({"attention": rows}, metric="exact_match")
        >>> [float(bar.get_height()) for bar in figure.axes[0].patches]
        [1.0, 0.0]
    """
    from matplotlib.figure import Figure

    named = systems if isinstance(systems, Mapping) else {"": systems}
    check_metrics([metric])
    ranges = shared_ranges(named)
    width = max(5.0, 1.5 + len(ranges) * (0.42 * len(named) + 0.5))
    figure = Figure(figsize=(width, 3.6))
    figure.set_layout_engine("constrained")
    axes = figure.add_subplot()
    labels, families = readable_labels(list(named))
    bars = {}
    width = 0.6 if len(named) == 1 else 0.8 / len(named)
    for index, (label, rows) in enumerate(zip(labels, named.values(), strict=True)):
        offset = (index - (len(named) - 1) / 2) * width
        positions = [group + offset for group in range(len(rows))]
        values = [getattr(row.scores, metric) for row in rows]
        color = PALETTE[index % len(PALETTE)]
        bars[label] = axes.bar(positions, values, 0.92 * width, color=color)
        decimals = "%.1f" if metric.startswith(("bleu", "chrf")) else "%.3f"
        axes.bar_label(bars[label], fmt=decimals, fontsize=7.5, color=INK, padding=1.5)
    ticks = [f"{name}\n{sentences:,} sentences" for name, sentences in ranges]
    axes.set_xticks(range(len(ranges)), ticks, fontsize=8)
    axes.set_xlabel("source tokens")
    axes.set_ylabel(_words(metric))
    style_panel(axes)
    axes.tick_params(axis="x", length=0)
    if any(labels):
        add_legend(figure, bars, families)
    return save(figure, path)


def training_curves(
    history: Mapping[str, Sequence[float]],
    path: str | os.PathLike[str] | None = None,
    *,
    best_epoch: int | None = None,
) -> Figure:
    """Plot the loss by epoch, and every other metric in a separate panel below.

    `name` and `val_name` share a panel, and the best epoch is marked in every panel. Values that
    are not finite (not measured, or diverged) leave a gap.

    Args:
        history: One list of values per metric, with a value per epoch, such as the `history`
            attribute of the result of `keras.Model.fit`. Names with the prefix `val_` are those of
            the validation data.
        path: File to write; `None` for no file.
        best_epoch: The epoch to mark, counted from 1; `None` for the one with the lowest
            `val_loss`, or the lowest `loss` without `val_loss`.

    Returns:
        The figure.

    Raises:
        ValueError: If there is no value, the lists differ in length, or `best_epoch` is not one of
            the epochs.

    Example:
        >>> figure = training_curves({"loss": [3.0, 2.0, 1.5], "val_loss": [3.1, 2.4, 2.6]})
        >>> [text.get_text() for text in figure.axes[0].texts]
        ['best: epoch 2']
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    epochs = _checked_epochs(history)
    if best_epoch is None:
        best_epoch = _lowest(history.get("val_loss", history.get("loss", ())))
    elif not 1 <= best_epoch <= epochs:
        raise ValueError(
            f"best_epoch must be between 1 and {epochs}. Received: best_epoch={best_epoch!r}"
        )
    names = list(dict.fromkeys(name.removeprefix("val_") for name in history))
    names.sort(key=lambda name: name != "loss")
    figure = Figure(figsize=(7, 1.1 + 1.8 * len(names)))
    figure.set_layout_engine("constrained")
    panels = figure.subplots(len(names), 1, sharex=True, squeeze=False)[:, 0]
    curves = {}
    for axes, name in zip(panels, names, strict=True):
        curves |= _draw_curves(axes, name, history, best_epoch)
    if best_epoch is not None:
        place = {"xy": (best_epoch, 1.03), "xycoords": panels[0].get_xaxis_transform()}
        side = "right" if best_epoch > 0.8 * epochs else "left"
        panels[0].annotate(f"best: epoch {best_epoch}", **place, ha=side, fontsize=8, color=INK)
    panels[-1].set_xlabel("epoch")
    panels[-1].set_xlim(0.5, epochs + 0.5)
    panels[-1].xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    figure.align_ylabels()
    add_legend(figure, curves)
    return save(figure, path)


def _draw_curves(
    axes: Axes, name: str, history: Mapping[str, Sequence[float]], best_epoch: int | None
) -> dict[str, Any]:
    """Draw a metric on training and validation data; return the curves by label."""
    curves: dict[str, Any] = {}
    for label, key, color in (("training", name, GRAY), ("validation", f"val_{name}", PALETTE[0])):
        values = [value if math.isfinite(value) else math.nan for value in history.get(key, ())]
        if not values:
            continue
        size = 3 if len(values) <= 40 else 0
        line = {"color": color, "linewidth": 1.5, "marker": "o", "markersize": size}
        (curves[label],) = axes.plot(range(1, len(values) + 1), values, **line)
        if best_epoch is not None:
            line |= {"markersize": 7, "markeredgecolor": "white", "zorder": 3}
            axes.plot([best_epoch], [values[best_epoch - 1]], **line)
    if best_epoch is not None:
        axes.axvline(best_epoch, color=INK, linewidth=0.8, linestyle=(0, (4, 3)), zorder=0)
    axes.set_ylabel(_words(name))
    axes.locator_params(axis="y", nbins=5)
    style_panel(axes)
    return curves


def _checked_epochs(history: Mapping[str, Sequence[float]]) -> int:
    lengths = {name: len(values) for name, values in history.items()}
    if len(set(lengths.values())) != 1 or 0 in lengths.values():
        raise ValueError(
            "history must have a value per epoch for every metric, nan where none was measured. "
            f"Received: values by metric {lengths!r}"
        )
    return next(iter(lengths.values()))


def _lowest(values: Sequence[float]) -> int | None:
    """Return the epoch of the lowest finite value, counted from 1."""
    finite = [(value, epoch) for epoch, value in enumerate(values, 1) if math.isfinite(value)]
    return min(finite)[1] if finite else None


def _checked_weights(weights: ArrayLike, sources: int, targets: int) -> NDArray[np.float64]:
    import numpy as np

    array = np.asarray(weights, dtype=np.float64)
    if array.shape != (targets, sources) or not array.size:
        raise ValueError(
            "weights must have a row per target piece and a column per source piece, at least one. "
            f"Received: weights of shape {array.shape}, {targets} target pieces, {sources} source "
            "pieces"
        )
    if not np.isfinite(array).all() or array.min() < 0:
        raise ValueError(
            "weights must be finite and not negative. "
            f"Received: weights from {array.min()} to {array.max()}"
        )
    return array


def _shorten(piece: str) -> str:
    return piece if len(piece) <= LONGEST_LABEL else piece[: LONGEST_LABEL - 1] + "…"


def _words(name: str) -> str:
    return name.replace("_", " ").replace("bleu", "BLEU").replace("chrf", "chrF")
