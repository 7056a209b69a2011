"""The conformance kit for whole plugins."""

import ast
import inspect
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from absl.testing import absltest

from ogbrain import registry
from ogbrain.registry import description, discovery
from ogbrain.registry.loaded_plugin import LoadedPlugin
from ogbrain.testing.checks import Checks
from ogbrain.testing.loading import load_plugin

_HEAVY = ("tensorflow", "keras", "tensorflow_datasets", "torch", "jax")

# Loads the manifest and the configs of the folder named last, with nothing else there, and names what is too heavy.
_LIGHT = """
import sys
from pathlib import Path
sys.path[:] = {path!r}
from ogbrain import registry
from ogbrain.registry import discovery
found = registry.Registry(lambda: discovery.folders(Path({folder!r})))
for broken in found.broken():
    sys.exit(broken.why)
for what in ("manifest", "configs"):
    if what == "configs":
        for name in found.names("configs"):
            found.load("configs", name)
    heavy = sorted(set({heavy!r}) & set(sys.modules))
    if heavy:
        sys.exit(f"importing the {{what}} imports {{', '.join(heavy)}}")
"""


class PluginTestCase(absltest.TestCase):
    """Checks that a plugin keeps what its manifest promises.

    Example:
        >>> class PluginTest(testing.PluginTestCase):
        ...     def test_conformance(self):
        ...         self.check_plugin(__file__)
    """

    def check_plugin(self, plugin: LoadedPlugin | str | Path) -> LoadedPlugin:
        """Runs every check, and fails with what all of them found.

        Args:
            plugin: The plugin, its folder, or a file in it.

        Returns:
            The plugin.

        Raises:
            AssertionError: Some checks failed: its lines say which.
        """
        loaded = plugin if isinstance(plugin, LoadedPlugin) else load_plugin(plugin)
        self.checks = checks = Checks(loaded.name)
        checks.run("light manifest", self.check_light, loaded)
        checks.run("every string imports", self.check_strings, loaded)
        checks.run("experiments are whole", self.check_experiments, loaded)
        checks.run("documented", self.check_documented, loaded)
        checks.run("relocatable", self.check_relocatable, loaded)
        checks.finish()
        return loaded

    def check_light(self, loaded: LoadedPlugin) -> None:
        """The manifest and the configs import no TensorFlow, so that listing stays quick."""
        code = _LIGHT.format(path=sys.path, folder=str(loaded.folder), heavy=_HEAVY)
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, (done.stderr.strip().splitlines() or ["no message"])[-1])

    def check_strings(self, loaded: LoadedPlugin) -> None:
        """Each string of the manifest imports, and names a thing of its kind."""
        _load_all(_registry_of(loaded), loaded.name)

    def check_experiments(self, loaded: LoadedPlugin) -> None:
        """No experiment has an abstract method left, and each config has sound defaults."""
        from ogbrain.training.experiment import Experiment

        known = _registry_of(loaded)
        for name in known.names("experiments"):
            experiment_class = known.load("experiments", name)
            self.assertTrue(
                inspect.isclass(experiment_class) and issubclass(experiment_class, Experiment),
                f"experiment {name} is no subclass of ogbrain.Experiment",
            )
            missing = ", ".join(sorted(experiment_class.__abstractmethods__))
            self.assertEqual(missing, "", f"experiment {name} leaves out {missing}")
            known.load("configs", name)()

    def check_documented(self, loaded: LoadedPlugin) -> None:
        """There is a README; components have docstrings, and fields of configs a literal that says what they mean."""
        self.assertTrue((loaded.file.resolve().parent / "README.md").is_file(), "there is no README.md")
        described = description.description(_registry_of(loaded), loaded.name)
        for kind in description.SHOWN_KINDS:
            for component in described[kind]:
                self.assertTrue(component["doc"].strip(), f"{component['name']} has no docstring")
        for experiment in described["experiments"]:
            for field in experiment["config"]:
                name = f"{experiment['name']}: config.{field['name']}"
                self.assertTrue(field["doc"], f"{name} does not say what it means")

    def check_relocatable(self, loaded: LoadedPlugin) -> None:
        """A copy of the folder elsewhere works: the plugin imports itself with relative imports only."""
        own = (loaded.package, f"plugins.{loaded.folder.name}")
        for file in sorted(loaded.folder.rglob("*.py")):
            if not file.name.endswith("_test.py"):
                for name, line in _absolute_imports(file):
                    if any(f"{name}.".startswith(f"{package}.") for package in own):
                        where = f"{file.relative_to(loaded.folder)}:{line}"
                        self.fail(f"{where} imports {name}: with relative imports only can the folder be moved")
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder, "moved")
            ignored = shutil.ignore_patterns("__pycache__", "*_test.py")
            shutil.copytree(loaded.folder, copy, ignore=ignored, copy_function=shutil.copyfile)
            known = registry.Registry(lambda: discovery.folders(copy))
            custom_objects = _custom_objects()
            before = dict(custom_objects)
            try:
                _load_all(known, loaded.name)
            finally:  # Keras knows a layer by its plugin's name, and must go on to mean the plugin itself
                custom_objects.clear()
                custom_objects.update(before)


def _custom_objects() -> dict[str, Any]:
    import keras

    return keras.saving.get_custom_objects()


def _registry_of(loaded: LoadedPlugin) -> registry.Registry:
    source = discovery.Source(loaded.name, loaded.origin, lambda: loaded)
    return registry.Registry(lambda: [source])


def _load_all(known: registry.Registry, name: str) -> None:
    loaded = known.plugin(name)
    for kind, component, _ in loaded.plugin.components():
        known.load(kind, f"{name}/{component}")


def _absolute_imports(file: Path) -> list[tuple[str, int]]:
    found = []
    for node in ast.walk(ast.parse(file.read_bytes(), str(file))):
        if isinstance(node, ast.Import):
            found += [(alias.name, node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found += [(f"{node.module}.{alias.name}", node.lineno) for alias in node.names]
    return found
