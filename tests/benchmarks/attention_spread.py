"""Number of source tokens attended to at once: python attention_spread.py MODEL TEXTS.

Prints the mean number of source tokens, the exponential of the entropy of the attention weights
(the effective number of tokens attended to), and the share of the weight on the first tokens.
"""

import argparse

import numpy as np

from keras_s2s import Translator
from keras_s2s.data.corpus import read_lines


def main() -> None:
    """Translate the texts and print one line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("texts")
    parser.add_argument("--first", type=int, default=50, help="number of first tokens")
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
        f"{pieces:.0f} source tokens, {read:.0f} attended to at once; {first:.0f} % of the weight "
        f"on the first {given.first}, {even:.0f} % if uniform"
    )


if __name__ == "__main__":
    main()
