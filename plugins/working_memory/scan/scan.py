"""The scan core: one loop over time for every recurrent layer, with a gradient written by hand."""

from collections.abc import Callable, Sequence

import tensorflow as tf

from .stacked import stacked

Linear = Callable[[int, tf.Tensor], tf.Tensor]
Step = Callable[[Linear, list[tf.Tensor], list[tf.Tensor], list[tf.Tensor], list[tf.Tensor]], list[tf.Tensor]]


class Scan:
    """Runs a recurrent step over time; weight gradients are one product each, after the loop.

    A step is ordinary code, `step(linear, inputs, state, constants, auxiliary) -> state`, where
    `linear(k, x)` stands for `x @ weights[k]`. All that does not depend on the state (the product of
    the input, of all steps at once) is done by the caller beforehand. The first tensor of the state is
    the output of the layer. Forward, the loop keeps the states and the results
    of `linear`. Backward, each step is differentiated between these saved results, so that no
    product is done twice, and the cotangents of the products are kept, so that the
    gradient of `weights[k]` is one matrix product over all steps and examples instead of one for
    each step. Nothing is kept twice: what is before a step is what is after the last one, and where the
    product is only added to the input (`added`), the sum has the cotangent of both.

    The state is carried in float32 whatever the precision of the inputs, which is also the one
    that saved tensors have. Second derivatives are not defined.

    Args:
        step: The step, without variables of its own: tensors come as `weights` and `constants`.
        added: `linear(0, x)` stands for `inputs[0] + x @ weights[0]`, and the step makes no other use of `inputs[0]`.

    Example:
        >>> scan = Scan(lambda linear, x, state, constants, aux: [tf.tanh(linear(0, state[0]))], added=True)
        >>> outputs, last = scan([z], [h], [kernel])   # z: (time, batch, units)
    """

    def __init__(self, step: Step, added: bool = False):
        self._step = step
        self._added = added
        self._fed: dict[int, int | None] = {}  # the part of the state that a product is of, once the step is traced
        self._forward = {jit: tf.function(self._run_forward, jit_compile=jit or None, autograph=False,
                                          reduce_retracing=False) for jit in (False, True)}
        self._backward = {jit: tf.function(self._run_backward, jit_compile=jit or None, autograph=False,
                                           reduce_retracing=False) for jit in (False, True)}

    def __call__(
        self,
        inputs: Sequence[tf.Tensor],
        state: Sequence[tf.Tensor],
        weights: Sequence[tf.Tensor],
        constants: Sequence[tf.Tensor] = (),
        *,
        auxiliary: Sequence[tf.Tensor] = (),
        mask: tf.Tensor | None = None,
        reverse: bool = False,
        jit: bool = False,
        product_dtype: str = "",
    ) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """Runs all steps.

        Args:
            inputs: Tensors of shape `(time, batch, ...)`, one slice for each step; differentiated.
            state: Float32 tensors of shape `(batch, ...)` before the first step; differentiated.
            weights: Matrices for `linear`; products are done in their dtype; differentiated.
            constants: Tensors that every step sees; differentiated.
            auxiliary: Further tensors of shape `(time, batch, ...)`; not differentiated.
            mask: Of shape `(time, batch)`, bool; where it is false, the state stays as it is.
            reverse: Go from the last step to the first. Outputs stand at the place of their input.
            jit: Compile both loops with XLA.
            product_dtype: Of the products that give the gradients of the weights; that of `inputs[0]` if left out.

        Returns:
            The outputs of all steps, `(time, batch, units)` in the dtype of `inputs[0]`, and the state
            after the last step.
        """
        groups = [list(inputs), list(state), list(weights), list(constants)]
        sizes = [len(group) for group in groups]
        flags = dict(reverse=reverse)

        @tf.custom_gradient
        def run(*flat: tf.Tensor):
            inputs, state, weights, constants = _split(flat, sizes)
            states, last, products = self._forward[jit](
                inputs, state, weights, constants, list(auxiliary), mask, **flags)
            # Two views of one tensor.
            earlier = [part[:-1] for part in states]
            later = [part[1:] for part in states]
            before, after = (later, earlier) if reverse else (earlier, later)

            def gradient(*cotangents: tf.Tensor):
                d_inputs, d_state, d_constants, computed, d_products = self._backward[jit](
                    inputs[self._added:], before, products, weights, constants, list(auxiliary), mask,
                    list(cotangents), **flags)
                if self._added:
                    d_inputs = [d_products[0], *d_inputs]
                rest = iter(computed)
                places = [self._fed[k] for k in range(len(weights))]
                sources = [next(rest) if place is None else before[place] for place in places]
                d_weights = [_weight_gradient(source, d_product, weight.dtype, product_dtype)
                             for source, d_product, weight in zip(sources, d_products, weights, strict=True)]
                return [*d_inputs, *d_state, *d_weights, *d_constants]

            return (after[0], *last), gradient

        outputs, *last = run(*(tensor for group in groups for tensor in group))
        return outputs, last

    def _run_forward(self, inputs, state, weights, constants, auxiliary, mask, *, reverse):
        time = _length(inputs[0])
        keep = inputs[0].dtype

        def body(i, state, states, kept):
            t = time - 1 - i if reverse else i
            at = [tf.cast(tensor[t], tf.float32) for tensor in inputs]
            products: list = [None] * len(weights)

            def linear(k, x):
                # A part of the state is kept anyway.
                self._fed[k] = next((n for n, part in enumerate(state) if part is x), None)
                product = tf.cast(tf.matmul(tf.cast(x, weights[k].dtype), weights[k]), tf.float32)
                # What the backward loop reads is what the forward loop used, rounding included.
                products[k] = tf.cast(at[0] + product if self._added and k == 0 else product, keep)
                return tf.cast(products[k], tf.float32)

            new = self._masked_step(linear, t, at, state, constants, auxiliary, mask)
            return (i + 1, new,
                    [array.write(t if reverse else t + 1, tf.cast(part, keep))
                     for array, part in zip(states, new, strict=True)],
                    [array.write(t, product) for array, product in zip(kept, products, strict=True)])

        states = [_array(time + 1, keep, part.shape).write(time if reverse else 0, tf.cast(part, keep))
                  for part in state]
        kept = [_array(time, keep, state[0].shape[:1] + weight.shape[1:]) for weight in weights]
        loop = (tf.constant(0), list(state), states, kept)
        _, last, states, kept = tf.while_loop(
            lambda i, *_: i < time, body, loop, shape_invariants=_invariants(loop), maximum_iterations=time)
        batch = tf.shape(state[0])[:1]
        return ([array.stack() for array in states], last,
                [stacked(array, tf.concat([batch, weight.shape[1:]], 0))
                 for array, weight in zip(kept, weights, strict=True)])

    def _run_backward(self, inputs, before, products, weights, constants, auxiliary, mask, cotangents, *, reverse):
        time = _length(products[0])
        keep = products[0].dtype
        d_outputs, *d_last = cotangents
        transposed = [tf.transpose(weight) for weight in weights]
        batch = before[0].shape[1:2]
        computed = [k for k in range(len(weights)) if self._fed[k] is None]

        def body(i, d_state, d_constants, d_inputs, sources, d_products):
            t = i if reverse else time - 1 - i
            source: list = [None] * len(weights)
            d_product: list = [None] * len(weights)

            def linear(k, x):
                source[k] = tf.cast(x, keep)

                @tf.custom_gradient
                def saved(x):
                    def gradient(d):
                        d_product[k] = tf.cast(d, keep)
                        return tf.cast(tf.matmul(tf.cast(d, weights[k].dtype), transposed[k]), x.dtype)
                    return tf.cast(products[k][t], tf.float32), gradient

                return saved(x)

            at = [tf.cast(tensor[t], tf.float32) for tensor in inputs]
            state = [tf.cast(part[t], tf.float32) for part in before]
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch([at, state, constants])
                new = self._masked_step(linear, t, [None, *at] if self._added else at, state, constants, auxiliary,
                                        mask)
            seed = [d_state[0] + tf.cast(d_outputs[t], tf.float32), *d_state[1:]]
            d_at, d_before, d_constant = tape.gradient(
                new, [at, state, list(constants)], seed, unconnected_gradients=tf.UnconnectedGradients.ZERO)
            d_product = [tf.zeros_like(products[k][t]) if d is None else d for k, d in enumerate(d_product)]
            return (i + 1, d_before, [a + b for a, b in zip(d_constants, d_constant, strict=True)],
                    [array.write(t, tf.cast(d, array.dtype)) for array, d in zip(d_inputs, d_at, strict=True)],
                    [array.write(t, source[k]) for array, k in zip(sources, computed, strict=True)],
                    [array.write(t, d) for array, d in zip(d_products, d_product, strict=True)])

        loop = (tf.constant(0), list(d_last), [tf.zeros_like(constant) for constant in constants],
                [_array(time, tensor.dtype, tensor.shape[1:]) for tensor in inputs],
                [_array(time, keep, batch + weights[k].shape[:1]) for k in computed],
                [_array(time, keep, batch + weight.shape[1:]) for weight in weights])
        _, d_state, d_constants, d_inputs, sources, d_products = tf.while_loop(
            lambda i, *_: i < time, body, loop, shape_invariants=_invariants(loop), maximum_iterations=time)
        rows = tf.shape(before[0])[1:2]
        return ([stacked(array, tf.shape(tensor)[1:]) for array, tensor in zip(d_inputs, inputs, strict=True)],
                d_state, d_constants,
                [stacked(array, tf.concat([rows, weights[k].shape[:1]], 0))
                 for array, k in zip(sources, computed, strict=True)],
                [stacked(array, tf.concat([rows, weight.shape[1:]], 0))
                 for array, weight in zip(d_products, weights, strict=True)])

    def _masked_step(self, linear, t, at, state, constants, auxiliary, mask):
        new = self._step(linear, at, state, constants, [tensor[t] for tensor in auxiliary])
        if mask is None:
            return new
        kept = mask[t]
        return [tf.where(tf.reshape(kept, [-1] + [1] * (part.shape.rank - 1)), part, old)
                for part, old in zip(new, state, strict=True)]


def _split(flat, sizes):
    groups, start = [], 0
    for size in sizes:
        groups.append(list(flat[start:start + size]))
        start += size
    return groups


def _length(tensor):
    return tensor.shape[0] if tensor.shape[0] is not None else tf.shape(tensor)[0]


def _array(size, dtype, shape):
    return tf.TensorArray(dtype, size=size, element_shape=shape)


def _invariants(loop):
    return tf.nest.map_structure(
        lambda value: tf.TensorShape(None) if isinstance(value, tf.TensorArray) else value.shape, loop)


def _weight_gradient(source, d_product, dtype, product_dtype):
    """Sums `source^T d_product` over time and batch in one matrix product."""
    source, d_product = (tf.cast(tf.reshape(tensor, [-1, tensor.shape[-1]]), product_dtype or tensor.dtype)
                         for tensor in (source, d_product))
    return tf.cast(tf.matmul(source, d_product, transpose_a=True), dtype)
