"""The conformance kit for layers."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from absl.testing import absltest

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
        mixed_precision: bool = True,
        xla: bool = True,
        gradients: bool = True,
        batch_independent: bool = True,
        deterministic: bool = True,
        tolerance: float = 1e-5,
    ) -> keras.layers.Layer:
        """Runs every check.

        Args:
            layer_class: The layer's class.
            arguments: What it is built with.
            inputs: What it is called with: one array, or arrays by the name of the argument; `(batch, ...)` each,
                `batch` at least 2.
            output_shape: The expected shape of the output, or nest of shapes; left out, they only have to agree.
            call_arguments: Further arguments of the call, such as `training`.
            mixed_precision: Whether it must work in `mixed_bfloat16`.
            xla: Whether it must compile with XLA.
            gradients: Whether every trainable weight must get a gradient.
            batch_independent: Whether one example's output must not depend on the others.
            deterministic: Whether the same seed and input must give the same output.
            tolerance: Of the comparisons in float32.

        Returns:
            A built layer, for further checks.
        """
        self._call = dict(call_arguments or {})
        self._tolerance = tolerance
        layer = self._build(layer_class, arguments)
        outputs = self._apply(layer, inputs)
        shapes = tf.nest.map_structure(lambda output: tuple(output.shape), outputs)
        if output_shape is not None:
            self.assertEqual(shapes, output_shape, "output shape")
        self.check_config(layer, arguments)
        self.check_symbolic(layer_class, arguments, inputs, outputs)
        if deterministic:
            self._assert_close(self._apply(self._build(layer_class, arguments), inputs), outputs, "same seed")
            self.check_round_trip(layer_class, arguments, inputs)
        if gradients:
            self.check_gradients(layer, inputs)
        if batch_independent and deterministic:
            self.check_batch_independence(layer_class, arguments, inputs, outputs)
        if xla:
            self.check_xla(layer_class, arguments, inputs, outputs, deterministic)
        if mixed_precision:
            self.check_mixed_precision(layer_class, arguments, inputs)
        return layer

    def check_config(self, layer: keras.layers.Layer, arguments: Mapping[str, Any]) -> None:
        """The config holds every argument, and gives an equal layer."""
        config = layer.get_config()
        for name in arguments:
            self.assertIn(name, config, f"get_config() lacks the argument {name!r}")
        again = type(layer).from_config(config)
        self.assertEqual(again.get_config(), config, "from_config(get_config()) has another config")

    def check_symbolic(self, layer_class: type, arguments: Mapping[str, Any], inputs: Any, outputs: Structure) -> None:
        """A functional model with a free batch size gives the shapes and values of the eager call."""
        if isinstance(inputs, Mapping):
            symbols: Any = {name: _symbol(value, name) for name, value in inputs.items()}
        else:
            symbols = _symbol(inputs, "inputs")
        layer = self._build(layer_class, arguments)
        symbolic = self._apply(layer, symbols)
        for made, output in zip(tf.nest.flatten(symbolic), tf.nest.flatten(outputs), strict=True):
            self.assertLen(made.shape, len(output.shape), "symbolic and eager rank")
            for expected, size in zip(made.shape[1:], tuple(output.shape)[1:], strict=True):
                if expected is not None:
                    self.assertEqual(expected, size, "symbolic and eager shape")
            self.assertEqual(keras.backend.standardize_dtype(made.dtype), keras.backend.standardize_dtype(output.dtype))
        if not isinstance(inputs, Mapping):
            computed = layer.compute_output_shape(inputs.shape)
            self.assertEqual(
                [tuple(shape) for shape in _shapes(computed)],
                [tuple(output.shape) for output in tf.nest.flatten(outputs)],
                "compute_output_shape()",
            )

    def check_round_trip(self, layer_class: type, arguments: Mapping[str, Any], inputs: Any) -> None:
        """A model with the layer gives the same after `.keras` saving and loading."""
        single = not isinstance(inputs, Mapping)
        symbols = (
            _symbol(inputs, "inputs") if single else {name: _symbol(value, name) for name, value in inputs.items()}
        )
        model = keras.Model(symbols, self._apply(self._build(layer_class, arguments), symbols))
        with tempfile.TemporaryDirectory() as folder:
            file = str(Path(folder, "model.keras"))
            model.save(file)
            again = keras.models.load_model(file, custom_objects={layer_class.__name__: layer_class})
        for first, second in zip(model.weights, again.weights, strict=True):
            np.testing.assert_array_equal(first.numpy(), second.numpy())
        self._assert_close(again(inputs), model(inputs), "after saving and loading")

    def check_gradients(self, layer: keras.layers.Layer, inputs: Any) -> None:
        """Every trainable weight gets a gradient, and all are finite."""
        with tf.GradientTape() as tape:
            outputs = [
                tf.cast(output, tf.float32)
                for output in tf.nest.flatten(self._apply(layer, inputs))
                if tf.as_dtype(output.dtype).is_floating
            ]
            # Squares of shifted outputs: sums of normalised outputs alone would have no gradient.
            loss = tf.add_n([tf.reduce_sum(tf.square(output + 0.1)) for output in outputs])
        gradients = tape.gradient(loss, [variable.value for variable in layer.trainable_variables])
        for variable, gradient in zip(layer.trainable_variables, gradients, strict=True):
            self.assertIsNotNone(gradient, f"{variable.path} gets no gradient")
            self.assertTrue(bool(tf.reduce_all(tf.math.is_finite(gradient))), f"{variable.path}: gradient not finite")

    def check_batch_independence(
        self, layer_class: type, arguments: Mapping[str, Any], inputs: Any, outputs: Structure
    ) -> None:
        """The first example alone gives what it gives in the batch."""
        first = {name: value[:1] for name, value in inputs.items()} if isinstance(inputs, Mapping) else inputs[:1]
        alone = self._apply(self._build(layer_class, arguments), first)
        self._assert_close(alone, tf.nest.map_structure(lambda output: output[:1], outputs), "the first example alone")

    def check_xla(
        self,
        layer_class: type,
        arguments: Mapping[str, Any],
        inputs: Any,
        outputs: Structure,
        deterministic: bool = True,
    ) -> None:
        """Compiled with XLA the layer gives what it gives eagerly."""
        layer = self._build(layer_class, arguments)
        seeds = [(variable, variable.numpy()) for variable in layer.variables]
        self._apply(layer, inputs)  # makes the weights, and moves on what it draws from
        for variable, value in seeds:
            variable.assign(value)
        compiled = tf.function(lambda given: self._apply(layer, given), jit_compile=True)(inputs)
        tf.nest.map_structure(
            lambda a, b: self.assertEqual(tuple(a.shape), tuple(b.shape), "shape under XLA"), compiled, outputs
        )
        if deterministic:
            self._assert_close(compiled, outputs, "under XLA", 10 * self._tolerance)

    def check_mixed_precision(self, layer_class: type, arguments: Mapping[str, Any], inputs: Any) -> None:
        """In mixed_bfloat16 weights stay float32, outputs are finite and some are bfloat16."""
        layer = self._build(layer_class, {**arguments, "dtype": "mixed_bfloat16"})
        outputs = tf.nest.flatten(self._apply(layer, inputs))
        for variable in layer.trainable_variables:
            self.assertEqual(keras.backend.standardize_dtype(variable.dtype), "float32", variable.path)
        floating = [output for output in outputs if tf.as_dtype(output.dtype).is_floating]
        self.assertIn("bfloat16", [keras.backend.standardize_dtype(output.dtype) for output in floating])
        for output in floating:
            self.assertTrue(
                bool(tf.reduce_all(tf.math.is_finite(tf.cast(output, tf.float32)))), "not finite in bfloat16"
            )

    def _build(self, layer_class: type, arguments: Mapping[str, Any]) -> keras.layers.Layer:
        keras.utils.set_random_seed(0)
        return layer_class(**arguments)

    def _apply(self, layer: keras.layers.Layer, inputs: Any) -> Structure:
        return layer(**inputs, **self._call) if isinstance(inputs, Mapping) else layer(inputs, **self._call)

    def _assert_close(self, first: Structure, second: Structure, what: str, tolerance: float = 0.0) -> None:
        for a, b in zip(tf.nest.flatten(first), tf.nest.flatten(second), strict=True):
            np.testing.assert_allclose(
                np.asarray(a), np.asarray(b), rtol=0, atol=tolerance or self._tolerance, err_msg=what
            )


def _symbol(value: np.ndarray, name: str) -> keras.KerasTensor:
    return keras.Input(batch_shape=(None, *value.shape[1:]), dtype=value.dtype, name=name)


def _shapes(structure: Any) -> list:
    if isinstance(structure, Mapping):
        return [shape for name in sorted(structure) for shape in _shapes(structure[name])]
    if isinstance(structure, (tuple, list)) and (not structure or not isinstance(structure[0], (int, type(None)))):
        return [shape for part in structure for shape in _shapes(part)]
    return [structure]
