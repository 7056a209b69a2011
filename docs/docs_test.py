"""The documentation holds: its code runs, its links lead somewhere, its tables are complete."""

import contextlib
import io
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from absl.testing import absltest

import ogbrain
from ogbrain import testing
from ogbrain.registry import LAYER_KINDS
from ogbrain.scaffold.new_plugin import new_plugin

# The tree itself, where Bazel gives links.
ROOT = Path(__file__).resolve().parents[1]
BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PLUGINS = """
import sys
sys.path = {path!r}
from ogbrain import command, plugins
command.run(plugins.main, usage="", summary="", shown=plugins.SHOWN)
"""


def pages():
    return sorted([*ROOT.glob("docs/*.md"), *ROOT.glob("plugins/*/README.md"), *ROOT.glob("examples/*.md")])


class DocsTest(absltest.TestCase):
    def test_the_tutorials_plugin_passes_the_kit(self):
        folder = Path(self.create_tempdir().full_path)
        for _, name, code in BLOCK.findall((ROOT / "docs/writing_a_plugin.md").read_text()):
            if name:
                (folder / name).parent.mkdir(exist_ok=True)
                (folder / name).write_text(code)
        command = [sys.executable, "-c", PLUGINS.format(path=sys.path)]
        arguments = ["check", "surround", f"--plugin_path={folder / 'surround'}"]
        done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        for check in ("relocatable", "gradient flow", "resume equals unbroken", "export"):
            self.assertRegex(done.stdout, rf"{check} +ok")

    def test_code_runs(self):
        count = 0
        for page in pages():
            for language, name, code in BLOCK.findall(page.read_text()):
                if language == "python" and not name and "import ogbrain" in code and page.parent.name == "docs":
                    with self.subTest(page.name), contextlib.redirect_stdout(io.StringIO()):
                        exec(compile(code, str(page), "exec"), {"__name__": "docs"})
                        count += 1
        self.assertGreaterEqual(count, 4)

    def test_the_workspace_has_what_new_writes(self):
        made = new_plugin("rhythm", "layer", Path(self.create_tempdir().full_path))
        kept = ROOT / "examples/workspace/rhythm"
        for file in made.iterdir():
            self.assertEqual((kept / file.name).read_text(), file.read_text(), file.name)

    def test_links_lead_somewhere(self):
        for page in pages():
            for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()):
                if "://" not in target:
                    self.assertTrue(os.path.exists(page.parent / target), f"{page.name}: {target}")

    def test_tables_are_complete(self):
        kinds = (ROOT / "docs/kinds.md").read_text()
        for kind in LAYER_KINDS:
            self.assertIn(f"| `{kind}`", kinds)
        page = (ROOT / "docs/testing.md").read_text()
        for name in testing.__all__:
            if name.endswith("TestCase"):
                self.assertIn(f"| `{name}` |", page)
        index = (ROOT / "docs/README.md").read_text()
        for file in ROOT.glob("docs/*.md"):
            self.assertTrue(file.name == "README.md" or f"({file.name})" in index, file.name)
        for plugin in ogbrain.registry.REGISTRY.plugins():
            self.assertIn(f"plugins/{plugin}/README.md", index)


if __name__ == "__main__":
    tempfile.tempdir = os.environ.get("TEST_TMPDIR")
    absltest.main()
