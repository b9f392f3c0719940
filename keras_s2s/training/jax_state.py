"""Callbacks that read and set variables in the middle of an epoch, under JAX too."""

from __future__ import annotations

from typing import Any


def sync_variables(model: Any) -> None:
    """Give the variables of a model and its optimizer the values of this step.

    Under JAX `fit` keeps them in a state of its own; after this it takes them from the variables
    again, as a callback may set them. Under TensorFlow they are always those of now.

    Args:
        model: A Keras model in `fit`.
    """
    sync = getattr(model, "jax_state_sync", None)
    if sync is not None:
        sync()
