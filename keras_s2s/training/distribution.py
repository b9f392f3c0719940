"""Distributed training; results match those of a single device."""

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

# Exit status of a program that should be restarted: EX_TEMPFAIL of sysexits.h.
TRY_AGAIN = 75


class WorkerLostError(RuntimeError):
    """Another worker of the training has ended, so no worker can continue."""


def make_strategy(name: str, devices: Sequence[str] | None = None) -> tf.distribute.Strategy | None:
    """Create a `tf.distribute` strategy by name.

    Build and compile the model in the strategy's `scope`, pass the batches to `fit` through
    `distribute_dataset`, and call `fit` within `patch_multi_worker_fit`.

    Args:
        name: "none" for one device; "mirrored" for all GPUs of this machine; "multi_worker" for
            the machines listed in the environment variable TF_CONFIG; "tpu" for a TPU (untested).
            A multi-worker strategy must be created before TensorFlow runs any operation.
        devices: For "mirrored", the devices to use, such as "GPU:0"; `None` for all GPUs.

    Returns:
        The strategy, or `None` for "none".

    Raises:
        ValueError: The name is unknown, TF_CONFIG is invalid, or no TPU is found.
        RuntimeError: TensorFlow has already run an operation.
        OSError: This worker cannot listen on its port.

    Example:
        >>> make_strategy("none") is None
        True

    The TensorFlow server of a worker listens on every network interface without authentication:
    keep its port inside a private network.
    """
    import tensorflow as tf

    check_strategy(name)
    if name == "mirrored":
        return tf.distribute.MirroredStrategy(devices)
    if name == "multi_worker":
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
                f"no TPU was found: set TPU_NAME to the name of one. Received: {error}"
            ) from error
        tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
        return tf.distribute.TPUStrategy(resolver)
    return None


def check_strategy(name: str) -> None:
    """Raise ValueError if the strategy is unknown or needs a TF_CONFIG that is missing or wrong."""
    if name not in STRATEGIES:
        raise ValueError(f"`strategy` must be one of {STRATEGIES}. Received: strategy={name!r}")
    if name == "multi_worker":
        check_cluster(os.environ.get("TF_CONFIG"))
    backend = os.environ.get("KERAS_BACKEND", "tensorflow")
    if name != "none" and backend != "tensorflow":
        raise ValueError(f"`strategy` needs Keras on TensorFlow. Received: {name!r} on {backend}")


def worker_name(index: int | None = None) -> str:
    """The name of a worker in messages, "worker 1 (10.0.0.2:2222)"; by default of this one."""
    config = json.loads(os.environ["TF_CONFIG"])
    index = int(config["task"]["index"]) if index is None else index
    return f"worker {index} ({config['cluster']['worker'][index]})"


def check_cluster(config: str | None) -> None:
    """Raise ValueError unless a TF_CONFIG lists the workers and the index of this process."""
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
    """Whether this process is the chief worker, the only one that writes files.

    Returns:
        True for worker 0 of TF_CONFIG, and where there is no TF_CONFIG.

    Example:
        >>> is_chief()
        True
    """
    try:
        task = json.loads(os.environ.get("TF_CONFIG", "{}")).get("task", {})
    except ValueError:
        return True
    return int(task.get("index", 0)) == 0


def distribute_dataset(batches: tf.data.Dataset, strategy: tf.distribute.Strategy | None) -> Any:
    """Shard every batch over the devices of a strategy.

    Each device gets the same number of consecutive rows. Where the rows do not suffice, rows of
    padding are added, which no loss counts. So all devices run the same number of steps.

    Args:
        batches: Batches `((source, target_in), target_out)`, perhaps with weights `[B]`, the same
            on every worker.
        strategy: A strategy of `make_strategy`, or `None`.

    Returns:
        A dataset for `fit`; `batches` itself without a strategy.

    Example:
        >>> import tensorflow as tf
        >>> batches = tf.data.Dataset.from_tensors((([[5], [6], [7]], [[2]] * 3), [[8], [9], [4]]))
        >>> distribute_dataset(batches, None) is batches
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
    """`count` of the equal parts of a batch `[B, ...]`, padded at the end: `[count, rows, ...]`."""
    import tensorflow as tf

    size, others = tf.shape(ids)[0], tf.shape(ids)[1:]
    rows = -(-size // replicas)
    paddings = [[0, rows * replicas - size], *[[0, 0]] * (len(ids.shape) - 1)]
    padded = tf.pad(ids, tf.convert_to_tensor(paddings))
    parts = tf.reshape(padded, tf.concat([[replicas, rows], others], axis=0))
    return parts[first : first + count]


def all_reduce_mean(
    values: dict[str, float], strategy: tf.distribute.Strategy | None
) -> dict[str, float]:
    """Average values over all workers.

    Args:
        values: Numbers by name, with the same names on each worker.
        strategy: A strategy of `make_strategy`, or `None`.

    Returns:
        The means, equal on all workers; `values` itself in a single process.
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
def detect_lost_workers(strategy: tf.distribute.Strategy | None) -> Iterator[None]:
    """Raise WorkerLostError where TensorFlow raises an error because another worker has ended."""
    if not is_multi_worker(strategy):
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
    """Whether a strategy spans several processes; False for `None`."""
    extended = getattr(strategy, "extended", None)
    return getattr(extended, "_in_multi_worker_mode", lambda: False)()


@contextmanager
def patch_multi_worker_fit(strategy: tf.distribute.Strategy | None) -> Iterator[None]:
    """Make `keras.Model.fit` work with several workers, within this context.

    Stock Keras 3 fails there, see issue 20585 of keras-team/keras. Before the first step it reduces
    the workers' parts of a batch, whose shapes differ, to their mean: here the part of this worker
    is used. After each step it reduces the metrics, which are scalars, over their first axis: here
    it is the mean over the workers. Without a multi-worker strategy nothing is patched.

    Args:
        strategy: A strategy of `make_strategy`, or `None`.

    Example:
        >>> with patch_multi_worker_fit(make_strategy("none")):
        ...     pass  # model.fit(...)
    """
    if not is_multi_worker(strategy):
        yield
        return
    import keras
    from keras.src.backend.tensorflow import trainer

    stock_reduce = trainer.reduce_per_replica
    stock_build = trainer.TensorFlowTrainer._maybe_symbolic_build

    def reduce_per_replica(values: Any, strategy: Any, reduction: str) -> Any:
        if reduction == "auto" and is_multi_worker(strategy):
            return keras.tree.map_structure(
                lambda value: strategy.reduce("MEAN", value, axis=None), values
            )
        return stock_reduce(values, strategy, reduction)

    def _maybe_symbolic_build(self: Any, iterator: Any = None, data_batch: Any = None) -> None:
        strategy = self._distribute_strategy
        if iterator is None or not is_multi_worker(strategy):
            stock_build(self, iterator, data_batch)
            return
        _, _, batches = next(iter(iterator))
        own = keras.tree.map_structure(
            lambda value: strategy.experimental_local_results(value)[0], next(batches)
        )
        stock_build(self, data_batch=own)

    trainer.reduce_per_replica = reduce_per_replica
    trainer.TensorFlowTrainer._maybe_symbolic_build = _maybe_symbolic_build
    try:
        yield
    finally:
        trainer.reduce_per_replica = stock_reduce
        trainer.TensorFlowTrainer._maybe_symbolic_build = stock_build
