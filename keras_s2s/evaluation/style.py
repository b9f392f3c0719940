"""The style of `plots`: colours, lines, legends, sizes."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from keras_s2s.evaluation.fonts import BASE_FAMILY

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable
    from matplotlib.figure import Figure

INK = "#222222"
FAINT = "#d9d9d9"
GRAY = "#9a9a9a"
PALETTE = ("#1f5fa8", "#d9822b", "#3a8f5c", "#8b5aa8", GRAY)
MARGIN = 0.12  # Inches around a heat map.


def style_cells(axes: Axes, shape: tuple[int, ...]) -> None:
    """Put the source axis on top and thin grid lines between the cells."""
    axes.xaxis.tick_top()
    axes.xaxis.set_label_position("top")
    axes.set_xlabel("source", color=INK, labelpad=7)
    axes.set_ylabel("target", color=INK, labelpad=7)
    axes.set_xticks([column + 0.5 for column in range(shape[1] - 1)], minor=True)
    axes.set_yticks([row + 0.5 for row in range(shape[0] - 1)], minor=True)
    axes.grid(which="minor", color=FAINT, linewidth=0.4)
    axes.tick_params(which="both", length=0, pad=5, labelcolor=INK)
    axes.spines[:].set(color=FAINT, linewidth=0.8)


def style_panel(axes: Axes) -> None:
    """Show the left and bottom axis lines and a faint horizontal grid only."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(FAINT)
    axes.tick_params(color=FAINT, labelcolor=INK, labelsize=8)
    axes.grid(axis="y", color=FAINT, linewidth=0.5)
    axes.set_axisbelow(True)


def add_legend(
    figure: Figure, handles: Mapping[str, Any], families: Sequence[str] = (BASE_FAMILY,)
) -> None:
    """Add a one-row legend above the panels, with the drawn artists by label."""
    from matplotlib.font_manager import FontProperties

    font = FontProperties(family=list(families), size=9)
    place = {"loc": "outside upper left", "ncols": 4, "frameon": False}
    figure.legend(list(handles.values()), list(handles), prop=font, **place)


def add_color_bar(axes: Axes, image: ScalarMappable, width: float, height: float) -> None:
    """Add a colour bar to the right of axes of the given size in inches."""
    from matplotlib.ticker import MaxNLocator

    length = min(max(height, 1.0), 3.0)
    place = (1 + 0.15 / width, 1 - length / height, 0.13 / width, length / height)
    bar = axes.figure.colorbar(image, cax=axes.inset_axes(place), ticks=MaxNLocator(4))
    bar.set_label("attention weight", color=INK, fontsize=9)
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=2, color=FAINT, labelcolor=INK, labelsize=8)


def fit_figure(figure: Figure, axes: Axes, width: float, height: float) -> None:
    """Resize the figure to fit axes of the given size in inches with all their labels."""
    figure.draw_without_rendering()
    pixels = axes.get_tightbbox()
    if pixels is None:  # The axes are not visible.
        return
    box = pixels.transformed(figure.dpi_scale_trans.inverted())
    left, bottom = MARGIN - box.x0, MARGIN - box.y0
    total = (box.width + 2 * MARGIN, box.height + 2 * MARGIN)
    figure.set_size_inches(*total)
    axes.set_position((left / total[0], bottom / total[1], width / total[0], height / total[1]))


def save(figure: Figure, path: str | os.PathLike[str] | None) -> Figure:
    """Write the figure to the path, if one is given, and return it."""
    if path is not None:
        figure.savefig(path, dpi=150)
    return figure
