# %% [markdown]
# # How far back a gradient reaches
#
# To learn that an output depends on an early input, a network needs a gradient that reaches back
# from the one to the other. Hochreiter (1991) and Bengio et al. (1994) showed that in a plain
# recurrent network it shrinks, or explodes, exponentially with the distance. The LSTM (Hochreiter
# and Schmidhuber 1997) was made so that it need not: its cell is carried from step to step by a
# sum. The GRU (Cho et al. 2014) does the same with one state, and layer normalisation (Ba et al.
# 2016) keeps what goes into the gates at one scale.
#
# Here we measure that gradient for our four cells: before training, and after training on a task
# that nothing but memory can solve.

# %%
import sys

if "google.colab" in sys.modules:
    import subprocess

    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "keras-s2s"], check=True)

# %%
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf

from keras_s2s import Decoder, Encoder, Seq2Seq, Translator
from keras_s2s.experiments.comparison import (
    accuracy_by_length,
    draw_band,
    random_strings,
    read_options,
    save,
    style_axes,
    summarize,
    train,
)

options = read_options("vanishing", seeds=2)
cells = {"rnn": "RNN", "gru": "GRU", "lstm": "LSTM", "layer_norm_lstm": "LSTM, layer norm"}
if not options.is_full:
    cells = {"rnn": "RNN"}
settings = {
    "lengths": [2, 30 if options.is_full else 12],
    "training_pairs": 96_000 if options.is_full else 640,
    "test_pairs_per_length": 40 if options.is_full else 5,
    "units": 48 if options.is_full else 16,
    "embedding": 16,
    "batch_sentences": 64,
    "learning_rate": 4e-3,
}

# %% [markdown]
# ## The gradient
#
# The encoder reads random strings, and we take one random direction of its last state, as if a loss
# pulled there. The gradient by the embedding of each token then tells by its norm how much of that
# pull arrives at each distance. It is averaged over strings and directions, and divided by its
# value at distance 0, so that what we see is the share that survives.
#
# TensorFlow keeps the gradient of an embedding by the tokens that were looked up: one row for each
# of them, in the order of the lookup.


# %%
def surviving(encoder: Encoder, length: int, seed: int) -> list[float]:
    """Mean norm of the gradient by an input at distance 0, 1, 2 ... relative to distance 0."""
    generator = np.random.default_rng(seed)
    source = generator.integers(4, encoder.vocabulary_size, (64, length)).astype("int32")
    pull = generator.normal(size=(64, encoder.units)).astype("float32")
    with tf.GradientTape() as tape:
        memory, *_ = encoder(source)
        loss = tf.reduce_sum(memory[:, -1] * pull)
    gradient = tape.gradient(loss, encoder.embedding.embeddings.value)
    rows = tf.reshape(gradient.values, (length, 64, -1))
    norms = tf.reduce_mean(tf.norm(rows, axis=-1), axis=-1).numpy()[::-1]
    return (norms / norms[0]).tolist()


# %% [markdown]
# ## A task of memory
#
# The source is a string of random symbols, and the answer is its first one. Everything behind it is
# there to be forgotten. The longest strings have a distance of 29 between the two.


# %%
def train_memory(cell: str, seed: int) -> Translator:
    """Learn to tell the first symbol of a string."""

    def build(size: int) -> Seq2Seq:
        how = {"units": settings["units"], "embedding_dimension": settings["embedding"]}
        encoder = Encoder(size, **how, cell=cell, bidirectional=False)
        return Seq2Seq(encoder, Decoder(size, **how, cell=cell))

    least, most = settings["lengths"]
    strings = random_strings(settings["training_pairs"], range(least, most + 1), seed)
    return train(
        build,
        [(string, string[0]) for string in strings],
        seed=seed,
        batch_sentences=settings["batch_sentences"],
        learning_rate=settings["learning_rate"],
    )


distances = range(settings["lengths"][1])
before, after, told = {}, {}, {}
for cell, name in cells.items():
    start, end, shares = [], [], []
    for seed in options.seeds:
        translator = train_memory(cell, seed)
        trained = translator.model.encoder
        fresh = Encoder.from_config(trained.get_config())
        fresh.build((None, None))
        start.append(surviving(fresh, len(distances), seed))
        end.append(surviving(trained, len(distances), seed))
        least, most = settings["lengths"]
        tests = [
            (string, string[0])
            for length in range(least, most + 1)
            for string in random_strings(settings["test_pairs_per_length"], [length], 1000 + length)
        ]
        shares.append([one.whole for one in accuracy_by_length(translator, tests).values()])
    before[name], after[name], told[name] = map(summarize, (start, end, shares))
    print(
        f"{name:16} {before[name]['mean'][-1]:.1e} survives {distances[-1]} steps before training,"
        f" {after[name]['mean'][-1]:.1e} after; right from there {told[name]['mean'][-1]:.2f}"
    )

# %% [markdown]
# ## What came out

# %%
figure, panels = plt.subplots(1, 3, figsize=(11, 3.6), layout="constrained")
for style, name in enumerate(cells.values()):
    for axes, found in zip(panels, (before, after), strict=False):
        draw_band(axes, distances, found[name], name, style, marker_size=0)
    draw_band(panels[2], distances[1:], told[name], name, style, marker_size=0)
for axes, title in zip(panels, ("Before training", "After training"), strict=False):
    style_axes(axes, title, "distance in tokens", "gradient that survives")
    axes.set_yscale("log")
    axes.set_ylim(1e-10, 1e2)
style_axes(panels[2], "First symbol remembered", "distance in tokens", "answers right")
panels[2].set_ylim(0, 1.03)
handles, labels = panels[0].get_legend_handles_labels()
figure.legend(handles, labels, ncols=4, frameon=False, fontsize=9, loc="outside upper center")
figures = {
    "distances": list(distances),
    "gradient_before": before,
    "gradient_after": after,
    "remembered_from_distance_1": told,
}
save(options, settings, figures, figure)

# %% [markdown]
# ## Conclusion
#
# After training, the gradients are those of the papers. In the plain network a hundred-thousandth
# or less arrives from the first of thirty symbols. In the GRU and the layer-normalised LSTM some
# hundredths arrive from the symbols in between, and from the first one, which alone matters,
# between a quarter and three times of what the last one sends. Both remember it at every
# distance, with both seeds.
#
# The plain network names that symbol in about half of its answers, but after one step hardly more
# often than after 29 (65 and 54 %). So the small gradient goes with a task that is badly learned,
# and the distance alone is not what it fails at. Half is five times chance: what a saturated
# state holds firmly has little gradient, as Bengio et al. (1994) showed.
#
# Before training it is another story. Our cells start from orthogonal recurrent matrices, and
# with one of those the plain network hands on a third of the gradient over 29 steps; the LSTM,
# whose forget gates start at 0.73 and whose output gates are half open, 0.5 %, the GRU a
# millionth. In the layer-normalised LSTM it grows, 4 and 22 times: a scale for what goes into the
# gates is none for the gradient. A gradient that survives is not yet one that teaches, and one
# that vanishes at the start can come back: the GRU, which began with the least, solves the task.
#
# And the LSTM is no guarantee. One seed learned the task (90 % over all distances), the other did
# not in the same 1,500 batches (21 %, at one step as at 29), and from the first symbol it gets
# 0.2 % of the gradient where the other gets four times that of the last.
