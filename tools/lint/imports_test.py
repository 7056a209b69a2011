"""The import layers hold, and the check that says so finds what is against them."""

import subprocess
import sys

from absl.testing import absltest, parameterized

from tools.lint import imports, source_tree


class ImportsTest(parameterized.TestCase):
    @parameterized.parameters(
        ("ogbrain/training/loop.py", "import plugins.attention", "the core"),
        ("ogbrain/training/loop.py", "def f():\n  from datasets.digits import digits", "the core"),
        ("ogbrain/registry/plugin.py", "import tensorflow as tf", "without TensorFlow"),
        ("ogbrain/config/a.py", "try:\n  from keras import layers\nexcept ImportError: pass", "without TensorFlow"),
        ("ogbrain/errors.py", "class A:\n  import tensorflow_datasets", "without TensorFlow"),
        ("plugins/attention/layers/a.py", "from plugins.transfer import b", "other plugins"),
        ("plugins/attention/layers/a.py", "from ...transfer.layers import b", "other plugins"),
        ("plugins/attention/a.py", "from plugins import transfer", "other plugins"),
        ("plugins/attention/a.py", "import plugins.attention_two", "other plugins"),
        ("plugins/attention/a.py", "import plugins.attention.b", "relative"),
        ("plugins/attention/a_test.py", "import plugins.transfer.b", "other plugins"),
        ("plugins/attention/a.py", "import datasets.digits", "datasets by registered name"),
        ("datasets/digits/digits.py", "import plugins.attention.plugin", "no plugin"),
    )
    def test_what_is_against_the_rules_is_found(self, path, source, words):
        (line,) = imports.violations(path, source)
        self.assertIn(words, line)
        self.assertStartsWith(line, path)

    @parameterized.parameters(
        ("ogbrain/training/loop.py", "import tensorflow as tf"),
        ("ogbrain/registry/plugin.py", "def load():\n  import keras"),
        ("ogbrain/config/a.py", "if TYPE_CHECKING:\n  import tensorflow"),
        ("ogbrain/config/a_test.py", "import tensorflow"),
        ("ogbrain/training/loop.py", "from . import plugins_table\nimport pluginsmith"),
        ("plugins/attention/layers/a.py", "from . import b\nfrom ..models import c\nimport ogbrain, keras"),
        ("plugins/attention/a_test.py", "from plugins.attention import a\nimport plugins.attention.b"),
        ("datasets/digits/digits.py", "from ogbrain.data.sources import npm"),
    )
    def test_what_is_within_the_rules_passes(self, path, source):
        self.assertEmpty(imports.violations(path, source))

    def test_the_tree_is_within_the_rules(self):
        found = []
        for path in source_tree.files(".py"):
            found += imports.violations(path.as_posix(), (source_tree.root() / path).read_text(encoding="utf-8"))
        self.assertEmpty(found, "\n".join(found))

    def test_the_core_starts_without_tensorflow(self):
        program = (
            "import sys, ogbrain, ogbrain.registry, ogbrain.config, ogbrain.errors; "
            "print(sorted({'tensorflow', 'keras', 'tf_keras', 'tensorflow_datasets'} & set(sys.modules)))"
        )
        result = subprocess.run(
            [sys.executable, "-P", "-c", program],
            env={"PYTHONPATH": str(source_tree.root())},
            capture_output=True,
            text=True,
        )
        self.assertEqual(result.stdout.strip(), "[]", result.stderr)


if __name__ == "__main__":
    absltest.main()
