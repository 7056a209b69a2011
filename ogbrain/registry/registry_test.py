import contextlib
import importlib
import io
import shutil
import sys
import threading
import time
from pathlib import Path
from unittest import mock

from absl.testing import absltest, parameterized
from hypothesis import given, settings
from hypothesis import strategies as st

from ogbrain.errors import UserError
from ogbrain.registry import discovery, registry
from ogbrain.registry.registry import Registry
from ogbrain.registry.specimens import FILES, manifest, write_plugin


def empty_registry() -> Registry:
    return Registry(lambda: ())


class RegistryTestCase(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = Path(self.create_tempdir().full_path)

    def plugin(self, name, text=None, files=None, folder=None) -> Path:
        return write_plugin((folder or self.folder) / name, manifest(name) if text is None else text, files)

    @contextlib.contextmanager
    def fails(self, *parts):
        """The body raises a UserError of one line that has all the parts in it."""
        with self.assertRaises(UserError) as caught:
            yield caught
        self.assertLen(str(caught.exception).splitlines(), 1)
        for part in parts:
            self.assertIn(part, str(caught.exception))


class PluginPathTest(RegistryTestCase):
    def test_folder_of_a_plugin(self):
        found = empty_registry()
        found.add_path(self.plugin("alpha"))
        self.assertEqual(list(found.plugins()), ["alpha"])
        self.assertEqual(found.plugin("alpha").origin, f"folder {(self.folder / 'alpha').resolve()}")
        self.assertEqual(found.load("configs", "alpha/tiny")().size, 4)

    def test_folder_of_such_folders(self):
        self.plugin("beta")
        self.plugin("alpha")
        (self.folder / "notes").mkdir()
        found = empty_registry()
        found.add_path(self.folder)
        self.assertEqual(found.names("layers"), ["alpha/scale", "beta/scale"])
        self.assertEqual(found.names("pipelines"), [])

    def test_a_moved_copy_is_a_plugin_of_its_own(self):
        before, after = empty_registry(), empty_registry()
        before.add_path(self.plugin("alpha"))
        first = before.load("configs", "alpha/tiny")
        shutil.copytree(self.folder / "alpha", self.folder / "elsewhere" / "json")
        shutil.rmtree(self.folder / "alpha")
        after.add_path(self.folder / "elsewhere" / "json")
        second = after.load("configs", "alpha/tiny")
        self.assertIn(str(self.folder / "elsewhere"), str(sys.modules[second.__module__].__file__))
        self.assertIsNot(first, second)
        self.assertNotIn("elsewhere", str(importlib.import_module("json").__file__))

    def test_package_with_code_in_init(self):
        files = {
            **FILES,
            "__init__.py": "WORD = 'set by init'",
            "tiny.py": "from . import WORD\nclass Tiny:\n  word=WORD",
        }
        found = empty_registry()
        found.add_path(self.plugin("alpha", files=files))
        self.assertEqual(found.load("experiments", "alpha/tiny").word, "set by init")

    def test_folder_may_be_called_anything(self):
        found = empty_registry()
        found.add_path(write_plugin(self.folder / "my plugin-2", manifest("alpha")))
        self.assertEqual(found.load("configs", "alpha/tiny").__name__, "TinyConfig")

    def test_no_folder_or_no_plugin_in_it(self):
        with self.fails("--plugin_path", "nowhere", "is no folder"):
            empty_registry().add_path(self.folder / "nowhere")
        with self.fails("--plugin_path", str(self.folder), "has no plugin.py"):
            empty_registry().add_path(self.folder)


class IsolationTest(RegistryTestCase):
    @parameterized.parameters(
        ("import torch_of_nobody", "ModuleNotFoundError: No module named 'torch_of_nobody'"),
        ("PLUGIN = ogbrain.Plugin(", "SyntaxError: '(' was never closed (plugin.py, line 1)"),
        ("import sys; sys.exit(3)", "SystemExit: 3"),
        ("import os; os._exit(3)", "InterpreterEndedError: importing it ends the interpreter (exit code 3)"),
        ("raise ValueError('two\\nlines')", "ValueError: two lines"),
        ("raise KeyError()", "KeyError"),
        ("", "has no PLUGIN; PLUGIN = ogbrain.Plugin(...)"),
        ("PLUGIN = 3", "has a PLUGIN of type int"),
        ("import ogbrain\nPLUGIN = ogbrain.Plugin(name='bad', api=2, summary='s')", "written for API 2"),
        ("import ogbrain\nPLUGIN = ogbrain.Plugin(name='bad', api=1)", "summary"),
        ("import ogbrain\nogbrain.nothing", "module 'ogbrain' has no attribute 'nothing'"),
        ("\0", "SyntaxError"),
    )
    def test_broken_plugin_hurts_no_other(self, text, why):
        self.plugin("alpha")
        self.plugin("bad", text)
        self.plugin("gamma")
        found = empty_registry()
        found.add_path(self.folder)
        self.assertEqual(list(found.plugins()), ["alpha", "gamma"])
        (broken,) = found.broken()
        self.assertEqual(broken.name, "bad")
        self.assertIn("/bad", broken.origin)
        self.assertIn(why, broken.why)
        self.assertLen(broken.why.splitlines(), 1)
        self.assertIn("Traceback", broken.traceback)
        self.assertIn(broken.why.split(":")[0].split(" ")[0], broken.traceback)
        with self.fails(
            "plugin 'bad'", broken.why, f"describe bad --plugin_path={self.folder.resolve()}/bad` shows the traceback"
        ):
            found.load("layers", "bad/scale")
        with self.fails("plugin 'bad'", broken.why):
            found.default_experiment("bad")

    def test_threads_of_one_plugin_do_not_keep_others_from_being_tried(self):
        start = "import threading, time\nthreading.Thread(target=time.sleep, args=(0.5,)).start()\n"
        self.plugin("alpha", start + manifest("alpha"))
        self.plugin("bad", "import os; os._exit(3)")
        found = empty_registry()
        found.add_path(self.folder)
        self.assertEqual(list(found.plugins()), ["alpha"])
        self.assertIn("ends the interpreter (exit code 3)", found.broken()[0].why)
        for thread in set(threading.enumerate()) - {threading.main_thread()}:
            thread.join()  # or the next test could try nothing

    def test_traceback_reaches_the_fault(self):
        self.plugin("bad", "from . import inner", {"inner.py": "def fault():\n    return 1 / 0\nfault()"})
        found = empty_registry()
        found.add_path(self.folder)
        self.assertRegex(found.broken()[0].traceback, r"inner.py.*\n.*return 1 / 0")

    def test_hanging_plugin(self):
        self.plugin("alpha")
        self.plugin("bad", "import time\ntry:\n    time.sleep(60)\nexcept Exception:\n    time.sleep(60)")
        found = empty_registry()
        start = time.monotonic()
        with mock.patch.object(registry, "MANIFEST_SECONDS", 0.2):
            found.add_path(self.folder)
        self.assertLess(time.monotonic() - start, 10)
        self.assertEqual(list(found.plugins()), ["alpha"])
        self.assertIn("took longer than 0.2 s", found.broken()[0].why)

    def test_interruption_is_not_the_plugins_fault(self):
        self.plugin("bad", "raise KeyboardInterrupt")
        with self.assertRaises(KeyboardInterrupt):
            empty_registry().add_path(self.folder)

    def test_what_a_plugin_prints_is_not_output(self):
        self.plugin("alpha", "print('noise')\n" + manifest("alpha"))
        output, errors = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
            empty_registry().add_path(self.folder)
        self.assertEqual((output.getvalue(), errors.getvalue()), ("", "noise\n"))


class ClashTest(RegistryTestCase):
    def test_first_keeps_the_name_and_both_origins_are_named(self):
        first = self.plugin("alpha", folder=self.folder / "one")
        second = self.plugin("alpha", folder=self.folder / "two")
        found = empty_registry()
        found.add_path(first)
        found.add_path(second)
        self.assertEqual(found.plugin("alpha").folder, first.resolve())
        self.assertEqual(found.load("configs", "alpha/tiny").__name__, "TinyConfig")
        (broken,) = found.broken()
        self.assertIn(str(first.resolve()), broken.why)
        self.assertIn(str(second.resolve()), broken.why)
        self.assertIn("'alpha' is taken", broken.why)

    def test_one_plugin_found_twice_is_no_clash(self):
        path = self.plugin("alpha")
        found = empty_registry()
        for _ in range(2):
            found.add_path(path)
            found.add_path(self.folder)
        (self.folder / "link").symlink_to(path)
        found.add_path(self.folder / "link")
        self.assertEqual(list(found.plugins()), ["alpha"])
        self.assertEqual(found.broken(), ())

    def test_reloaded_manifest_is_no_clash(self):
        path = self.plugin("alpha")
        found = empty_registry()
        found.add_path(path)
        importlib.reload(sys.modules[found.plugin("alpha").package + ".plugin"])
        found.add_path(path)
        self.assertEqual(found.broken(), ())


class NamesTest(RegistryTestCase):
    def setUp(self):
        super().setUp()
        self.plugin("alpha")
        self.plugin("beta", manifest("beta", layers={"cell": ".cell:Cell", "scale": ".layers.scale:Scale"}))
        self.plugin("bad", "1 / 0")
        self.found = empty_registry()
        self.found.add_path(self.folder)

    def test_unknown_plugin(self):
        with self.fails("unknown plugin 'alpa'; did you mean 'alpha'?", "alpha, bad, beta", "--plugin_path"):
            self.found.plugin("alpa")
        with self.fails("unknown plugin 'bta'", "did you mean 'beta'"):
            self.found.load("layers", "bta/cell")

    def test_unknown_component(self):
        with self.fails("unknown layer 'beta/cel'; did you mean 'beta/cell'?", "alpha/scale, beta/cell, beta/scale"):
            self.found.load("layers", "beta/cel")
        with self.fails("unknown experiment 'alpha/big'", "alpha/tiny, beta/tiny"):
            self.found.load("experiments", "alpha/big")

    def test_name_without_plugin(self):
        with self.fails("layer 'cell'", "PLUGIN/NAME", "did you mean 'beta/cell'?", "Known: alpha/scale"):
            self.found.load("layers", "cell")

    @settings(deadline=None)
    @given(st.text(max_size=40))
    def test_any_name_is_answered_in_one_line(self, name):
        if name not in self.found.names("layers"):
            with self.fails("alpha/scale" if "/" not in name else ""):
                self.found.find("layers", name)

    def test_default_experiment(self):
        self.assertEqual(self.found.default_experiment("alpha"), "alpha/tiny")
        none = manifest("none", experiments={}, configs={})
        two = {"a": ".tiny:Tiny", "b": ".tiny:Tiny"}
        self.plugin("none", none, folder=self.folder / "more")
        self.plugin("two", manifest("two", experiments=two, configs=two), folder=self.folder / "more")
        self.found.add_path(self.folder / "more")
        with self.fails("plugin 'none' has no experiments"):
            self.found.default_experiment("none")
        with self.fails("plugin 'two' has no default experiment", "one of: two/a, two/b"):
            self.found.default_experiment("two")


class ComponentTest(RegistryTestCase):
    @parameterized.parameters(
        ("import torch_of_nobody", "ModuleNotFoundError: No module named 'torch_of_nobody'", ModuleNotFoundError),
        ("raise SystemExit", "SystemExit", SystemExit),
        ("class Tiny(", "SyntaxError", SyntaxError),
        ("def f(x):\n    return x.y\nf(0)", "AttributeError: 'int' object has no attribute 'y'", AttributeError),
    )
    def test_import_fails(self, text, why, cause):
        self.plugin("alpha", files={**FILES, "tiny.py": text})
        found = empty_registry()
        found.add_path(self.folder)
        with self.fails("experiment 'alpha/tiny'", str(self.folder.resolve()), "cannot be loaded", why) as caught:
            found.load("experiments", "alpha/tiny")
        self.assertIsInstance(caught.exception.__cause__, cause)
        self.assertEqual(found.load("configs", "alpha/tiny").__name__, "TinyConfig")

    def test_name_is_not_in_the_module(self):
        self.plugin("alpha", files={**FILES, "tiny.py": "class Tidy: pass"})
        found = empty_registry()
        found.add_path(self.folder)
        with self.fails("experiment 'alpha/tiny'", "'Tiny'; did you mean 'Tidy'?"):
            found.load("experiments", "alpha/tiny")

    @parameterized.parameters(
        ("TinyConfig = 3", "is no subclass of ogbrain.config.ExperimentConfig"),
        ("class TinyConfig: pass", "is no subclass of ogbrain.config.ExperimentConfig"),
        ("import ogbrain\nclass TinyConfig(ogbrain.config.ExperimentConfig): pass", "is no dataclass"),
    )
    def test_config_is_no_config(self, text, why):
        self.plugin("alpha", files={**FILES, "tiny_config.py": text})
        found = empty_registry()
        found.add_path(self.folder)
        with self.fails("config 'alpha/tiny'", why):
            found.load("configs", "alpha/tiny")

    def test_nothing_is_imported_before_its_first_use(self):
        found = empty_registry()
        found.add_path(self.plugin("alpha"))
        package = found.plugin("alpha").package
        self.assertEqual([name for name in sys.modules if name.startswith(package)], [package, package + ".plugin"])
        found.load("configs", "alpha/tiny")
        self.assertIn(package + ".tiny_config", sys.modules)
        self.assertNotIn(package + ".tiny", sys.modules)
        self.assertNotIn("tensorflow", sys.modules)
        self.assertNotIn("keras", sys.modules)

    def test_absolute_target(self):
        found = empty_registry()
        found.add_path(self.plugin("alpha", manifest("alpha", pipelines={"order": "collections:OrderedDict"})))
        self.assertEqual(found.load("pipelines", "alpha/order").__name__, "OrderedDict")


class InstalledTest(RegistryTestCase):
    def setUp(self):
        super().setUp()
        self.enterContext(mock.patch.object(sys, "path", [str(self.folder), *sys.path]))
        importlib.invalidate_caches()

    def install(self, distribution, entry):
        info = self.folder / f"{distribution}-1.2.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.2\n")
        (info / "entry_points.txt").write_text(f"[{discovery.ENTRY_POINT_GROUP}]\n{entry}\n")

    def test_entry_point(self):
        write_plugin(self.folder / "ogbrain_whale", manifest("whale"), {**FILES, "__init__.py": ""})
        self.install("ogbrain_whale", "whale = ogbrain_whale.plugin:PLUGIN")
        found = Registry(discovery.entry_points)
        self.assertEqual(list(found.plugins()), ["whale"])
        self.assertEqual(found.plugin("whale").origin, "entry point of ogbrain_whale 1.2")
        self.assertEqual(found.load("configs", "whale/tiny").__module__, "ogbrain_whale.tiny_config")

    def test_broken_entry_points(self):
        self.install("ogbrain_gone", "gone = ogbrain_gone.plugin:PLUGIN")
        self.install("ogbrain_none", "none = json:PLUGIN")
        found = Registry(discovery.entry_points)
        self.assertEqual(found.plugins(), {})
        whys = {broken.name: broken.why for broken in found.broken()}
        self.assertIn("ModuleNotFoundError: No module named 'ogbrain_gone'", whys["gone"])
        self.assertIn("has no PLUGIN", whys["none"])


class InTreeTest(RegistryTestCase):
    def sources(self, init):
        """The plugins that a copy of the core finds beside itself, in a package called whales."""
        package = self.folder / "whales"
        package.mkdir()
        (package / "__init__.py").write_text(init)
        self.enterContext(mock.patch.object(sys, "path", [str(self.folder), *sys.path]))
        self.enterContext(mock.patch.object(discovery, "IN_TREE_PACKAGES", ("whales", "not_there")))
        self.enterContext(mock.patch.object(discovery, "__file__", str(self.folder / "ogbrain/registry/discovery.py")))
        self.enterContext(mock.patch.dict(sys.modules))
        importlib.invalidate_caches()
        return discovery.in_tree

    def test_list_of_the_package(self):
        sources = self.sources("IN_TREE = ('orca', 'gone')")
        self.plugin("orca", folder=self.folder / "whales")
        found = Registry(sources)
        self.assertEqual(found.names("experiments"), ["orca/tiny"])
        self.assertEqual(found.plugin("orca").origin, "in tree, whales/orca")
        self.assertEqual([broken.name for broken in found.broken()], ["gone"])

    def test_broken_list(self):
        found = Registry(self.sources("1 / 0"))
        self.assertEqual(found.plugins(), {})
        self.assertIn("ZeroDivisionError", found.broken()[0].why)

    def test_another_package_of_that_name_is_not_taken_for_it(self):
        sources = self.sources("IN_TREE = ()")
        other = self.folder / "other" / "whales"
        write_plugin(other, "", {"__init__.py": "IN_TREE = ('shark',)"})
        sys.path.insert(0, str(self.folder / "other"))
        found = Registry(sources)
        self.assertEqual(found.plugins(), {})
        self.assertIn("another package called whales is in the way", found.broken()[0].why)


if __name__ == "__main__":
    absltest.main()
