"""The conformance kit for layers."""

import inspect
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from absl.testing import absltest

from ogbrain.testing.checks import Checks

Structure = Any


class LayerTestCase(absltest.TestCase):
    """Checks that a layer keeps the Keras contract, each check failing on a layer that is wrong in just that way.

    Example:
        >>> class GlimpseSensorTest(LayerTestCase):
        ...     def test_conformance(self):
        ...         self.check_layer(
        ...             GlimpseSensor,
        ...             {"size": 4, "scales": 2},
        ...             {"images": np.ones((2, 9, 9, 1), np.float32), "locations": np.zeros((2, 2), np.float32)},
        ...             output_shape=(2, 4, 4, 2),
        ...         )
    """

    def check_layer(
        self,
        layer_class: type[keras.layers.Layer],
        arguments: Mapping[str, Any],
        inputs: np.ndarray | Mapping[str, np.ndarray],
        *,
        output_shape: Structure = None,
        call_arguments: Mapping[str, Any] | None = None,
        masks: bool | None = None,
        mixed_precision: bool = True,
        xla: bool = True,
        gradients: bool = True,
        batch_independent: bool = True,
        deterministic: bool = True,
        export: bool = True,
        tolerance: float = 1e-5,
    ) -> keras.layers.Layer:
        """Runs every check, and fails with what all of them found.

        Args:
            layer_class: The layer's class.
            arguments: What it is built with.
            inputs: What it is called with: one array, or arrays by the name of the argument; `(batch, ...)` each,
                `batch` at least 2.
            output_shape: The expected shape of the output, or nest of shapes; left out, they only have to agree.
            call_arguments: Further arguments of the call, such as `training`.
            masks: Whether what a mask hides, `(batch, time)`, must not matter to the rest; None: if `call` takes a
                `mask` and the input is one array of at least two steps.
            mixed_precision: Whether it must work in `mixed_bfloat16`.
            xla: Whether it must compile with XLA.
            gradients: Whether every trainable weight must get a gradient.
            batch_independent: Whether one example's output must not depend on the others.
            deterministic: Whether the same seed and input must give the same output; where they do not, values are
                not compared.
            export: Whether it must work in a SavedModel.
            tolerance: Of the comparisons in float32.

        Returns:
            A built layer, for further checks.

        Raises:
            AssertionError: Some checks failed: its lines say which.
        """
        self._class, self._arguments, self._inputs, self._compared = layer_class, dict(arguments), inputs, True
        self._call, self._tolerance = dict(call_arguments or {}), tolerance
        self.checks = checks = Checks(layer_class.__name__)
        layer = self._build()
        outputs = self._apply(layer, inputs)
        checks.run("shapes", self.check_shapes, outputs, output_shape)
        checks.run("dtypes", self.check_dtypes, outputs)
        checks.run("config round trip", self.check_config, layer)
        if deterministic:
            deterministic = checks.run("determinism", self.check_determinism, outputs)
        self._compared = deterministic  # what is drawn anew each time differs wherever it is drawn
        checks.run("symbolic and eager", self.check_symbolic, outputs)
        checks.run(".keras round trip", self.check_round_trip)
        wanted: dict[str, tuple[bool, Callable, tuple]] = {
            "gradient flow": (gradients, self.check_gradients, (layer,)),
            "batch independence": (batch_independent and deterministic, self.check_batch_independence, (outputs,)),
            "masks": (self._has_mask() if masks is None else masks, self.check_masks, ()),
            "mixed precision": (mixed_precision, self.check_mixed_precision, ()),
            "XLA": (xla, self.check_xla, ()),
            "export": (export, self.check_export, ()),
        }
        for name, (applies, function, given) in wanted.items():
            if applies:
                checks.run(name, function, *given)
            else:
                checks.leave_out(name, "not asked of this layer")
        checks.finish()
        return layer

    def check_shapes(self, outputs: Structure, output_shape: Structure) -> None:
        """The output has the expected shape, and `compute_output_shape` and a symbolic call say so."""
        shapes = tf.nest.map_structure(lambda output: tuple(output.shape), outputs)
        if output_shape is not None:
            self.assertEqual(shapes, output_shape, "output shape")
        if not isinstance(self._inputs, Mapping):
            computed = self._build().compute_output_shape(self._inputs.shape)
            expected = [tuple(output.shape) for output in tf.nest.flatten(outputs)]
            self.assertEqual([tuple(shape) for shape in _shapes(computed)], expected, "compute_output_shape()")
        symbolic = self._apply(self._build(), self._symbols())
        for made, output in zip(tf.nest.flatten(symbolic), tf.nest.flatten(outputs), strict=True):
            self.assertLen(made.shape, len(output.shape), "symbolic and eager rank")
            for expected, size in zip(made.shape[1:], tuple(output.shape)[1:], strict=True):
                if expected is not None:
                    self.assertEqual(expected, size, "symbolic and eager shape")

    def check_dtypes(self, outputs: Structure) -> None:
        """In float32, what floats is float32; a symbolic call has the dtypes of an eager one."""
        symbolic = self._apply(self._build(), self._symbols())
        for made, output in zip(tf.nest.flatten(symbolic), tf.nest.flatten(outputs), strict=True):
            dtype = keras.backend.standardize_dtype(output.dtype)
            if tf.as_dtype(output.dtype).is_floating:
                self.assertEqual(dtype, "float32", "dtype of the output")
            self.assertEqual(keras.backend.standardize_dtype(made.dtype), dtype, "symbolic and eager dtype")

    def check_config(self, layer: keras.layers.Layer) -> None:
        """The config holds every argument, and gives an equal layer."""
        config = layer.get_config()
        for name in self._arguments:
            self.assertIn(name, config, f"get_config() lacks the argument {name!r}")
        again = type(layer).from_config(config)
        self.assertEqual(again.get_config(), config, "from_config(get_config()) has another config")

    def check_determinism(self, outputs: Structure) -> None:
        """The same seed and input give the same output, and what is drawn is from the layer's own `SeedGenerator`."""
        layer = self._build()
        # A layer that draws from generators that it shares with all the program now draws something else.
        tf.random.set_seed(1)
        np.random.seed(1)
        self._assert_close(self._apply(layer, self._inputs), outputs, "the same seed")

    def check_symbolic(self, outputs: Structure) -> None:
        """A graph with a free batch size gives the values of the eager call."""
        self._assert_close(self._in_graph(), outputs, "in a graph and eagerly")

    def check_round_trip(self) -> None:
        """A model with the layer gives the same after `.keras` saving and loading."""
        symbols = self._symbols()
        model = keras.Model(symbols, self._apply(self._build(), symbols))
        with tempfile.TemporaryDirectory() as folder:
            file = str(Path(folder, "model.keras"))
            model.save(file)
            again = keras.models.load_model(file, custom_objects={self._class.__name__: self._class})
        for first, second in zip(model.weights, again.weights, strict=True):
            np.testing.assert_array_equal(first.numpy(), second.numpy(), f"{first.path} after saving and loading")
        self._assert_close(again(self._inputs), model(self._inputs), "after saving and loading")

    def check_gradients(self, layer: keras.layers.Layer) -> None:
        """Every trainable weight gets a gradient, and all are finite."""
        with tf.GradientTape() as tape:
            outputs = [
                tf.cast(output, tf.float32)
                for output in tf.nest.flatten(self._apply(layer, self._inputs))
                if tf.as_dtype(output.dtype).is_floating
            ]
            # Squares of shifted outputs: sums of normalised outputs alone would have no gradient.
            loss = tf.add_n([tf.reduce_sum(tf.square(output + 0.1)) for output in outputs])
        gradients = tape.gradient(loss, [variable.value for variable in layer.trainable_variables])
        for variable, gradient in zip(layer.trainable_variables, gradients, strict=True):
            self.assertIsNotNone(gradient, f"{variable.path} gets no gradient")
            self.assertTrue(bool(tf.reduce_all(tf.math.is_finite(gradient))), f"{variable.path}: gradient not finite")

    def check_batch_independence(self, outputs: Structure) -> None:
        """The first example alone gives what it gives in the batch."""
        given = self._inputs
        first = {name: value[:1] for name, value in given.items()} if isinstance(given, Mapping) else given[:1]
        alone = self._apply(self._build(), first)
        self._assert_close(alone, tf.nest.map_structure(lambda output: output[:1], outputs), "the first example alone")

    def check_masks(self) -> None:
        """What a mask hides at the end of each row changes nothing elsewhere."""
        inputs = np.asarray(self._inputs)
        mask = np.ones(inputs.shape[:2], bool)
        mask[:, -1] = False
        other = inputs.copy()
        other[:, -1] = inputs[:, 0] + inputs[:, 0] + 1
        seen, unseen = (tf.nest.flatten(self._apply(self._build(), given, mask=mask)) for given in (inputs, other))
        for first, second in zip(seen, unseen, strict=True):
            if len(first.shape) > 1 and first.shape[1] == inputs.shape[1]:
                first, second = first[:, :-1], second[:, :-1]
            self._assert_close(first, second, "two inputs that differ only where they are masked")

    def check_xla(self) -> None:
        """Compiled with XLA the layer gives what it gives in a graph."""
        graph, compiled = self._in_graph(), self._in_graph(jit_compile=True)
        for a, b in zip(tf.nest.flatten(compiled), tf.nest.flatten(graph), strict=True):
            self.assertEqual(tuple(a.shape), tuple(b.shape), "shape under XLA")
        self._assert_close(compiled, graph, "under XLA", 10 * self._tolerance)

    def check_mixed_precision(self) -> None:
        """In mixed_bfloat16 weights stay float32, outputs are finite and some are bfloat16."""
        layer = self._build(dtype="mixed_bfloat16")
        outputs = tf.nest.flatten(self._apply(layer, self._inputs))
        for variable in layer.trainable_variables:
            self.assertEqual(keras.backend.standardize_dtype(variable.dtype), "float32", variable.path)
        floating = [output for output in outputs if tf.as_dtype(output.dtype).is_floating]
        self.assertIn("bfloat16", [keras.backend.standardize_dtype(output.dtype) for output in floating])
        for output in floating:
            finite = tf.reduce_all(tf.math.is_finite(tf.cast(output, tf.float32)))
            self.assertTrue(bool(finite), "not finite in bfloat16")

    def check_export(self) -> None:
        """A SavedModel with the layer gives what the layer gives in a graph."""
        layer = self._restarted()
        module = tf.Module()
        # Those of seed generators among them, which TensorFlow does not find in a Keras layer by itself.
        module.kept = [layer, *(variable.value for variable in layer.variables)]
        module.answer = tf.function(lambda inputs: self._apply(layer, inputs), input_signature=[self._signature()])
        with tempfile.TemporaryDirectory() as folder:
            tf.saved_model.save(module, folder, signatures=None)
            again = tf.saved_model.load(folder)
        given = tf.nest.map_structure(tf.convert_to_tensor, self._inputs)
        self._assert_close(again.answer(given), self._in_graph(), "in a SavedModel", 10 * self._tolerance)

    def _in_graph(self, jit_compile: bool | None = None) -> Structure:
        layer = self._restarted()
        signature = None if jit_compile else [self._signature()]
        function = tf.function(
            lambda given: self._apply(layer, given), jit_compile=jit_compile, input_signature=signature
        )
        return function(tf.nest.map_structure(tf.convert_to_tensor, self._inputs))

    def _restarted(self) -> keras.layers.Layer:
        """Returns a layer with its weights made, and the state of what it draws from as at first."""
        layer = self._build()
        before = [(variable, variable.numpy()) for variable in layer.variables]
        self._apply(layer, self._inputs)
        for variable, value in before:
            variable.assign(value)
        return layer

    def _signature(self) -> Any:
        def specification(value, name="inputs"):
            return tf.TensorSpec((None, *value.shape[1:]), tf.as_dtype(value.dtype), name=name)

        if isinstance(self._inputs, Mapping):
            return {name: specification(np.asarray(value), name) for name, value in self._inputs.items()}
        return specification(np.asarray(self._inputs))

    def _symbols(self) -> Any:
        if isinstance(self._inputs, Mapping):
            return {name: _symbol(value, name) for name, value in self._inputs.items()}
        return _symbol(self._inputs, "inputs")

    def _has_mask(self) -> bool:
        given = self._inputs
        takes = "mask" in inspect.signature(self._class.call).parameters
        return takes and not isinstance(given, Mapping) and np.ndim(given) >= 2 and np.asarray(given).shape[1] >= 2

    def _build(self, **more: Any) -> keras.layers.Layer:
        keras.utils.set_random_seed(0)
        return self._class(**self._arguments, **more)

    def _apply(self, layer: keras.layers.Layer, inputs: Any, **more: Any) -> Structure:
        arguments = {**self._call, **more}
        return layer(**inputs, **arguments) if isinstance(inputs, Mapping) else layer(inputs, **arguments)

    def _assert_close(self, first: Structure, second: Structure, what: str, tolerance: float = 0.0) -> None:
        for a, b in zip(tf.nest.flatten(first), tf.nest.flatten(second), strict=True):
            if self._compared:
                tolerance = tolerance or self._tolerance
                np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=0, atol=tolerance, err_msg=what)


def _symbol(value: np.ndarray, name: str) -> keras.KerasTensor:
    return keras.Input(batch_shape=(None, *np.shape(value)[1:]), dtype=value.dtype, name=name)


def _shapes(structure: Any) -> list:
    if isinstance(structure, Mapping):
        return [shape for name in sorted(structure) for shape in _shapes(structure[name])]
    if isinstance(structure, (tuple, list)) and (not structure or not isinstance(structure[0], (int, type(None)))):
        return [shape for part in structure for shape in _shapes(part)]
    return [structure]
