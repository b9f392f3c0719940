"""Helpers for the experiments in `notebooks`: synthetic data, training, accuracy, result files.

An experiment trains small models with several seeds and writes its results to a JSON file and a
plot.
"""

from __future__ import annotations

import argparse
import builtins
import json
import random
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from keras_s2s.search.strategies import Greedy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from keras_s2s.data.pairs import Pairs
    from keras_s2s.inference.translator import Translator
    from keras_s2s.model import Seq2Seq

SYMBOLS = "abcdefghij"
# The colour-blind safe palette of Okabe and Ito; grey in place of black.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#555555")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")


class Options(NamedTuple):
    """The options of an experiment.

    Attributes:
        name: Name of the experiment and of its files.
        size: "full", or "small" for a smoke test of a few seconds.
        seeds: One seed per run.
        output: Folder for the result files.
    """

    name: str
    size: str
    seeds: list[int]
    output: Path

    @property
    def is_full(self) -> bool:
        """Whether the size is "full"."""
        return self.size == "full"


def read_options(name: str, *, seeds: int = 2, arguments: Sequence[str] | None = None) -> Options:
    """Parse the command line, or use the defaults in a notebook, which has none.

    Args:
        name: Name of the experiment.
        seeds: Default number of seeds.
        arguments: Arguments to parse instead of the command line.

    Returns:
        The options; by default full size, with the files in the working directory.

    Example:
        >>> read_options("copy", arguments=["--size", "small", "--seeds", "3"]).seeds
        [1, 2, 3]
    """
    parser = argparse.ArgumentParser(prog=f"{name}.py")
    parser.add_argument("--output", type=Path, default=Path(), help="folder for the result files")
    parser.add_argument("--size", choices=("small", "full"), default="full")
    parser.add_argument("--seeds", type=int, default=seeds, help="number of runs")
    if arguments is None:
        arguments = [] if hasattr(builtins, "__IPYTHON__") else sys.argv[1:]
    given = parser.parse_args(arguments)
    if given.seeds < 1:
        parser.error(f"--seeds must be at least 1. Received: --seeds {given.seeds}")
    try:
        given.output.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=given.output):
            pass
    except OSError as error:
        parser.error(f"--output cannot be written: {error}")
    return Options(name, given.size, list(range(1, given.seeds + 1)), given.output)


def random_strings(
    count: int, lengths: Sequence[int], seed: int, symbols: str = SYMBOLS
) -> list[str]:
    """Draw random strings, with lengths and symbols uniformly distributed.

    Args:
        count: Number of strings.
        lengths: Lengths to draw from, in symbols.
        seed: The same seed gives the same strings.
        symbols: The alphabet.

    Example:
        >>> len(random_strings(3, [5], seed=1)[0])
        5
    """
    generator = random.Random(seed)
    return ["".join(generator.choices(symbols, k=generator.choice(lengths))) for _ in range(count)]


def train(
    build: Callable[[int], Seq2Seq],
    pairs: Pairs,
    *,
    seed: int,
    batch_sentences: int = 64,
    learning_rate: float = 4e-3,
    rounds: int = 1,
    watch: Callable[[Translator, int], None] | None = None,
) -> Translator:
    """Train a character-level model for one pass over the pairs.

    The learning rate decays to 0 by a cosine schedule. Gradients are clipped to a global norm of 1.

    Args:
        build: Builds the model from the size of the shared vocabulary.
        pairs: Sources and targets.
        seed: Seed of the weights and of the order of the pairs.
        batch_sentences: Pairs per batch.
        learning_rate: Initial learning rate of Adam.
        rounds: Number of equal parts to split the training into.
        watch: Called after each part with the current translator and the number of batches it has
            been trained on.

    Returns:
        The trained model with its tokenizer. It uses greedy search by default.

    Example:
        >>> from keras_s2s import Decoder, Encoder, Seq2Seq
        >>> def build(size):
        ...     return Seq2Seq(Encoder(size, 8), Decoder(size, 8))
        >>> translator = train(build, [(text, text) for text in ("ab", "ba")], seed=1)
        >>> len(translator.translate(["aa", "bb"]))
        2
    """
    import keras

    from keras_s2s.data.batches import Batches
    from keras_s2s.inference.translator import Translator
    from keras_s2s.text.tokenizers import CharacterTokenizer
    from keras_s2s.training.losses import MaskedCrossentropy

    keras.utils.set_random_seed(seed)
    sources, targets = map(list, zip(*pairs, strict=True))
    tokenizer = CharacterTokenizer.train(sources + targets)
    encoded = map(tokenizer.encode_all, (sources, targets))
    batches = Batches(*encoded, batch_sentences=batch_sentences, seed=seed)
    steps = max(batches.steps_per_epoch // rounds, 1)
    model = build(tokenizer.vocabulary_size)
    schedule = keras.optimizers.schedules.CosineDecay(learning_rate, steps * rounds)
    adam = keras.optimizers.Adam(schedule, global_clipnorm=1.0)
    # On a GPU, Keras would recompile the step for each length.
    model.compile(adam, loss=MaskedCrossentropy(), jit_compile=False)
    translator = Translator(model, tokenizer, tokenizer, search=Greedy())

    def end_part(part: int, _: Any = None) -> None:
        if watch is not None:
            watch(translator, (part + 1) * steps)

    callbacks = [keras.callbacks.LambdaCallback(on_epoch_end=end_part)]
    how: dict[str, Any] = {"epochs": rounds, "steps_per_epoch": steps, "callbacks": callbacks}
    model.fit(batches.dataset(), verbose=0, shuffle=False, **how)
    return translator


class Accuracy(NamedTuple):
    """The accuracy of greedy search, without teacher forcing.

    Attributes:
        whole: Fraction of the hypotheses that equal their target.
        token: Fraction of the target tokens, end mark included, that are right at their position.
    """

    whole: float
    token: float


def accuracy(translator: Translator, pairs: Pairs) -> Accuracy:
    """Translate the sources and compare the hypotheses with the targets."""
    return _shares(right_tokens(translator, pairs))


def right_tokens(translator: Translator, pairs: Pairs) -> list[list[bool]]:
    """Tell for each target token (a character or the end mark) whether greedy search predicts it.

    Args:
        translator: The translator to evaluate.
        pairs: Sources and targets.
    """
    sources, targets = zip(*pairs, strict=True)
    longest = max(map(len, targets)) + 1
    found = translator.translate(sources, search=Greedy(), maximum_length=longest, batch_size=256)
    return [
        [text[position : position + 1] == symbol for position, symbol in enumerate(target)]
        + [len(text) == len(target)]
        for text, target in zip(found, targets, strict=True)
    ]


def accuracy_by_length(translator: Translator, pairs: Pairs) -> dict[int, Accuracy]:
    """Compute `accuracy` for each source length, in increasing order."""
    groups: dict[int, list[list[bool]]] = {}
    for (source, _), right in zip(pairs, right_tokens(translator, pairs), strict=True):
        groups.setdefault(len(source), []).append(right)
    return {length: _shares(groups[length]) for length in sorted(groups)}


def _shares(right: Sequence[Sequence[bool]]) -> Accuracy:
    whole, token, tokens = (sum(map(count, right)) for count in (all, sum, len))
    return Accuracy(whole / len(right), token / tokens)


def summarize(runs: Iterable[Any]) -> dict[str, Any]:
    """Compute mean and range of a result over the seeds, as JSON values.

    Args:
        runs: A number or an array per seed, all of the same shape.

    Returns:
        "mean", "lowest", "highest" and the "runs" themselves.

    Example:
        >>> summarize([[1.0, 2.0], [3.0, 2.0]])["mean"]
        [2.0, 2.0]
    """
    values = np.asarray(list(runs), "float64")
    parts = {"mean": values.mean(0), "lowest": values.min(0), "highest": values.max(0)}
    return {name: value.tolist() for name, value in {**parts, "runs": values}.items()}


def draw_band(
    axes: Axes,
    positions: Sequence[float],
    summary: dict[str, Any],
    label: str,
    style: int,
    *,
    dashed: bool = False,
    marker_size: float = 4,
) -> None:
    """Draw the mean over the seeds as a line and their range as a band.

    Args:
        axes: Axes to draw on.
        positions: Horizontal position of each value.
        summary: Result of `summarize` for a row of values.
        label: Label in the legend.
        style: Index of the colour and the marker.
        dashed: Whether the line is dashed.
        marker_size: Size of the marker in points; 0 for none.
    """
    color = COLORS[style % len(COLORS)]
    band = summary["lowest"], summary["highest"]
    axes.fill_between(positions, *band, color=color, alpha=0.18, linewidth=0)
    line: dict[str, Any] = {"linestyle": "--" if dashed else "-", "linewidth": 1.7}
    marker = MARKERS[style % len(MARKERS)] if marker_size else None
    line |= {"marker": marker, "markersize": marker_size}
    axes.plot(positions, summary["mean"], color=color, label=label, **line)


def style_axes(axes: Axes, title: str, across: str, up: str) -> None:
    """Set the title, axis labels and grid of a panel."""
    from keras_s2s.evaluation.style import INK, style_panel

    style_panel(axes)
    axes.set_title(title, fontsize=10, loc="left", color=INK)
    axes.set_xlabel(across, fontsize=9, color=INK)
    axes.set_ylabel(up, fontsize=9, color=INK)


def save(
    options: Options, settings: dict[str, Any], figures: dict[str, Any], picture: Figure
) -> None:
    """Write NAME.json and NAME.png to the output folder.

    Args:
        options: Options of the experiment.
        settings: Sizes and other settings that the results depend on.
        figures: Results by name.
        picture: The plot.
    """
    found = {"experiment": options.name, "size": options.size, "seeds": options.seeds}
    found |= {"settings": settings, "figures": figures}
    options.output.mkdir(parents=True, exist_ok=True)
    path = options.output / options.name
    text = json.dumps(found, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    path.with_suffix(".json").write_text(text, encoding="utf-8")
    picture.savefig(path.with_suffix(".png"), dpi=150, facecolor="white")
