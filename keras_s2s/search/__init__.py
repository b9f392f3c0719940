"""Greedy search, beam search and sampling over a step function; they know no model.

A step function takes the last token of N rows, int32 `[N]`, and a state, any nested structure of
tensors `[N, ...]`. It returns logits `[N, V]`, the next state of the same structure, and attention
weights `[N, S]` or None. What stays the same from step to step, such as the memory, is in its
closure or in `constants`. All searches run as one loop in the graph and stop when every row has
ended; call them within `tf.function` or `jax.jit`. A row's result depends on that row alone.

With `constants`, in a graph whose batch size is unknown, rows that have ended are dropped: an outer
loop makes the batch smaller.
"""
