"""The default glimpse experiment as a plain script: what the run loop is measured against.

Trains the same model on the same batches in a bare `tf.function` loop. Started as a program it prints
a line when the first step is done.
"""

import sys
import time

import keras
import tensorflow as tf

from ogbrain.config import from_dict
from plugins.attention.experiments.glimpse import Glimpse
from plugins.attention.experiments.glimpse_config import GlimpseConfig


def bare_step(experiment: Glimpse, model: keras.Model, optimizer: keras.optimizers.Optimizer):
    """Returns the training step as one would write it by hand."""

    @tf.function(jit_compile=experiment.config.xla)
    def step(batch):
        with tf.GradientTape() as tape:
            loss, _ = experiment.loss(model, batch, training=True)
        optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)
        return loss

    return step


def main() -> None:
    """Trains one step."""
    config = from_dict(GlimpseConfig, {"data": {"data_dir": sys.argv[1] if len(sys.argv) > 1 else ""}})
    experiment = Glimpse(config)
    keras.utils.set_random_seed(config.seed)
    experiment.pipeline = experiment.build_pipeline()
    model = experiment.build_model()
    optimizer = keras.optimizers.Adam(config.optimizer.learning_rate, global_clipnorm=config.optimizer.clip_norm)
    optimizer.build(model.trainable_variables)
    step = bare_step(experiment, model, optimizer)
    for batch in experiment.pipeline.batches("train", batch_size=config.batch_size, training=True):
        step(batch)
        print("first step", time.time(), flush=True)
        break


if __name__ == "__main__":
    main()
