# %% [markdown]
# # Vanishing gradients
#
# To learn that an output depends on an early input, a network needs a gradient that reaches from
# one to the other. Hochreiter (1991) and Bengio et al. (1994) showed that in a plain recurrent
# network it vanishes, or explodes, exponentially with the distance. The LSTM (Hochreiter and
# Schmidhuber 1997) was designed to avoid this: its cell state is carried from step to step by a
# sum. The GRU (Cho et al. 2014) does the same with a single state, and layer normalization (Ba et
# al. 2016) keeps the inputs of the gates at one scale.
#
# Here we measure that gradient for four cells: before training, and after training on a task that
# only memory can solve.

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
# The encoder reads random strings, and we take one random direction of its final state, as if a
# loss depended on it. The norm of the gradient with respect to the embedding of each token then
# shows how much of the signal arrives at each distance. It is averaged over strings and directions
# and divided by its value at distance 0, so that the plot shows the surviving fraction.
#
# TensorFlow represents the gradient of an embedding by the tokens that were looked up: one row for
# each of them, in the order of the lookup.


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
# ## A memory task
#
# The source is a string of random symbols, and the target is its first symbol. Everything after it
# can be forgotten. In the longest strings, the distance between the two is 29.


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
# ## Results

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
# After training, the gradients are those of the papers. In the plain RNN, a hundred-thousandth or
# less arrives from the first of thirty symbols. In the GRU and the layer-normalized LSTM, a few
# hundredths arrive from the symbols in between, and from the first symbol, the only one that
# matters, between a quarter and three times as much as from the last one. Both remember it at every
# distance, with both seeds.
#
# The plain RNN predicts that symbol correctly about half of the time, but hardly more often after
# one step than after 29 (65 and 54 %). So the small gradient goes together with a badly learned
# task, and distance alone does not explain the failure. Half is five times chance: a state that is
# saturated, and thus stable, has a small gradient, as Bengio et al. (1994) showed.
#
# Before training, the picture is different. The cells are initialized with orthogonal recurrent
# matrices, and with one of those the plain RNN propagates a third of the gradient over 29 steps;
# the LSTM, whose forget gates start at 0.73 and whose output gates are half open, 0.5 %, the GRU a
# millionth. In the layer-normalized LSTM the gradient grows, by 4 and 22 times: normalizing the
# inputs of the gates does not normalize the gradient. A gradient that survives is not necessarily
# useful, and one that vanishes at initialization can recover: the GRU, which started with the
# least, solves the task.
#
# The LSTM is no guarantee either. One seed learned the task (90 % over all distances); the other
# did not in the same 1,500 batches (21 %, at one step as at 29), and from the first symbol it
# receives 0.2 % of the gradient where the other receives four times that of the last.
