"""Names the packages of the wheel; all else is in pyproject.toml.

In the tree, plugins and data sets live in `plugins/` and `datasets/`. Top-level packages of these names would shadow
other people's, so they are installed as `ogbrain_plugins` and `ogbrain_datasets`.
"""

from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

INSTALLED_AS = {"plugins": "ogbrain_plugins", "datasets": "ogbrain_datasets"}


HOOK = """
class OgbrainHook:
    def find_spec(name, path=None, target=None):
        if name == "keras":
            sys.meta_path.remove(OgbrainHook)
            try:
                import ogbrain
            except Exception as error:
                print("ogbrain: saved models will not find their plugins:", error, file=sys.stderr)
            import importlib.util
            return importlib.util.find_spec(name)
# Virtual environments run such a line twice.
if not any(getattr(finder, "__name__", "") == "OgbrainHook" for finder in sys.meta_path):
    sys.meta_path.insert(0, OgbrainHook)
"""
"""What Python runs when it starts: whoever imports Keras gets ogbrain's layers with it, so that
`keras.models.load_model` alone finds the plugin of a saved model. Costs nothing where Keras is not imported."""


class BuildPackages(build_py):
    """Leaves tests out and adds the hook, as `ogbrain_keras.pth`."""

    def run(self):
        """Builds."""
        super().run()
        if not self.editable_mode:
            # A line of a .pth file that begins with "import" is executed.
            Path(self.build_lib, "ogbrain_keras.pth").write_text(f"import sys; exec({HOOK!r}, {{'sys': sys}})\n")

    def find_package_modules(self, package, package_dir):
        """Returns the modules of a package, without its tests."""
        modules = super().find_package_modules(package, package_dir)
        return [module for module in modules if not module[1].endswith("_test")]


def packages():
    """Returns the names of the packages as they are installed."""
    names = find_packages(include=["ogbrain", "ogbrain.*"])
    for folder, name in INSTALLED_AS.items():
        names += [name + package.removeprefix(folder) for package in find_packages(include=[folder, f"{folder}.*"])]
    return names


setup(
    packages=packages(),
    package_dir={name: folder for folder, name in INSTALLED_AS.items()},
    package_data={
        "ogbrain.scaffold": ["templates/*/*.jinja"],
        "ogbrain_datasets": ["*/*.md", "*/*.bib", "*/*.txt", "*/*.tsv", "*/*.json"],
    },
    cmdclass={"build_py": BuildPackages},
)
