"""One training over several devices or machines: the numbers are those of one."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import tensorflow as tf

STRATEGIES = ("none", "mirrored", "multi_worker", "tpu")


# The status of a program that should be started again, EX_TEMPFAIL of sysexits.h.
TRY_AGAIN = 75


class WorkerLostError(RuntimeError):
    """Another worker of the training is gone, and none can go on without it."""


def make_strategy(name: str, devices: Sequence[str] | None = None) -> tf.distribute.Strategy | None:
    """The strategy of a training; make the model in its `scope`, and give `fit` `spread` batches.

    Args:
        name: "none" for one device; "mirrored" for all GPUs of this machine; "multi_worker" for
            the machines that the environment variable TF_CONFIG lists; "tpu" for a TPU, which no
            test of ours has seen. A multi-worker strategy must be made before TensorFlow has
            computed anything.
        devices: For "mirrored", the devices to use, such as "GPU:0"; `None` for all GPUs.

    Returns:
        The strategy, or `None` for "none".

    Raises:
        ValueError: No such name, or TF_CONFIG does not say who is who, or names no TPU.
        RuntimeError: TensorFlow has computed something already.
        OSError: The port of this worker cannot be listened on.

    Example:
        >>> make_strategy("none") is None
        True

    TensorFlow's server of a worker listens on every network interface, without a password: keep
    its port inside a private network.
    """
    import tensorflow as tf

    check_strategy(name)
    if name == "mirrored":
        return tf.distribute.MirroredStrategy(devices)
    if name == "multi_worker":
        mend_fit()
        try:
            return tf.distribute.MultiWorkerMirroredStrategy()
        except RuntimeError as error:
            raise RuntimeError(
                "a multi-worker strategy must be made before TensorFlow has computed anything, the "
                f"weights of a model too: make it first. Received: {error}"
            ) from error
        except tf.errors.UnknownError as error:
            raise OSError(f"{worker_name()} cannot listen there. Received: {error}") from error
    if name == "tpu":
        try:
            resolver = tf.distribute.cluster_resolver.TPUClusterResolver()
        except ValueError as error:
            raise ValueError(
                f"no TPU is known here: TPU_NAME names one. Received: {error}"
            ) from error
        tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
        return tf.distribute.TPUStrategy(resolver)
    return None


def check_strategy(name: str) -> None:
    """Raise ValueError unless there is such a strategy and TF_CONFIG says what it needs."""
    if name not in STRATEGIES:
        raise ValueError(f"`strategy` must be one of {STRATEGIES}. Received: strategy={name!r}")
    if name == "multi_worker":
        check_cluster(os.environ.get("TF_CONFIG"))


def worker_name(index: int | None = None) -> str:
    """What messages call a worker of TF_CONFIG: "worker 1 (10.0.0.2:2222)"; by default this one."""
    config = json.loads(os.environ["TF_CONFIG"])
    index = int(config["task"]["index"]) if index is None else index
    return f"worker {index} ({config['cluster']['worker'][index]})"


def check_cluster(config: str | None) -> None:
    """Raise ValueError unless a TF_CONFIG names the workers and which of them this process is."""
    example = (
        '{"cluster": {"worker": ["10.0.0.1:2222", "10.0.0.2:2222"]}, '
        '"task": {"type": "worker", "index": 0}}'
    )
    need = f"TF_CONFIG must be like {example}, on each machine with its own index"
    try:
        found = json.loads(config or "")
        workers, task = found["cluster"]["worker"], found["task"]
        is_right = (
            set(found["cluster"]) == {"worker"}
            and isinstance(workers, list)
            and all(re.fullmatch(r"\S+:\d+", worker) for worker in workers)
            and len(set(workers)) == len(workers)
            and task["type"] == "worker"
            and type(task["index"]) is int
            and 0 <= task["index"] < len(workers)
        )
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ValueError(f"{need}. Received: TF_CONFIG={(config or '')[:300]!r}") from error
    if not is_right:
        raise ValueError(f"{need}. Received: TF_CONFIG={(config or '')[:300]!r}")


def is_chief() -> bool:
    """Whether this process writes what a training leaves: alone, or the first of several workers.

    Example:
        >>> is_chief()
        True
    """
    try:
        task = json.loads(os.environ.get("TF_CONFIG", "{}")).get("task", {})
    except ValueError:
        return True
    return int(task.get("index", 0)) == 0


def spread(batches: tf.data.Dataset, strategy: tf.distribute.Strategy | None) -> Any:
    """Give each device of a strategy its rows of every batch.

    The rows of a batch go to the devices in order, to each as many: without overlap, and where they
    do not suffice, empty rows stand in, which no loss counts. So all devices make the same steps.

    Args:
        batches: Of `((source, target_in), target_out)`, the same on every worker.
        strategy: Of `make_strategy`.

    Returns:
        What `fit` takes; `batches` where there is no strategy.

    Example:
        >>> import tensorflow as tf
        >>> batches = tf.data.Dataset.from_tensors((([[5], [6], [7]], [[2]] * 3), [[8], [9], [4]]))
        >>> spread(batches, None) is batches
        True
    """
    if strategy is None:
        return batches
    import tensorflow as tf

    replicas = strategy.num_replicas_in_sync

    def rows_of(context: tf.distribute.InputContext) -> tf.data.Dataset:
        own = replicas // context.num_input_pipelines
        first = context.input_pipeline_id * own

        def cut(*batch: Any) -> tf.data.Dataset:
            parts = tf.nest.map_structure(lambda ids: _parts(ids, replicas, first, own), batch)
            return tf.data.Dataset.from_tensor_slices(parts)

        return batches.flat_map(cut).prefetch(2 * own)

    return strategy.distribute_datasets_from_function(rows_of)


def _parts(ids: Any, replicas: int, first: int, count: int) -> Any:
    """Some of the equal parts of a batch `[B, L]`, empty rows behind: `[count, rows, L]`."""
    import tensorflow as tf

    size, length = tf.unstack(tf.shape(ids))
    rows = -(-size // replicas)
    padded = tf.pad(ids, [[0, rows * replicas - size], [0, 0]])
    return tf.reshape(padded, [replicas, rows, length])[first : first + count]


def agreed(values: dict[str, float], strategy: tf.distribute.Strategy | None) -> dict[str, float]:
    """The mean of what the workers found, so that all of them decide alike.

    Args:
        values: Numbers by name, the same names on each worker.
        strategy: Of `make_strategy`.

    Returns:
        The means; `values` where there is one process.
    """
    if strategy is None or not is_multi_worker(strategy):
        return values
    import tensorflow as tf

    def mean(found: Any) -> Any:
        context: Any = tf.distribute.get_replica_context()
        return context.all_reduce(tf.distribute.ReduceOp.MEAN, tf.identity(found))

    @tf.function(autograph=False)
    def run(found: Any) -> Any:
        return strategy.experimental_local_results(strategy.run(mean, args=(found,)))[0]

    reduced = run(tf.constant([*values.values()], tf.float64))
    return dict(zip(values, map(float, reduced), strict=True))


@contextmanager
def telling_lost_workers(strategy: tf.distribute.Strategy | None) -> Iterator[None]:
    """Raise WorkerLostError in place of what TensorFlow says where another worker is gone."""
    if strategy is None or not is_multi_worker(strategy):
        yield
        return
    import tensorflow as tf

    gone = (
        tf.errors.UnavailableError,
        tf.errors.AbortedError,
        tf.errors.CancelledError,
        tf.errors.DeadlineExceededError,
        tf.errors.InternalError,
        tf.errors.FailedPreconditionError,
    )
    try:
        yield
    except gone as error:
        named = re.search(r"from /job:worker/(?:replica:\d+/)?task:(\d+)", str(error))
        who = "another worker" if named is None else worker_name(int(named[1]))
        raise WorkerLostError(
            f"{who} is gone, and the training waits for none. Start all workers again with --resume"
        ) from error


def is_multi_worker(strategy: Any) -> bool:
    """Whether a strategy spans several processes."""
    return getattr(strategy.extended, "_in_multi_worker_mode", lambda: False)()


def mend_fit() -> None:
    """Make Keras' `fit` work with several workers, which stock Keras 3 does not.

    Before the first step it takes the mean of the workers' parts of a batch, whose shapes differ:
    here it is the part of this worker. After each step it takes the mean of the metrics over their
    first axis, and they have none: here it is the mean over the workers. See
    issue 20585 of keras-team/keras; `tests/training/test_distribution.py` tells when it is solved.
    """
    import keras
    from keras.src.backend.tensorflow import trainer

    if hasattr(trainer.reduce_per_replica, "stock"):
        return
    stock_reduce, stock_build = trainer.reduce_per_replica, keras.Model._maybe_symbolic_build

    def reduce_per_replica(values: Any, strategy: Any, reduction: str) -> Any:
        if reduction == "auto" and is_multi_worker(strategy):
            return keras.tree.map_structure(
                lambda value: strategy.reduce("MEAN", value, axis=None), values
            )
        return stock_reduce(values, strategy, reduction)

    def _maybe_symbolic_build(self: Any, iterator: Any = None, data_batch: Any = None) -> None:
        strategy = self._distribute_strategy
        if iterator is None or strategy is None or not is_multi_worker(strategy):
            stock_build(self, iterator, data_batch)
            return
        _, _, batches = next(iter(iterator))
        own = keras.tree.map_structure(
            lambda value: strategy.experimental_local_results(value)[0], next(batches)
        )
        stock_build(self, data_batch=own)

    reduce_per_replica.stock = stock_reduce  # pyright: ignore[reportFunctionMemberAccess]
    trainer.reduce_per_replica = reduce_per_replica
    trainer.TensorFlowTrainer._maybe_symbolic_build = _maybe_symbolic_build
