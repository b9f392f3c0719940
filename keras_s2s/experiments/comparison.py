"""What the experiments in `notebooks` share: data made on the spot, training, seeds, files.

An experiment trains small models from several seeds and ends with a JSON file of all figures and a
picture of them.
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

    from keras_s2s.inference.translator import Translator
    from keras_s2s.model import Seq2Seq

Pairs = Sequence[tuple[str, str]]
SYMBOLS = "abcdefghij"
# Okabe and Ito's colours, which all eyes tell apart; black comes last.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#555555")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")


class Options(NamedTuple):
    """How an experiment is run.

    Attributes:
        name: Its name, and that of its files.
        size: "full", or "small" for a few seconds that show only that it runs.
        seeds: What the runs start from.
        output: The folder for its files.
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
    """Read the command line; in a notebook, which has none, take the defaults.

    Args:
        name: Name of the experiment.
        seeds: Default number of seeds.
        arguments: What to read in place of the command line.

    Returns:
        The options; by default full size, and files in the working folder.

    Example:
        >>> read_options("copy", arguments=["--size", "small", "--seeds", "3"]).seeds
        [1, 2, 3]
    """
    parser = argparse.ArgumentParser(prog=f"{name}.py")
    parser.add_argument("--output", type=Path, default=Path(), help="folder for the files")
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
    """Draw strings: every length alike, and every symbol alike at each place.

    Args:
        count: Number of strings.
        lengths: Lengths to draw from, in symbols.
        seed: The same seed gives the same strings.
        symbols: What they are made of.

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
    """Train a model on characters; it reads every pair once.

    The learning rate falls to 0 along half a cosine. Gradients longer than 1 are shortened to 1.

    Args:
        build: Makes the model, from the number of ids that both sides share.
        pairs: Sources and targets.
        seed: Seed of the weights and of the order of the pairs.
        batch_sentences: Pairs in a batch.
        learning_rate: Peak of Adam's learning rate.
        rounds: Parts of equal size that the training is cut into.
        watch: Called after each part with the translator as it is, and the number of batches
            that it was trained on.

    Returns:
        The trained model with its tokenizer; it searches greedily.

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
    # Where there is a GPU, Keras would compile the step anew for each length.
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
    """How many answers are right, greedily and reading no target.

    Attributes:
        whole: Share of the answers that are right from the first token to the last.
        token: Share of the target's tokens, end mark included, that stand at their place.
    """

    whole: float
    token: float


def accuracy(translator: Translator, pairs: Pairs) -> Accuracy:
    """Translate the sources and compare with the targets.

    Args:
        translator: What answers.
        pairs: Sources and targets.
    """
    return _shares(right_tokens(translator, pairs))


def right_tokens(translator: Translator, pairs: Pairs) -> list[list[bool]]:
    """Tell for each token of each target, end mark included, whether the answer has it there.

    Args:
        translator: What answers, greedily.
        pairs: Sources and targets, of one character a token.
    """
    sources, targets = zip(*pairs, strict=True)
    longest = max(map(len, targets)) + 1
    answers = translator.translate(sources, search=Greedy(), maximum_length=longest, batch_size=256)
    return [
        [place < len(answer) and answer[place] == symbol for place, symbol in enumerate(target)]
        + [len(answer) == len(target)]
        for answer, target in zip(answers, targets, strict=True)
    ]


def accuracy_by_length(translator: Translator, pairs: Pairs) -> dict[int, Accuracy]:
    """Accuracy for each length of the source, the shortest first; see `accuracy`."""
    groups: dict[int, list[list[bool]]] = {}
    for (source, _), right in zip(pairs, right_tokens(translator, pairs), strict=True):
        groups.setdefault(len(source), []).append(right)
    return {length: _shares(groups[length]) for length in sorted(groups)}


def _shares(answers: Sequence[Sequence[bool]]) -> Accuracy:
    whole, token, tokens = (sum(map(count, answers)) for count in (all, sum, len))
    return Accuracy(whole / len(answers), token / tokens)


def summarize(runs: Iterable[Any]) -> dict[str, Any]:
    """Mean and spread of a figure over the seeds, ready for JSON.

    Args:
        runs: A number or an array of them for each seed, all of one shape.

    Returns:
        "mean", "lowest" and "highest" of the runs, and "runs" themselves.

    Example:
        >>> summarize([[1.0, 2.0], [3.0, 2.0]])["mean"]
        [2.0, 2.0]
    """
    values = np.asarray(list(runs), "float64")
    parts = {"mean": values.mean(0), "lowest": values.min(0), "highest": values.max(0)}
    return {name: value.tolist() for name, value in {**parts, "runs": values}.items()}


def draw_band(
    axes: Axes,
    places: Sequence[float],
    summary: dict[str, Any],
    label: str,
    style: int,
    *,
    dashed: bool = False,
    marker_size: float = 4,
) -> None:
    """Draw the mean as a line and the range from the lowest to the highest seed as a band.

    Args:
        axes: Where to draw.
        places: Where each value stands on the horizontal axis.
        summary: What `summarize` returned for a row of values.
        label: What the legend calls it.
        style: Number of the colour and the marker.
        dashed: Whether the line is dashed.
        marker_size: Size of the marker in points; 0 for none.
    """
    color = COLORS[style % len(COLORS)]
    axes.fill_between(
        places, summary["lowest"], summary["highest"], color=color, alpha=0.18, linewidth=0
    )
    axes.plot(
        places,
        summary["mean"],
        color=color,
        label=label,
        linestyle="--" if dashed else "-",
        linewidth=1.7,
        marker=MARKERS[style % len(MARKERS)] if marker_size else None,
        markersize=marker_size,
    )


def style_axes(axes: Axes, title: str, across: str, up: str) -> None:
    """Give a panel its title, its labels and faint lines to read values by."""
    from keras_s2s.evaluation.style import INK, style_panel

    style_panel(axes)
    axes.set_title(title, fontsize=10, loc="left", color=INK)
    axes.set_xlabel(across, fontsize=9, color=INK)
    axes.set_ylabel(up, fontsize=9, color=INK)


def save(
    options: Options, settings: dict[str, Any], figures: dict[str, Any], picture: Figure
) -> None:
    """Write what was found: NAME.json and NAME.png in the folder of the options.

    Args:
        options: How it was run.
        settings: Sizes and what else the figures depend on.
        figures: What was measured, by name.
        picture: What shows it.
    """
    found = {
        "experiment": options.name,
        "size": options.size,
        "seeds": options.seeds,
        "settings": settings,
        "figures": figures,
    }
    options.output.mkdir(parents=True, exist_ok=True)
    path = options.output / options.name
    text = json.dumps(found, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    path.with_suffix(".json").write_text(text, encoding="utf-8")
    picture.savefig(path.with_suffix(".png"), dpi=150, facecolor="white")
