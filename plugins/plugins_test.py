"""Every plugin of the tree keeps what its manifest promises."""

from pathlib import Path

from absl.testing import absltest, parameterized

from ogbrain import registry, testing


class PluginsTest(testing.PluginTestCase, parameterized.TestCase):
    @parameterized.parameters(*registry.REGISTRY.plugins())
    def test_conformance(self, name):
        loaded = self.check_plugin(Path(__file__).parent / name)
        self.assertEqual((loaded.name, loaded.origin), (name, f"in tree, plugins/{name}"))

    def test_none_is_broken(self):
        self.assertEqual(registry.REGISTRY.broken(), ())


if __name__ == "__main__":
    absltest.main()
