"""The whole kit on a plugin of anyone's: what `plugins check NAME` does."""

import contextlib
import importlib.util
import io
import sys
import types
import unittest
from collections.abc import Iterator
from pathlib import Path

from ogbrain.errors import one_line
from ogbrain.registry.loaded_plugin import LoadedPlugin
from ogbrain.testing import checks
from ogbrain.testing.checks import FAILED, LEFT_OUT, OK, Check
from ogbrain.testing.pipeline_test_case import PipelineTestCase
from ogbrain.testing.plugin_test_case import PluginTestCase


def check_plugin(loaded: LoadedPlugin) -> list[Check]:
    """Checks a plugin: its manifest, and all that its own tests give to the kit.

    Those are the tests in its folder, `*_test.py`, that are built upon the kit's test cases; other tests are not run.
    Layers, pipelines and experiments that no such test has are listed as left out.

    Args:
        loaded: The plugin.

    Returns:
        What each check found.
    """
    first = len(checks.RECORD)
    with contextlib.suppress(AssertionError):  # it is in the record
        PluginTestCase().check_plugin(loaded)
    found = checks.RECORD[first:]
    for file in sorted(loaded.file.resolve().parent.rglob("*_test.py")):
        name = str(file.relative_to(loaded.file.resolve().parent))
        try:
            module = _import(loaded, file)
        except (Exception, SystemExit) as error:
            found.append(Check(name, "import", FAILED, one_line(error)))
            continue
        found += _run(name, module)
    tested = {check.subject for check in found}
    for kind in ("layers", "experiments"):
        for component, target in getattr(loaded.plugin, kind).items():
            if target.partition(":")[2] not in tested:
                why = "no test in the plugin's folder gives it to the kit"
                found.append(Check(f"{loaded.name}/{component}", "conformance", LEFT_OUT, why))
    return found


def _run(file: str, module: types.ModuleType) -> list[Check]:
    cases = [case for case in vars(module).values() if isinstance(case, type) and issubclass(case, unittest.TestCase)]
    own = [case for case in cases if case.__module__ == module.__name__ and _is_of_the_kit(case)]
    report = _Report(file)
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        unittest.TestSuite(map(unittest.defaultTestLoader.loadTestsFromTestCase, own)).run(report)
    return report.found


class _Report(unittest.TestResult):
    """Keeps the checks of each test, and what fails without one."""

    def __init__(self, file: str):
        super().__init__()
        self.found: list[Check] = []
        self._file = file
        self._first = 0

    def startTest(self, test: unittest.TestCase) -> None:
        super().startTest(test)
        self._first = len(checks.RECORD)

    def stopTest(self, test: unittest.TestCase) -> None:
        super().stopTest(test)
        recorded = checks.RECORD[self._first :]
        self.found += recorded
        traces = [trace for owner, trace in (*self.failures, *self.errors) if test in (owner, _owner(owner))]
        unsaid = traces and not any(check.status == FAILED for check in recorded)
        skipped = any(owner is test for owner, _ in self.skipped)
        if unsaid or (not recorded and isinstance(test, PipelineTestCase) and not skipped):
            title = test.id().rpartition(".test_")[2].replace("_", " ")
            why = traces[0].strip().splitlines()[-1][:300] if traces else ""
            self.found.append(Check(type(test).__name__, title, FAILED if traces else OK, why))

    def addError(self, test: unittest.TestCase, error) -> None:
        super().addError(test, error)
        if not isinstance(test, unittest.TestCase):  # of setUpModule or setUpClass
            self.found.append(Check(self._file, "set up", FAILED, one_line(error[1])))


def _owner(test: object) -> object:
    return getattr(test, "test_case", None)  # of a subtest


def _is_of_the_kit(case: type) -> bool:
    kit = any(base.__module__.startswith("ogbrain.testing.") for base in case.__mro__)
    return kit and not issubclass(case, PluginTestCase)  # that has been done


def _import(loaded: LoadedPlugin, file: Path) -> types.ModuleType:
    """Imports a test by its file, as a module of the plugin, so that both ways of importing work in it."""
    parts = file.relative_to(loaded.file.resolve().parent).with_suffix("").parts
    name = ".".join((loaded.package, *parts))
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} is no Python module")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def rows(found: list[Check]) -> Iterator[list[str]]:
    """Yields what was found as rows of a table: subject, check, status, why."""
    last = ""
    for check in found:
        yield ["" if check.subject == last else check.subject, check.name, check.status, check.why]
        last = check.subject
