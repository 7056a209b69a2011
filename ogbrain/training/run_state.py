"""Where a run stands: everything the loop itself must remember across a kill."""

import math

import tensorflow as tf


class RunState(tf.Module):
    """Counters and sums of the run loop, saved with every checkpoint."""

    def __init__(self) -> None:
        super().__init__()
        self.step = tf.Variable(0, dtype=tf.int64, trainable=False)
        """Training steps done."""
        self.epochs = tf.Variable(0, dtype=tf.int64, trainable=False)
        """Epochs done, their evaluation included."""
        self.best = tf.Variable(math.nan, dtype=tf.float64, trainable=False)
        """Best monitored metric so far."""
        self.best_step = tf.Variable(-1, dtype=tf.int64, trainable=False)
        """Step of the best checkpoint."""
        self.stale_epochs = tf.Variable(0, dtype=tf.int64, trainable=False)
        """Epochs since the best one."""
        self.seconds = tf.Variable(0.0, dtype=tf.float64, trainable=False)
        """Time spent training, over all starts."""
        self.window = tf.Variable([], shape=(None,), dtype=tf.float32, trainable=False)
        """Training metrics summed since the last record."""

    def improved(self, value: float, mode: str) -> bool:
        """Whether a monitored metric is better than the best so far."""
        best = float(self.best)
        if math.isnan(value):
            return False
        return math.isnan(best) or (value < best if mode == "min" else value > best)
