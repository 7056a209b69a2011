"""How the threads of a run share the cores."""

import sys

import tensorflow as tf

SWITCH_SECONDS = 1e-4
"""Python's own 5 ms would let the environments step to their end before the learner's thread can start its updates."""


def share_cores(operation_threads: int) -> None:
    """Lets a learner begin while environments step, and sets how many threads an operation takes.

    Args:
        operation_threads: For TensorFlow, which takes the number once in a process, before anything has run; 0 leaves
            it to TensorFlow.
    """
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        tf.config.threading.set_intra_op_parallelism_threads(operation_threads)
    except RuntimeError:
        pass  # Something has run before: results are the same, at another speed.
