import dataclasses
import json
import tempfile

import numpy as np
import tensorflow as tf
from absl.testing import absltest, parameterized

from ogbrain import testing
from ogbrain.config import DataConfig, OptimizerConfig
from ogbrain.errors import UserError
from plugins.working_memory.experiments.algorithmic import Algorithmic
from plugins.working_memory.experiments.algorithmic_config import CELLS, AlgorithmicConfig
from plugins.working_memory.experiments.algorithmic_input import answer_text, read_sequence
from plugins.working_memory.experiments.algorithmic_network import AlgorithmicNetwork

TINY = AlgorithmicConfig(
    data=DataConfig(name="memory_tasks", data_dir=tempfile.mkdtemp()), epochs=3, steps_per_epoch=8, batch_size=8,
    shortest=5, longest=6, examples=80, units=8, lengths=(5, 8), length_examples=20, log_every=4,
    optimizer=OptimizerConfig(learning_rate=2e-2))
TASKS = {"adding": 5, "copy": 2, "temporal_order": 10, "reber": 5, "repeat_copy": 1, "associative_recall": 2}


class AlgorithmicTest(testing.ExperimentTestCase, parameterized.TestCase):
    def made(self, **changes):
        return Algorithmic(dataclasses.replace(TINY, **changes))

    def test_conformance(self):
        config = dataclasses.replace(TINY, compare=("min_gru",))
        folder = self.check_experiment(Algorithmic, config, inputs=["[[0.3, 1], [0.1, 0], [0.5, 1]]"])
        results = json.loads((folder / "results.json").read_text())
        for figures in (results["test"], results["baselines"]["min_gru"]["test"]):
            self.assertContainsSubset({"error", "error_at_5", "error_at_8"}, figures)
        self.assertTrue((folder / "plots" / "error_against_length.png").exists())

    @parameterized.parameters(*zip(TASKS, (*CELLS, "gru"), strict=True))
    def test_tasks_and_cells(self, task, cell):
        experiment = self.made(
            task=task, shortest=TASKS[task], longest=TASKS[task] + 1, lengths=(), cell=cell, layers=2)
        self.check_learns(experiment, steps=20, split="train")
        batch = next(iter(experiment.pipeline.batches("test", batch_size=1)))
        self.assertTrue(experiment.predict([json.dumps(batch["inputs"][0].numpy().tolist())])[0].text)
        # Step by step is in one go.
        model, inputs = experiment.model, batch["inputs"][:, :4]
        state = model.recurrent.get_initial_state(1)
        for number, expected in enumerate(tf.unstack(model(inputs, tf.constant([4])), axis=1)):
            output, state = model.step(inputs[:, number], state)
            np.testing.assert_allclose(output, expected, atol=1e-5)

    def test_preparing_the_data_does_not_change_the_weights(self):
        experiments = [self.set_up(self.made(data=DataConfig(name="memory_tasks", data_dir=folder)))
                       for folder in (tempfile.mkdtemp(), TINY.data.data_dir, TINY.data.data_dir)]
        for weights in zip(*(experiment.model.get_weights() for experiment in experiments), strict=True):
            np.testing.assert_array_equal(weights[0], weights[2])

    def test_what_is_solved(self):
        mask = tf.constant([[0.0, 1.0]] * 3)
        experiment = self.set_up(self.made())
        targets = tf.zeros((3, 2, 1))
        outputs = tf.constant([[9.0, 0.039], [9.0, -0.041], [9.0, 0.0]])[..., None]
        np.testing.assert_array_equal(experiment._wrong(outputs, targets, mask), [0, 1, 0])
        experiment = self.set_up(self.made(task="temporal_order", shortest=10, longest=10))
        targets = tf.one_hot([[0, 1], [0, 1], [0, 1]], 4)
        outputs = tf.one_hot([[3, 1], [0, 2], [0, 1]], 4)
        np.testing.assert_array_equal(experiment._wrong(outputs, targets, mask), [0, 1, 0])
        experiment = self.set_up(self.made(task="copy", shortest=1, longest=1))
        targets = tf.constant([[[0.0, 0], [1, 0]]] * 3)
        outputs = tf.constant([[[9.0, 9], [1, -1]], [[0, 0], [1, 1]], [[0, 0], [1, -2]]])
        np.testing.assert_array_equal(experiment._wrong(outputs, targets, mask), [0, 1, 0])

    @parameterized.parameters("lstm", "gru", "min_lstm", "min_gru")
    def test_memory_at_the_start(self, cell):
        model = AlgorithmicNetwork(width=2, classes=1, cell=cell, layers=1, units=50, memory=100)
        # With weights of zero, what is left of a state after a step is what its gate keeps.
        layer = model.recurrent.layers[0]
        for weight in layer.weights:
            if weight is not layer.bias:
                weight.assign(tf.zeros(weight.shape, weight.dtype))
        _, state = layer.step([100 * tf.ones((1, size)) for size in layer.state_sizes], tf.zeros((1, 2)))
        half_lives = 1 / (1 - state[-1].numpy()[0] / 100)
        self.assertBetween(half_lives.max(), 50, 102)
        self.assertBetween(half_lives.min(), 1, 25)

    def test_bad_input(self):
        for changes in ({"cell": "lstn"}, {"task": "add"}, {"shortest": 7}, {"compare": ("gur",)}, {"lengths": (0,)},
                        {"batch_size": 81}):
            with self.assertRaises(UserError):
                dataclasses.replace(TINY, **changes)
        with self.assertRaisesRegex(UserError, "lengths 2 to 6"):
            self.set_up(self.made(shortest=2))
        with self.assertRaises(UserError):
            Algorithmic(dataclasses.replace(TINY, data=DataConfig(name="fashion_mnist"))).build_pipeline()
        for given in ("", "[]", "[[1]]", "[[1, 2], [3]]", "[[1, NaN]]", "hello", "BTX"):
            with self.assertRaisesRegex(UserError, "no sequence of 'adding'"):
                read_sequence(given, "adding", 2)

    def test_sequences_and_answers(self):
        np.testing.assert_array_equal(read_sequence("BTE", "reber", 7).argmax(1), [0, 1, 6])
        np.testing.assert_array_equal(read_sequence("EXdB", "temporal_order", 8).argmax(1), [0, 6, 5, 1])
        file = self.create_tempfile(content="[[0.5, 1]]").full_path
        np.testing.assert_array_equal(read_sequence(file, "adding", 2), [[0.5, 1]])
        self.assertEqual(answer_text("adding", np.zeros((1, 2)), np.array([[0.7]])), "sum 0.800")
        self.assertEqual(answer_text("temporal_order", np.zeros((1, 8)), np.array([[0.1, 0.2, 0.6, 0.1]])), "YX 0.60")
        self.assertEqual(answer_text("reber", np.zeros((1, 7)), np.array([[0, 0.9, 0.8, 0, 0, 0, 0]])), "next: T or P")
        self.assertEqual(answer_text("copy", np.array([[0, 1], [0, 0]]), np.array([[0, 0], [0.9, 0.1]])), "10")


if __name__ == "__main__":
    absltest.main()
