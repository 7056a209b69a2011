"""Bazel's files are formatted and clean by buildifier's rules."""

from absl.testing import absltest

from tools.lint import buildifier


class BuildifierTest(absltest.TestCase):
    def test_buildifier_finds_nothing(self):
        result = buildifier.run("-mode=check", "-lint=warn")
        if result.returncode == buildifier.MISSING:
            self.skipTest(result.stderr.strip())
        if result.returncode:
            self.fail("bazel run //tools/lint:fix mends some of these:\n" + result.stdout + result.stderr)


if __name__ == "__main__":
    absltest.main()
