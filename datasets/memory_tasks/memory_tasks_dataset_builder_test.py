"""Tests of the memory tasks: each against its definition, by a solution that looks at the inputs alone."""

import numpy as np
from absl.testing import absltest, parameterized
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets.memory_tasks import memory_tasks_dataset_builder, tasks
from ogbrain.data.sources import package_builder_test_case
from ogbrain.errors import UserError

Config = memory_tasks_dataset_builder.MemoryTasksConfig


class MemoryTasksTest(package_builder_test_case.PackageBuilderTestCase):
    DATASET_CLASS = memory_tasks_dataset_builder.Builder
    # The published configs, but fewer examples.
    BUILDER_CONFIG_NAMES_TO_TEST = [
        Config(
            name=f"{config.name}_small",
            description=config.description,
            task=config.task,
            shortest=config.longest,
            longest=config.longest,
            examples=20,
        )
        for config in memory_tasks_dataset_builder.Builder.BUILDER_CONFIGS
    ]
    SPLITS = {"train": 20, "validation": 2, "test": 2}
    OVERLAPPING_SPLITS = ["train", "validation", "test"]  # there are few strings of the Reber grammar

    def test_seed_decides(self):
        def first(seed):
            config = Config(name="mine", description="d", task="copy", shortest=9, longest=9, examples=10, seed=seed)
            builder = self.DATASET_CLASS(config=config, data_dir=self.create_tempdir().full_path)
            return next(builder._generate_examples("train", 1))[1]["inputs"]

        np.testing.assert_array_equal(first(3), first(3))
        self.assertGreater(np.abs(first(3) - first(4)).sum(), 0)

    def test_bad_configs_are_refused(self):
        for arguments in (
            {"task": "cpoy"},
            {"task": "adding", "shortest": 4},
            {"shortest": 5, "longest": 4},
            {"shortest": 0},
            {"examples": 9},
        ):
            with self.subTest(**arguments), self.assertRaises(UserError):
                Config(name="mine", **arguments)


class TasksTest(parameterized.TestCase):
    @settings(deadline=None)
    @given(st.sampled_from(sorted(tasks.TASKS)), st.integers(0, 60), st.integers(0, 2**32))
    def test_every_example_is_solved_by_its_definition(self, task, extra, seed):
        example = tasks.TASKS[task](tasks.SHORTEST[task] + extra, np.random.default_rng(seed))
        inputs, targets, mask = (example[name] for name in ("inputs", "targets", "mask"))
        self.assertEqual((inputs.shape[1], targets.shape[1]), tasks.WIDTHS[task])
        self.assertEqual(len(inputs), len(targets))
        self.assertEqual(mask.shape, (len(inputs),))
        wanted = targets[mask == 1]
        self.assertNotEmpty(wanted)
        np.testing.assert_allclose(wanted, getattr(self, f"_solve_{task}")(inputs), atol=1e-6)

    def _solve_copy(self, inputs):
        end = int(inputs[:, 8].argmax())
        self.assertFalse(inputs[end + 1 :].any())
        return inputs[:end, :8]

    def _solve_repeat_copy(self, inputs):
        [end] = np.flatnonzero(inputs[:, 8])
        repeats = round(float(inputs[end, 8]) * np.sqrt(99 / 12) + 5.5)
        copies = np.pad(np.tile(inputs[:end, :8], (repeats, 1)), ((0, 0), (0, 1)))
        return np.concatenate([copies, np.eye(9)[8:]])

    def _solve_associative_recall(self, inputs):
        items = [inputs[start + 1 : start + 4, :6] for start in np.flatnonzero(inputs[:, 6])]
        before, after = np.flatnonzero(inputs[:, 7])
        query = inputs[before + 1 : after, :6]
        answers = [b for a, b in zip(items, items[1:], strict=False) if (a == query).all()]
        self.assertLen(answers, 1)
        return answers[0]

    def _solve_adding(self, inputs):
        marked = np.flatnonzero(inputs[:, 1] == 1)
        self.assertLen(marked, 2)
        self.assertLess(marked.min(), 10)
        self.assertLess(marked.max(), max(2, len(inputs) // 2))
        return [[0.5 + inputs[marked, 0].sum() / 4]]

    def _solve_temporal_order(self, inputs):
        kinds = [symbol - 6 for symbol in inputs.argmax(1) if symbol >= 6]
        self.assertLen(kinds, 2)
        return np.eye(4)[[2 * kinds[0] + kinds[1]]]

    def _solve_reber(self, inputs):
        string = [tasks.REBER_SYMBOLS[index] for index in inputs.argmax(1)]
        self.assertEqual(string[0], "B")
        state, legal = 0, [{"T", "P"}, {"B"}]
        for symbol in string[2:-1]:
            state = dict(tasks.REBER_GRAPH[state])[symbol]  # a symbol that may not come raises KeyError
            legal.append({way[0] for way in tasks.REBER_GRAPH[state]} if state != 7 else {string[1]})
        self.assertEqual((state, string[-1]), (7, string[1]))
        return np.array([[symbol in allowed for symbol in tasks.REBER_SYMBOLS] for allowed in [*legal, {"E"}]], float)


if __name__ == "__main__":
    absltest.main()
