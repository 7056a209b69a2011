"""The kits for experiments and agents fail with just the check that a broken specimen breaks, and pass a right one."""

import dataclasses
import unittest

import keras
import tensorflow as tf
from absl.testing import absltest, parameterized

import ogbrain
from ogbrain import testing
from ogbrain.config import ExperimentConfig, OptimizerConfig


@dataclasses.dataclass(frozen=True)
class Config(ExperimentConfig):
    epochs: int = 2
    batch_size: int = 32
    log_every: int = 1
    optimizer: OptimizerConfig = OptimizerConfig(learning_rate=0.02)
    threshold: float = 0.5


def scale(batch, seed):
    return {**batch, "image": tf.cast(batch["image"], tf.float32) / 255.0}


class Right(ogbrain.SupervisedExperiment):
    """Tells the bright quadrant, and keeps the contract; the specimens below each break it once."""

    monitor, monitor_mode = "accuracy", "max"

    def build_pipeline(self):
        splits = {"train": "train[:90%]", "validation": "train[90%:]", "test": "test"}
        return ogbrain.Pipeline("tiny_images", splits=splits, features=["image", "label"], preprocess=[scale])

    def build_model(self):
        return keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(4)])

    def loss(self, model, batch, training):
        logits = model(batch["image"], training=training)
        losses = keras.losses.sparse_categorical_crossentropy(batch["label"], logits, from_logits=True)
        right = tf.cast(tf.equal(tf.argmax(logits, -1), batch["label"]), tf.float32)
        return tf.reduce_mean(losses), {"loss": losses, "accuracy": right, "return": 2 * right - 1}

    def predict(self, inputs):
        return [ogbrain.Prediction(f"{len(text)} letters", {"letters": len(text)}) for text in inputs]

    def signatures(self):
        @tf.function(input_signature=[tf.TensorSpec((None, 8, 8, 1), tf.float32, name="image")])
        def serve(image):
            return {"logits": self.model(image)}

        return {"serving_default": serve}


class Player(Right):
    """As an agent is seen from outside."""

    monitor, monitor_mode = "return", "max"


class Untrainable(Player):
    def train_step(self):
        raise FloatingPointError("the loss is not finite")


class Unlearning(Player):
    def loss(self, model, batch, training):
        loss, metrics = super().loss(model, batch, training)
        return -loss, metrics


class Forgetful(Player):
    """Counts its steps, and does not keep the count in its checkpoints."""

    count = 0

    def train_step(self):
        self.count += 1
        self.model.weights[0].assign_add(tf.fill((64, 4), 1e-3 * self.count))
        self.model.weights[1].assign([0.1 * self.count, 0.0, 0.0, 0.0])
        return super().train_step()


class Moody(Player):
    """Measures what it has trained in another way than what it has restored."""

    def evaluate(self, split, steps=0):
        metrics = super().evaluate(split, steps)
        return metrics if hasattr(self, "optimizer") else {**metrics, "accuracy": metrics["accuracy"] / 2}


class Mute(Player):
    def predict(self, inputs):
        return [ogbrain.Prediction("", {}) for _ in inputs]


class OnlyOnce(Player):
    def predict(self, inputs):
        return super().predict(inputs[:1])


class NoJson(Player):
    def predict(self, inputs):
        return [ogbrain.Prediction("yes", {"letters": {1, 2}}) for _ in inputs]


class GreyPicture(Player):
    def predict(self, inputs):
        return [ogbrain.Prediction("yes", {}, tf.zeros((4, 4, 1), tf.uint8).numpy()) for _ in inputs]


class NoDict(Player):
    def signatures(self):
        @tf.function(input_signature=[tf.TensorSpec((None, 8, 8, 1), tf.float32, name="image")])
        def serve(image):
            return self.model(image)

        return {"serving_default": serve}


class NoReturn(Player):
    monitor = "accuracy"

    def loss(self, model, batch, training):
        loss, metrics = super().loss(model, batch, training)
        return loss, {name: value for name, value in metrics.items() if name != "return"}


class AllWrong(Forgetful, Moody, Mute, NoDict, NoReturn):
    """Breaks everything but the training itself."""


def setUpModule():
    unittest.enterModuleContext(testing.use_data(testing.TinyImages))


class ExperimentTestCaseTest(parameterized.TestCase):
    def check(self, case, experiment_class, config=None, inputs=("one", "more")):
        method = "check_agent" if isinstance(case, testing.AgentTestCase) else "check_experiment"
        try:
            getattr(case, method)(experiment_class, config or Config(), inputs=inputs)
        except AssertionError as error:
            self.assertNotEmpty(case.checks.failed, error)
            self.assertStartsWith(str(error), f"{experiment_class.__name__}: ")
        return case.checks

    def test_a_right_experiment_passes(self):
        checks = self.check(testing.ExperimentTestCase(), Right)
        self.assertEmpty(checks.failed, checks.done)
        names = ["config", "trains", "loss falls", "resume equals unbroken", "evaluate", "predict", "export"]
        self.assertEqual([check.name for check in checks.done if check.status == "ok"], names)

    def test_a_right_agent_passes(self):
        checks = self.check(testing.AgentTestCase(), Player, inputs=())
        self.assertEmpty(checks.failed, checks.done)
        names = ["config", "trains", "return", "resume equals unbroken", "evaluate", "export"]
        self.assertEqual([check.name for check in checks.done if check.status == "ok"], names)
        self.assertEqual([check.name for check in checks.done if check.status == "left out"], ["predict"])

    @parameterized.parameters(
        (Untrainable, "trains"),
        (Unlearning, "loss falls"),
        (Forgetful, "resume equals unbroken"),
        (Moody, "evaluate"),
        (Mute, "predict"),
        (NoDict, "export"),
    )
    def test_a_wrong_experiment_fails_just_that_check(self, experiment_class, check):
        checks = self.check(testing.ExperimentTestCase(), experiment_class)
        self.assertEqual(checks.failed, [check], checks.done)

    def test_an_agent_that_is_wrong_everywhere_fails_all_of_them(self):
        checks = self.check(testing.AgentTestCase(), AllWrong)
        self.assertEqual(checks.failed, ["return", "resume equals unbroken", "evaluate", "predict", "export"])

    @parameterized.parameters(
        (NoReturn, {"accuracy": 1.0}, "accuracy"),  # it does not choose by its return
        (Right, {"return": 1.0}, "accuracy"),
        (Player, {"accuracy": 1.0}, "'return' not found"),
        (Player, {"return": float("inf")}, "inf"),
    )
    def test_wrong_returns(self, experiment_class, measured, message):
        with self.assertRaisesRegex(AssertionError, message):
            results = {"validation": {"return": 0.0}, "test": measured}
            testing.AgentTestCase().check_return(experiment_class, results)

    def test_a_config_that_does_not_survive_json(self):
        with self.assertRaisesRegex(AssertionError, "does not survive JSON"):
            testing.ExperimentTestCase().check_config(Config(threshold=float("nan")))

    @parameterized.parameters(
        (Mute, AssertionError, "not true"),
        (OnlyOnce, AssertionError, "length of 1, expected 2"),
        (NoJson, TypeError, "not JSON"),
        (GreyPicture, AssertionError, "Tuples differ"),
    )
    def test_wrong_answers(self, experiment_class, error, message):
        with self.assertRaisesRegex(error, message):
            testing.ExperimentTestCase().check_predicts(experiment_class(Config()), ["one", "more"])


if __name__ == "__main__":
    absltest.main()
