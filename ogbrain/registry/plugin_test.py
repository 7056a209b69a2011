import re
from typing import Any

from absl.testing import absltest, parameterized
from hypothesis import given, settings
from hypothesis import strategies as st

from ogbrain.errors import UserError
from ogbrain.registry.plugin import API, Plugin

GOOD: dict[str, Any] = dict(
    name="attention",
    api=API,
    summary="Looks.",
    layers={"glimpse_sensor": ".layers.glimpse_sensor:GlimpseSensor"},
    experiments={"glimpse": ".experiments.glimpse:Glimpse", "other": ".experiments.other:Other"},
    configs={"glimpse": ".experiments.glimpse_config:GlimpseConfig", "other": ".experiments.other:OtherConfig"},
    default_experiment="glimpse",
)


class PluginTest(parameterized.TestCase):
    def test_keeps_what_it_is_given(self):
        plugin = Plugin(**GOOD)
        self.assertEqual({key: getattr(plugin, key) for key in GOOD}, GOOD)
        self.assertEqual(plugin.pipelines, {})
        self.assertLen(list(plugin.components()), 5)
        self.assertEqual(plugin, Plugin(**GOOD))

    def test_cannot_be_changed(self):
        layers = {"lstm": ".lstm:LSTM"}
        plugin = Plugin(name="memory", api=API, summary="Remembers.", layers=layers)
        layers["gru"] = "changed later"
        self.assertEqual(plugin.layers, {"lstm": ".lstm:LSTM"})
        with self.assertRaises(TypeError):
            plugin.layers["gru"] = ".gru:GRU"  # type: ignore[index]

    def test_only_experiment_is_the_default(self):
        one = dict(experiments={"glimpse": ".a:A"}, configs={"glimpse": ".a:B"}, default_experiment="")
        self.assertEqual(Plugin(**GOOD | one).default_experiment, "glimpse")
        self.assertEqual(Plugin(**GOOD | {"default_experiment": ""}).default_experiment, "")

    @parameterized.parameters(
        ({"name": "Attention"}, "plugin: the name 'Attention' is not allowed; lower_snake case"),
        ({"name": "a/b"}, "the name 'a/b'"),
        ({"name": ""}, "the name ''"),
        ({"name": None}, "the name None"),
        ({"summary": ""}, "plugin attention: summary '' is not allowed"),
        ({"summary": "two\nlines"}, "one line of text"),
        ({"summary": "\x1b[31mred"}, "one line of text"),
        ({"layers": {"Glimpse": ".a:B"}}, "layer of plugin attention: the name 'Glimpse'"),
        ({"layers": {"glimpse": "a.B"}}, "layer attention/glimpse: 'a.B' is not allowed; MODULE:NAME"),
        ({"layers": {"glimpse": "..other:B"}}, "'..other:B' is not allowed"),
        ({"layers": {"glimpse": int}}, "<class 'int'> is not allowed"),
        ({"layers": ["glimpse"]}, "layers is a list; a dictionary of strings"),
        ({"layers": {"a": ".a:Same", "b": ".b:Same"}}, "layers '.a:Same' and '.b:Same' have classes of one name"),
        ({"configs": {"glimpse": ".a:B"}}, "must have the same names; not so: ['other']"),
        ({"default_experiment": "glimps"}, "did you mean 'glimpse'"),
        ({"layer": {}}, "unknown argument of plugin attention 'layer'; did you mean 'layers'?"),
    )
    def test_refuses(self, change, message):
        with self.assertRaisesRegex(UserError, re.escape(message)):
            Plugin(**GOOD | change)

    def test_one_layer_may_have_two_names(self):
        Plugin(**GOOD | {"layers": {"lstm": ".a:LSTM", "long_short": ".a:LSTM"}})

    def test_refuses_other_apis_before_their_arguments(self):
        tomorrow = {**GOOD, "api": API + 1, "agents": {"dqn": ".dqn:DQN"}}
        message = f"plugin attention was written for API {API + 1}, this ogbrain provides {API}: update ogbrain"
        with self.assertRaisesRegex(UserError, message):
            Plugin(**tomorrow)
        with self.assertRaisesRegex(UserError, "update the plugin"):
            Plugin(**GOOD | {"api": API - 1})
        with self.assertRaisesRegex(UserError, "written for API '1'"):
            Plugin(**GOOD | {"api": "1"})

    @settings(deadline=None)
    @given(st.text(max_size=20))
    def test_name_is_taken_as_it_is_or_refused_in_one_line(self, name):
        try:
            plugin = Plugin(**GOOD | {"name": name})
        except UserError as error:
            self.assertLen(str(error).splitlines(), 1)
            self.assertNotRegex(name, r"\A[a-z]+(_[a-z]+)*\Z")
        else:
            self.assertEqual(plugin.name, name)
            self.assertTrue(name.isidentifier() and name.isascii() and name == name.lower())

    @settings(deadline=None)
    @given(st.from_regex(r"\A\.?[a-z_]+(\.[a-z_]+)*:[A-Za-z_]+\Z"))
    def test_takes_all_well_formed_targets(self, target):
        self.assertEqual(Plugin(**GOOD | {"layers": {"x": target}}).layers["x"], target)

    @settings(deadline=None)
    @given(st.one_of(st.text(max_size=30), st.integers(), st.none(), st.lists(st.text())))
    def test_any_component_is_taken_or_refused_in_one_line(self, target):
        try:
            Plugin(**GOOD | {"layers": {"x": target}})
        except UserError as error:
            self.assertLen(str(error).splitlines(), 1)
            self.assertIn("attention/x", str(error))
        else:
            module, name = target.split(":")
            self.assertTrue(name.isidentifier())
            self.assertTrue(all(part.isidentifier() for part in module.removeprefix(".").split(".")))


if __name__ == "__main__":
    absltest.main()
