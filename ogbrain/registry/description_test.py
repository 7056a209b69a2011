import dataclasses
import json
import sys
from pathlib import Path

from absl.testing import absltest

import ogbrain
from ogbrain.errors import UserError
from ogbrain.registry import class_source, description, report, source_code
from ogbrain.registry.config_fields import config_fields
from ogbrain.registry.registry import Registry
from ogbrain.registry.specimens import FILES, manifest, write_plugin


@dataclasses.dataclass(frozen=True)
class Inner:
    rate: float = 0.5
    """How fast."""


@dataclasses.dataclass(frozen=True)
class Outer(ogbrain.config.ExperimentConfig):
    seed: int = 7
    epochs: int = 2
    """Rounds, of all things,
    over the data."""
    sizes: tuple[int, ...] = (1, 2)
    undocumented: str = ""
    inner: Inner = Inner(rate=0.25)
    """The inner one."""


class ConfigFieldsTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        self.fields = {field.name: field for field in config_fields(Outer())}

    def test_nested_fields_have_dotted_names_and_the_defaults_of_the_outer_config(self):
        rate = self.fields["inner.rate"]
        self.assertEqual((rate.type, rate.default, rate.doc), ("float", 0.25, "How fast."))
        self.assertNotIn("inner", self.fields)
        self.assertIn("optimizer.learning_rate", self.fields)

    def test_docs_are_the_nearest_in_the_class_hierarchy(self):
        self.assertEqual(self.fields["epochs"].doc, "Rounds, of all things, over the data.")
        self.assertStartsWith(self.fields["seed"].doc, "Seed of")
        self.assertEqual(self.fields["seed"].default, 7)
        self.assertEqual(self.fields["undocumented"].doc, "")

    def test_types(self):
        self.assertEqual(self.fields["sizes"].type, "tuple[int, ...]")
        self.assertEqual(self.fields["xla"].type, "bool")

    def test_every_field_that_all_experiments_have_is_documented(self):
        inherited = self.fields.keys() - {"sizes", "undocumented"}
        self.assertEmpty([name for name in inherited if not self.fields[name].doc])


class SourceCodeTest(absltest.TestCase):
    def plugin(self, files):
        found = Registry(lambda: ())
        found.add_path(write_plugin(Path(self.create_tempdir().full_path) / "orca", manifest("orca"), files))
        return found.plugin("orca")

    def test_finds_files_as_import_does(self):
        loaded = self.plugin({"a/b.py": "", "c/__init__.py": "", "d.py": ""})
        for target, file in ((".a.b:X", "a/b.py"), (".c:X", "c/__init__.py"), (".d:X", "d.py")):
            self.assertEqual(source_code.source_file(loaded, target), loaded.folder / file)
        self.assertIsNone(source_code.source_file(loaded, ".e:X"))
        self.assertIsNone(source_code.source_file(loaded, "no_such_package_anywhere.a:X"))
        self.assertEqual(source_code.source_file(loaded, "json.decoder:X"), Path(json.decoder.__file__))
        self.assertEqual(source_code.source_file(loaded, "dataclasses:X"), Path(dataclasses.__file__))

    def test_sees_every_way_to_bind_a_name(self):
        code = """
            class A: pass
            def b(): pass
            c = 1
            d: int = 2
            e, (f, *g) = 1, (2, 3)
            import h
            import i.x
            from j import y as k, l
            try:
                import m
            except ImportError:
                class n: pass
            if True:
                o = 3
            A.p = 4
        """
        loaded = self.plugin(
            {"all.py": "\n".join(line[12:] for line in code.splitlines()), "star.py": "from x import *"}
        )
        missing = [name for name in "Abcdefghiklmno" if source_code.problem(loaded, f".all:{name}")]
        self.assertEmpty(missing)
        for name in ("j", "p", "x", "y"):
            self.assertRegex(str(source_code.problem(loaded, f".all:{name}")), f"all.py has no {name}")
        self.assertIsNone(source_code.problem(loaded, ".star:Any"))
        self.assertEqual(source_code.problem(loaded, ".gone:Any"), "there is no module .gone")

    def test_file_that_is_no_python(self):
        loaded = self.plugin({"a.py": "class A(", "b.py": "\0"})
        self.assertIn("cannot be read", str(source_code.problem(loaded, ".a:A")))
        self.assertIn("cannot be read", str(source_code.problem(loaded, ".b:A")))
        self.assertEqual(source_code.first_line(loaded, ".a:A"), "")


class ClassSourceTest(absltest.TestCase):
    HEAD = "import abc\nimport ogbrain\nfrom ogbrain.training.experiment import Experiment\n"

    def left_out(self, text, **files):
        found = Registry(lambda: ())
        files = {f"{name}.py": text for name, text in files.items()} | {"tiny.py": self.HEAD + text}
        found.add_path(write_plugin(Path(self.create_tempdir().full_path) / "orca", manifest("orca"), files))
        return class_source.left_out(found.plugin("orca"), ".tiny:Tiny")

    def test_bases_are_followed(self):
        all_of_it = ["build_model", "build_pipeline", "loss"]
        self.assertEqual(self.left_out("class Tiny(ogbrain.SupervisedExperiment): pass"), all_of_it)
        self.assertContainsSubset({"setup", "train_step", "evaluate"}, self.left_out("class Tiny(Experiment): pass"))
        more = "class Middle(ogbrain.SupervisedExperiment):\n  build_model = build_pipeline = None\n"
        self.assertEqual(self.left_out(f"{more}class Tiny(Middle): pass"), ["loss"])
        base = f"import ogbrain\n{more}"
        self.assertEqual(self.left_out("from .base import Middle as M\nclass Tiny(M): pass", base=base), ["loss"])
        self.assertEqual(self.left_out("from .base import Middle as Tiny", base=base), ["loss"])
        mixed = f"{more}class Loss:\n  def loss(self): ...\nclass Tiny(Loss, Middle): pass"
        self.assertEqual(self.left_out(mixed), [])
        again = "class Tiny(Experiment, abc.ABC):\n  @abc.abstractmethod\n  def setup(self): ..."
        self.assertIn("setup", self.left_out(again))

    def test_nothing_is_said_of_what_cannot_be_told(self):
        for text, files in (
            ("class Tiny(ogbrain.experiments.get('a/b')): pass", {}),
            ("import json\nclass Tiny(json.JSONDecoder): pass", {}),
            ("from json import JSONDecoder\nclass Tiny(JSONDecoder, Experiment): pass", {}),
            ("from .base import Base\nclass Tiny(Base): pass", {"base": "class Base("}),
            ("from .base import Base\nclass Tiny(Base): pass", {}),
            ("from .base import Tiny", {"base": "from .tiny import Tiny"}),
            ("class Tiny(Tiny, Experiment): pass", {}),
            ("if True:\n  Tiny = 3\nclass Tiny(Experiment): pass", {}),
            ("class Tiny(*[Experiment]): pass", {}),
            ("def Tiny(): pass", {}),
        ):
            self.assertEqual(self.left_out(text, **files), [], text)


class DescriptionTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = Path(self.create_tempdir().full_path)
        write_plugin(self.folder / "alpha", manifest("alpha"))
        files = {**FILES, "tiny_config.py": FILES["tiny_config.py"] + "raise ValueError('no config today')"}
        write_plugin(self.folder / "beta", manifest("beta", layers={"cell": ".cell:Cell"}), files)
        write_plugin(self.folder / "gamma", "raise ValueError('out of order')")
        write_plugin(self.folder / "zeta", manifest("alpha", summary="Another."))
        self.registry = Registry(lambda: ())
        self.registry.add_path(self.folder)

    def test_listing(self):
        listing = json.loads(json.dumps(description.listing(self.registry)))
        alpha, beta, gamma, zeta = listing["plugins"]
        self.assertEqual(
            alpha,
            {
                "name": "alpha",
                "status": "ok",
                "summary": "Shows what alpha is.",
                "origin": f"folder {self.folder.resolve()}/alpha",
                "api": 1,
                "default_experiment": "alpha/tiny",
                "layers": ["alpha/scale"],
                "pipelines": [],
                "experiments": ["alpha/tiny"],
                "problems": [],
            },
        )
        self.assertEqual(beta["problems"], ["layer beta/cell: there is no module .cell"])
        self.assertEqual(gamma["status"], "broken")
        self.assertEqual(gamma["why"], "ValueError: out of order")
        self.assertEqual(set(gamma), {"name", "status", "origin", "why"})
        self.assertEqual((zeta["name"], zeta["status"]), ("alpha", "broken"))

    def test_listing_text_has_a_line_for_each_plugin_that_fails(self):
        lines = report.listing_text(description.listing(self.registry), 80).splitlines()
        self.assertLen(
            [line for line in lines if line.startswith("  gamma (") and "ValueError: out of order" in line], 1
        )
        self.assertLen([line for line in lines if line.startswith("  alpha (") and "'alpha' is taken" in line], 1)
        self.assertLen([line for line in lines if "beta/cell: there is no module" in line], 1)

    def test_description(self):
        alpha = json.loads(json.dumps(description.description(self.registry, "alpha")))
        self.assertEqual(
            alpha["layers"],
            [{"name": "alpha/scale", "target": ".layers.scale:Scale", "doc": "Multiplies by a number.", "kind": ""}],
        )
        (tiny,) = alpha["experiments"]
        self.assertEqual(tiny["doc"], "Runs in no time.")
        fields = {field["name"]: field for field in tiny["config"]}
        self.assertEqual(
            fields["size"], {"name": "size", "type": "int", "default": 4, "doc": "Size of the tiny model."}
        )
        self.assertEqual(fields["epochs"]["default"], 3)
        self.assertIn("Traceback", alpha["broken"][0]["traceback"])
        self.assertNotIn("tensorflow", sys.modules)
        self.assertNotIn("keras", sys.modules)

    def test_description_text(self):
        text = report.description_text(description.description(self.registry, "alpha"), 100)
        self.assertLess(max(map(len, text.partition("Broken:")[0].splitlines())), 101)
        for part in ("alpha/scale  Multiplies by a number.", "Size of the tiny model.", "learning_rate", "API"):
            self.assertIn(part, text)
        self.assertIn("Traceback (most recent call last)", text)

    def test_config_that_fails_is_a_problem_and_the_rest_is_shown(self):
        beta = description.description(self.registry, "beta")
        self.assertEqual(beta["experiments"][0]["config"], [])
        self.assertLen(beta["problems"], 2)
        self.assertIn("ValueError: no config today", beta["problems"][1])
        self.assertIn("no config today", report.description_text(beta, 80))

    def test_broken_plugin_has_its_traceback(self):
        gamma = description.description(self.registry, "gamma")
        self.assertEqual(gamma["status"], "broken")
        self.assertIn("raise ValueError('out of order')", gamma["broken"][0]["traceback"])
        self.assertIn("raise ValueError('out of order')", report.description_text(gamma, 80))

    def test_unknown_plugin(self):
        with self.assertRaisesRegex(UserError, "did you mean 'gamma'"):
            description.description(self.registry, "gama")

    def test_nothing_found(self):
        text = report.listing_text(description.listing(Registry(lambda: ())), 80)
        self.assertEqual(text, "No plugins. --plugin_path=DIR adds those of a folder.")


if __name__ == "__main__":
    absltest.main()
