"""How much of its source a model reads at once: python attention_spread.py MODEL TEXTS.

Prints the pieces of a source in the mean, the exponential of the entropy of the attention (as many
pieces as it would read evenly), and the share of its weight on the first pieces.
"""

import argparse

import numpy as np

from keras_s2s import Translator
from keras_s2s.data.corpus import read_lines


def main() -> None:
    """Answers the texts and prints one line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("texts")
    parser.add_argument("--first", type=int, default=50, help="pieces at the beginning")
    given = parser.parse_args()
    answers = Translator.load(given.model).stream(read_lines(given.texts), attention=True)
    weights = [best.weights for best, *_ in answers if best.weights is not None]
    pieces = np.mean([rows.shape[1] for rows in weights])
    entropies = [-(rows * np.log(rows + 1e-9)).sum(1) for rows in weights]
    read = np.mean([np.exp(entropy).mean() for entropy in entropies])
    first, even = (
        100 * np.mean([rows[:, : given.first].sum(1).mean() / sums for rows, sums in pairs])
        for pairs in (
            [(rows, 1.0) for rows in weights],
            [(np.ones_like(rows), rows.shape[1]) for rows in weights],
        )
    )
    print(
        f"{pieces:.0f} source pieces, {read:.0f} of them read at once; {first:.0f} % of the weight "
        f"on the first {given.first}, evenly {even:.0f} %"
    )


if __name__ == "__main__":
    main()
