"""Tasks that need memory."""

import collections
import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

import ogbrain

from ..pipelines.memory_task import MemoryTask
from .algorithmic_input import answer_text, read_sequence
from .algorithmic_network import AlgorithmicNetwork
from .algorithmic_picture import draw_curves, draw_sequence

TOLERANCE = 0.04
"""What an answer of the adding problem may be off by (Hochreiter and Schmidhuber 1997)."""
ROWS = 256


class Algorithmic(ogbrain.SupervisedExperiment):
    """Learns one task of the data set `memory_tasks`; the metric is the part of the sequences that is not solved.

    A sequence is solved if all that counts is right: `adding` within 0.04, the class of `temporal_order`, each bit of
    `copy`, `repeat_copy` and `associative_recall`, and at each step of `reber` exactly the symbols that may follow.
    """

    monitor, monitor_mode = "error", "min"

    def build_pipeline(self) -> MemoryTask:
        """Returns the task."""
        config = self.config
        return self._task(config.shortest, config.longest, config.examples)

    def build_model(self) -> keras.Model:
        """Returns the network."""
        config, specs = self.config, self.pipeline.info.features
        memory = self._steps(config.longest) if config.long_memory else 0
        return AlgorithmicNetwork(width=specs["inputs"].shape[-1], classes=specs["targets"].shape[-1], cell=config.cell,
                                  layers=config.layers, units=config.units, memory=memory, name="algorithmic")

    def loss(self, model, batch, training):
        """Returns the mean loss over what counts: squared error, or cross-entropy in nats."""
        outputs = model(batch["inputs"], batch["inputs_length"], training=training)
        targets, mask = batch["targets"], batch["mask"]
        if self.config.task == "adding":
            losses = tf.reduce_sum(tf.square(outputs - targets), -1)
        elif self.config.task == "temporal_order":
            losses = tf.nn.softmax_cross_entropy_with_logits(targets, outputs)
        else:
            losses = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(targets, outputs), -1)
        rows = tf.reduce_sum(losses * mask, 1) / tf.maximum(tf.reduce_sum(mask, 1), 1.0)
        return tf.reduce_mean(rows), {"loss": rows, "error": self._wrong(outputs, targets, mask)}

    def evaluate(self, split: str, steps: int = 0) -> dict[str, float]:
        """Returns the metrics of a split and, of the test, the error at other lengths."""
        results = self._measured(self.pipeline, split, steps)
        if split == "test":
            for length in self._lengths():
                pipeline = self._task(length, length, self.config.length_examples)
                results[f"error_at_{length}"] = self._measured(pipeline, split, steps)["error"]
        return results

    def build_baselines(self) -> dict[str, ogbrain.Experiment]:
        """Returns the same with other cells."""
        config = self.config
        return {cell: Algorithmic(dataclasses.replace(config, cell=cell, compare=()))
                for cell in dict.fromkeys(config.compare) if cell != config.cell}

    def final_pictures(self) -> dict[str, np.ndarray]:
        """Returns the curves of error against length of every cell of the run, and one sequence."""
        curves = {self.config.cell: self._curve(self.results["test"])}
        curves |= {name: self._curve(results["test"]) for name, results in self.results["baselines"].items()}
        batch = next(iter(self.pipeline.batches("test", batch_size=1)))
        outputs = self._outputs(self.model(batch["inputs"], batch["inputs_length"]))
        return {
            "error_against_length": draw_curves(curves, self.config.task, self.config.longest),
            "sequence": draw_sequence(batch["inputs"][0].numpy(), outputs[0].numpy(), batch["targets"][0].numpy()),
        }

    def predict(self, inputs: Sequence[str | Path]) -> list[ogbrain.Prediction]:
        """Answers sequences: JSON, inline or in a file, or a string of the task's symbols."""
        answers = []
        width = self.pipeline.info.features["inputs"].shape[-1]
        for given in inputs:
            sequence = read_sequence(given, self.config.task, width)
            outputs = self._outputs(self.model(sequence[None], tf.constant([len(sequence)])))[0].numpy()
            text = answer_text(self.config.task, sequence, outputs)
            data = {"answer": text, "outputs": np.round(outputs, 5).tolist()}
            answers.append(ogbrain.Prediction(text, data, draw_sequence(sequence, outputs)))
        return answers

    def signatures(self) -> dict[str, Any]:
        """Returns the outputs for whole sequences, and one step."""
        model, width = self.model, self.pipeline.info.features["inputs"].shape[-1]
        sizes = model.recurrent.state_sizes

        @tf.function(input_signature=[tf.TensorSpec((None, None, width), tf.float32, "inputs"),
                                      tf.TensorSpec((None,), tf.int32, "length")])
        def sequence(inputs, length):
            return {"outputs": self._outputs(model(inputs, length))}

        # All parts of the state side by side in one tensor: zeros before the first step.
        @tf.function(input_signature=[tf.TensorSpec((None, width), tf.float32, "inputs"),
                                      tf.TensorSpec((None, sum(sizes)), tf.float32, "state")])
        def step(inputs, state):
            outputs, new = model.step(inputs, tf.split(state, sizes, -1))
            return {"outputs": self._outputs(outputs), "state": tf.concat(new, -1)}

        return {"serving_default": sequence, "step": step}

    def example_inputs(self) -> Mapping[str, Mapping[str, Any]]:
        """Returns sequences of the validation split."""
        batch = next(iter(self.pipeline.batches("validation", batch_size=3)))
        state = np.zeros((3, sum(self.model.recurrent.state_sizes)))
        return {"serving_default": {"inputs": batch["inputs"].numpy(), "length": batch["inputs_length"].numpy()},
                "step": {"inputs": batch["inputs"].numpy()[:, 0], "state": state}}

    def evaluate_batch(self, model, batch):
        """Returns loss and error of each sequence."""
        return self.loss(model, batch, training=False)[1]

    def _measured(self, pipeline, split, steps):
        sums: collections.Counter = collections.Counter()
        data = pipeline.batches(split, batch_size=min(ROWS, pipeline.num_examples(split)))
        for batch in data.take(steps) if steps else data:
            values = np.asarray(self._evaluate_step(batch))
            sums.update(dict(zip((*self._evaluate_names, "examples"), values.tolist(), strict=True)))
        return {name: sums[name] / sums["examples"] for name in self._evaluate_names}

    def _task(self, shortest, longest, examples):
        config = self.config
        return MemoryTask(config.data.name, config.task, shortest=shortest, longest=longest, examples=examples,
                          data_dir=config.data.data_dir)

    def _lengths(self):
        config = self.config
        least = {"adding": 5, "temporal_order": 10, "reber": 5, "associative_recall": 2}.get(config.task, 1)
        longest = config.longest
        usual = (longest // 2, longest, 2 * longest, 4 * longest)
        return config.lengths or tuple(sorted({max(least, length) for length in usual}))

    def _steps(self, length):
        return 2 * length + 1 if self.config.task == "copy" else length

    def _curve(self, results):
        return {int(name.rpartition("_")[2]): value for name, value in results.items() if "_at_" in name}

    def _outputs(self, outputs):
        if self.config.task == "adding":
            return outputs
        return tf.nn.softmax(outputs) if self.config.task == "temporal_order" else tf.sigmoid(outputs)

    def _wrong(self, outputs, targets, mask):
        if self.config.task == "adding":
            wrong = tf.reduce_any(tf.abs(outputs - targets) > TOLERANCE, -1)
        elif self.config.task == "temporal_order":
            wrong = tf.argmax(outputs, -1) != tf.argmax(targets, -1)
        else:
            wrong = tf.reduce_any((outputs > 0) != (targets > 0.5), -1)
        return tf.cast(tf.reduce_any(wrong & (mask > 0), 1), tf.float32)
