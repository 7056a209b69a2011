"""The ways in which a run is distributed."""

import json
import os

import tensorflow as tf

from ogbrain.errors import UserError, unknown_name

CHOICES = ("none", "mirrored", "multiworker")


def build_strategy(name: str) -> tf.distribute.Strategy:
    """Returns the strategy that `--distribute` names.

    Args:
        name: `"none"`: one device. `"mirrored"`: all GPUs of this machine, or its CPU
            devices where it has no GPU. `"multiworker"`: one process on each machine
            that the `TF_CONFIG` environment variable lists.

    Raises:
        UserError: The name is unknown, or `TF_CONFIG` is missing or malformed.
    """
    if name == "none":
        return tf.distribute.get_strategy()
    if name == "mirrored":
        devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
        return tf.distribute.MirroredStrategy([device.name for device in devices])
    if name != "multiworker":
        raise unknown_name("value of --distribute", name, CHOICES)
    example = '{"cluster": {"worker": ["HOST:PORT", "HOST:PORT"]}, "task": {"type": "worker", "index": 0}}'
    try:
        settings = json.loads(os.environ.get("TF_CONFIG") or "null")
        workers, index = settings["cluster"]["worker"], settings["task"]["index"]
        well_formed = 0 <= index < len(workers)
    except (ValueError, KeyError, TypeError):
        well_formed = False
    if not well_formed:
        given = os.environ.get("TF_CONFIG", "")
        raise UserError(f"--distribute=multiworker: TF_CONFIG is {given!r}; it lists the workers, such as {example}")
    return tf.distribute.MultiWorkerMirroredStrategy()


def worker_count(strategy: tf.distribute.Strategy) -> int:
    """Returns the number of processes that train together."""
    resolver = strategy.cluster_resolver
    return len(resolver.cluster_spec().as_dict().get("worker", [])) if resolver else 1


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Whether this process is the one that writes the run."""
    return worker_count(strategy) <= 1 or strategy.cluster_resolver.task_id == 0
