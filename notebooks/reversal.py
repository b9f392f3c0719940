# %% [markdown]
# # Source reversal
#
# Sutskever et al. (2014, section 3.3) reversed the words of every source sentence, left the target
# unchanged, and saw perplexity fall from 5.8 to 4.7 and BLEU rise from 25.9 to 30.6. Their
# explanation: the average distance between a source word and its translation stays the same, but
# the first words of both sentences come close together, which makes it easier for the optimization
# to establish a connection between them.
#
# We repeat the experiment on a task with the word order of the example in the paper, where a, b, c
# becomes α, β, γ: copying a string of random symbols, without attention.

# %%
import sys

if "google.colab" in sys.modules:
    import subprocess

    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "keras-s2s"], check=True)

# %%
import matplotlib.pyplot as plt

from keras_s2s import Decoder, Encoder, Seq2Seq, Translator
from keras_s2s.experiments.comparison import (
    accuracy,
    accuracy_by_length,
    draw_band,
    random_strings,
    read_options,
    save,
    style_axes,
    summarize,
    train,
)

options = read_options("reversal", seeds=3)
lengths = range(2, 13)
settings = {
    "lengths": [lengths[0], lengths[-1]],
    "training_pairs": 96_000 if options.is_full else 640,
    "test_pairs_per_length": 60 if options.is_full else 3,
    "rounds": 20 if options.is_full else 2,
    "units": 64,
    "embedding": 32,
    "batch_sentences": 64,
    "learning_rate": 4e-3,
}
tests = [
    (string, string)
    for length in lengths
    for string in random_strings(settings["test_pairs_per_length"], [length], 1000 + length)
]

# %% [markdown]
# ## One argument
#
# The encoder is unidirectional, as in the paper. `reverse_source=True` makes it read from the end;
# nothing else differs. Both models start from the same random weights, see the same strings, and
# are evaluated 20 times during training, with greedy decoding.


# %%
def measure(reverse_source: bool, seed: int) -> tuple[list[float], list[int], list[float]]:
    """Token accuracy in the course of training, after how many batches, and at each length."""
    curve, steps = [], []

    def build(size: int) -> Seq2Seq:
        how = {"units": settings["units"], "embedding_dimension": settings["embedding"]}
        encoder = Encoder(size, **how, bidirectional=False, reverse_source=reverse_source)
        return Seq2Seq(encoder, Decoder(size, **how, bridge="copy"))

    def watch(translator: Translator, step: int) -> None:
        curve.append(accuracy(translator, tests).token)
        steps.append(step)

    strings = random_strings(settings["training_pairs"], lengths, seed)
    translator = train(
        build,
        [(string, string) for string in strings],
        seed=seed,
        rounds=settings["rounds"],
        watch=watch,
        batch_sentences=settings["batch_sentences"],
        learning_rate=settings["learning_rate"],
    )
    found = accuracy_by_length(translator, tests)
    return curve, steps, [one.whole for one in found.values()]


curves, shares = {}, {}
for name, reverse_source in (("plain", False), ("reversed", True)):
    runs = [measure(reverse_source, seed) for seed in options.seeds]
    steps = runs[0][1]
    curves[name] = summarize(curve for curve, _, _ in runs)
    shares[name] = summarize(whole for _, _, whole in runs)
    print(f"{name:9} tokens right in the end: {curves[name]['mean'][-1]:.3f}")
    for length, share in list(zip(lengths, shares[name]["mean"], strict=True))[::2]:
        print(f"{'':9} whole strings right at length {length:2}: {share:.3f}")

# %% [markdown]
# ## Results

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
for style, name in enumerate(curves):
    draw_band(left, steps, curves[name], name, style)
    draw_band(right, lengths, shares[name], name, style)
style_axes(left, "In the course of training", "batches", "tokens right")
style_axes(right, "After training", "length of the source in symbols", "whole strings right")
for axes in (left, right):
    axes.set_ylim(0, 1.03)
handles, labels = left.get_legend_handles_labels()
figure.legend(handles, labels, ncols=2, frameon=False, fontsize=9, loc="outside upper center")
figures = {
    "steps": steps,
    "lengths": list(lengths),
    "token_accuracy": curves,
    "whole_accuracy_by_length": shares,
}
save(options, settings, figures, figure)

# %% [markdown]
# ## Conclusion
#
# Reversal helps, as the paper says, and from the beginning: the model that reads backwards is as
# accurate after 675 batches as the one that reads forwards is after 1,500 (84 % token accuracy). At
# the end, token accuracy is 94 % (three seeds: 93 to 96 %) with reversal and 84 % (83 to 87 %)
# without.
#
# Reversal also shifts the length at which copying breaks down. Both models copy up to four symbols
# without an error. Forwards, 72 % of the strings of eight symbols and 30 % of those of ten are
# correct; backwards, 98 % and 82 %. But reversal does not remove the limit: at twelve symbols, the
# longest training length, 40 % are correct backwards (25 to 57 %) and 3 % forwards. Removing it
# takes attention.
