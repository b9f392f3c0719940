"""Losses, metrics, optimizer, callbacks, checkpoints and distribution for `fit`."""
