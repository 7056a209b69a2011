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
    found: list[Check] = []
    cases = [case for case in vars(module).values() if isinstance(case, type) and issubclass(case, unittest.TestCase)]
    own = [case for case in cases if case.__module__ == module.__name__ and _is_of_the_kit(case)]
    if not own:
        return found
    set_up = getattr(module, "setUpModule", None)
    if set_up:
        set_up()
    try:
        for case in own:
            for name in unittest.defaultTestLoader.getTestCaseNames(case):
                test = case(name)
                first, result = len(checks.RECORD), unittest.TestResult()
                with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                    unittest.TestSuite([test]).run(result)
                recorded = checks.RECORD[first:]
                found += recorded
                failures = [trace for _, trace in (*result.failures, *result.errors)]
                unsaid = failures and not any(check.status == FAILED for check in recorded)
                if unsaid or (not recorded and issubclass(case, PipelineTestCase) and not result.skipped):
                    title = name.removeprefix("test_").replace("_", " ")
                    why = failures[0].strip().splitlines()[-1][:300] if failures else ""
                    found.append(Check(case.__name__, title, FAILED if failures else OK, why))
    except (Exception, SystemExit) as error:
        found.append(Check(file, "run", FAILED, one_line(error)))
    finally:
        unittest.doModuleCleanups()
    return found


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
