# %% [markdown]
# # The fixed-length bottleneck
#
# The first neural translation models encoded a whole sentence into one vector of fixed size and
# generated the translation from it (Cho et al. 2014; Sutskever et al. 2014). Cho et al. observed
# that they fail on long sentences. Bahdanau et al. (2015) identified that vector as the bottleneck
# and removed it: with attention, the decoder accesses every source word at every step.
#
# Here we measure the bottleneck itself. The task is as simple as possible: copy a string of random
# symbols. A string of n symbols out of ten carries n times 3.3 bits, and no symbol can be predicted
# from the others, so all of the information has to pass through the state.

# %%
import sys

if "google.colab" in sys.modules:
    import subprocess

    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "keras-s2s"], check=True)

# %%
import matplotlib.pyplot as plt

from keras_s2s import BahdanauAttention, Decoder, Encoder, Seq2Seq
from keras_s2s.experiments.comparison import (
    Accuracy,
    accuracy_by_length,
    draw_band,
    random_strings,
    read_options,
    save,
    style_axes,
    summarize,
    train,
)

options = read_options("bottleneck", seeds=2)
lengths = range(2, 31)
settings = {
    "lengths": [lengths[0], lengths[-1]],
    "training_pairs": 96_000 if options.is_full else 640,
    "test_pairs_per_length": 40 if options.is_full else 2,
    "units": [32, 64, 128] if options.is_full else [8],
    "units_with_attention": [32, 64] if options.is_full else [8],
    "embedding": 32,
    "batch_sentences": 64,
    "learning_rate": 4e-3,
}

# %% [markdown]
# ## Two models
#
# Both have a bidirectional LSTM encoder and an LSTM decoder. They differ in one argument of the
# decoder, Bahdanau's attention. The size of the state is `units`: without attention, these numbers,
# and as many in the LSTM's cell, are all that the decoder learns about the source. Each model sees
# every training string once. Only the shortest strings can be memorized: there are only a hundred
# strings of two symbols.


# %%
def measure(units: int, has_attention: bool, seed: int) -> list[Accuracy]:
    """Shares of whole strings and of tokens that are right, for each length."""

    def build(size: int) -> Seq2Seq:
        attention = BahdanauAttention(units) if has_attention else None
        how = {"units": units, "embedding_dimension": settings["embedding"]}
        return Seq2Seq(Encoder(size, **how), Decoder(size, **how, attention=attention))

    strings = random_strings(settings["training_pairs"], lengths, seed)
    translator = train(
        build,
        [(string, string) for string in strings],
        seed=seed,
        batch_sentences=settings["batch_sentences"],
        learning_rate=settings["learning_rate"],
    )
    tests = [
        (string, string)
        for length in lengths
        for string in random_strings(settings["test_pairs_per_length"], [length], 1000 + length)
    ]
    return list(accuracy_by_length(translator, tests).values())


wholes, tokens = {}, {}
for has_attention, sizes in ((False, settings["units"]), (True, settings["units_with_attention"])):
    for units in sizes:
        name = f"{units} units{', attention' if has_attention else ''}"
        runs = [measure(units, has_attention, seed) for seed in options.seeds]
        wholes[name] = summarize([one.whole for one in run] for run in runs)
        tokens[name] = summarize([one.token for one in run] for run in runs)
        for length in (5, 10, 20, 30):
            place = length - lengths[0]
            print(
                f"{name:19} length {length:2}: whole strings {wholes[name]['mean'][place]:.2f}, "
                f"tokens {tokens[name]['mean'][place]:.2f}"
            )

# %% [markdown]
# ## Results

# %%
figure, panels = plt.subplots(1, 2, figsize=(9, 3.7), layout="constrained", sharey=True)
for axes, found in zip(panels, (wholes, tokens), strict=True):
    for style, name in enumerate(found):
        draw_band(axes, lengths, found[name], name, style, dashed="attention" in name)
    axes.set_ylim(0, 1.03)
style_axes(panels[0], "Whole strings", "length of the source in symbols", "share that is right")
style_axes(panels[1], "Tokens", "length of the source in symbols", "")
handles, labels = panels[0].get_legend_handles_labels()
figure.legend(handles, labels, ncols=5, frameon=False, fontsize=9, loc="outside upper center")
figures = {
    "lengths": list(lengths),
    "whole_accuracy_by_length": wholes,
    "token_accuracy_by_length": tokens,
}
save(options, settings, figures, figure)

# %% [markdown]
# ## Conclusion
#
# The bottleneck is as visible as the papers say. Without attention, every model copies the shortest
# strings and none of the long ones, with a transition that is six to ten symbols wide: with 32, 64
# and 128 units, half of the strings are correct up to about 6, 10 and 14 symbols. A larger state
# shifts the limit and does not remove it. Doubling the units adds only three or four symbols, after
# 1,500 batches; these curves cannot separate what the state could hold from what it has not learned
# to hold yet.
#
# With attention, 32 units, a quarter of the largest model without it, copy strings of 25 symbols as
# well as those of five, and 64 units are still 99 % correct at thirty. The decline at the end, to
# 65 and 95 % with 32 units, concerns the longest training strings, perhaps because attention has to
# find one of thirty positions that look alike.
