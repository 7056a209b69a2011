"""Every example runs, and learns what it says."""

import contextlib
import tempfile

from absl.testing import absltest

from examples import agent_in_an_environment, custom_training_loop, layer_in_a_script


class ExamplesTest(absltest.TestCase):
    def test_layer_in_a_script(self):
        with contextlib.chdir(tempfile.mkdtemp()):
            self.assertGreater(layer_in_a_script.main(), 0.9)

    def test_custom_training_loop(self):
        self.assertGreater(custom_training_loop.main(), 0.8)

    def test_agent_in_an_environment(self):
        self.assertGreater(agent_in_an_environment.main(), 12.0)


if __name__ == "__main__":
    absltest.main()
