"""The linear recurrence `h[t] = a[t] h[t-1] + b[t]`, in parallel over time."""

from collections.abc import Callable

import tensorflow as tf

from .stacked import stacked

Gates = Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]


class LinearScan:
    """Runs gates that do not see the state, and the linear recurrence that they steer.

    Two steps, `(a, b)` then `(c, d)`, make one, `(c a, c b + d)`, and this composition is associative (Blelloch
    1990): time is cut into blocks, all blocks are scanned side by side, then their ends, and each block gets what came
    before it. For `T` steps that is a loop of about `sqrt(T)` iterations and twice the arithmetic. Compiled by XLA on a
    processor, whose cores are busy anyway, one fused loop over time reads everything once and is the faster one.

    The gradient is the same recurrence backwards; the gates are computed again from their inputs, and only these
    and the states are kept.

    Args:
        gates: Elementwise function from `z`, `(..., gates * units)`, float32, to `a` and `b`, `(..., units)`.

    Example:
        >>> scan = LinearScan(lambda z: tf.split(z, 2, -1))
        >>> outputs, last = scan(z, h)   # z: (time, batch, 2 * units), h: (batch, units)
    """

    def __init__(self, gates: Gates):
        self._gates = gates
        self._forward = {jit: tf.function(self._run_forward, jit_compile=jit or None, autograph=False)
                         for jit in (False, True)}
        self._backward = {jit: tf.function(self._run_backward, jit_compile=jit or None, autograph=False)
                          for jit in (False, True)}

    def __call__(self, z: tf.Tensor, state: tf.Tensor, *, mask: tf.Tensor | None = None, reverse: bool = False,
                 jit: bool = False) -> tuple[tf.Tensor, tf.Tensor]:
        """Runs all steps.

        Args:
            z: Inputs of the gates, `(time, batch, gates * units)`.
            state: `h` before the first step, `(batch, units)`, float32.
            mask: Of shape `(time, batch)`, bool; where it is false, the state stays as it is.
            reverse: Go from the last step to the first. Outputs stand at the place of their input.
            jit: Compile with XLA.

        Returns:
            The state after each step, `(time, batch, units)` in the dtype of `z`, and after the last one, float32.
        """

        @tf.custom_gradient
        def run(z, state):
            outputs, last = self._forward[jit](z, state, mask, reverse=reverse, jit=jit)

            def gradient(d_outputs, d_last):
                return self._backward[jit](z, state, outputs, d_outputs, d_last, mask, reverse=reverse, jit=jit)

            return (outputs, last), gradient

        return run(z, state)

    def _steps(self, z, mask):
        a, b = self._gates(tf.cast(z, tf.float32))
        if mask is None:
            return a, b
        mask = mask[..., None]
        return tf.where(mask, a, 1.0), tf.where(mask, b, 0.0)

    def _run_forward(self, z, state, mask, *, reverse, jit):
        a, b = self._steps(z, mask)
        outputs, last = (one_by_one if jit else blocked)(a, b, state, reverse=reverse)
        return tf.cast(outputs, z.dtype), last

    def _run_backward(self, z, state, outputs, d_outputs, d_last, mask, *, reverse, jit):
        # g[t] = d[t] + a[t+1] g[t+1]; then db = g, da = g h[t-1], and dz through the gates.
        before = _shifted(tf.cast(outputs, tf.float32), state, reverse)
        d_outputs = tf.cast(d_outputs, tf.float32)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(z)
            a, b = self._steps(z, mask)
        after = _shifted(a, tf.ones_like(state), not reverse)
        g, _ = (one_by_one if jit else blocked)(after, d_outputs, d_last, reverse=not reverse)
        # Of no steps the gradient passes as it is.
        d_state = (tf.concat([d_last[None], a[-1:] * g[-1:]], 0)[-1] if reverse
                   else tf.concat([a[:1] * g[:1], d_last[None]], 0)[0])
        return tape.gradient([a, b], z, [g * before, g]), d_state


def blocked(a: tf.Tensor, b: tf.Tensor, state: tf.Tensor, *, reverse: bool = False) -> tuple[tf.Tensor, tf.Tensor]:
    """Scans `h = a h + b` along the first axis, in blocks side by side.

    Args:
        a: Factors, `(time, batch, units)`.
        b: Summands, of the same shape.
        state: `h` before the first step, `(batch, units)`.
        reverse: Go from the last step to the first.

    Returns:
        `h` after each step, and after the last one.
    """
    if reverse:
        outputs, last = blocked(tf.reverse(a, [0]), tf.reverse(b, [0]), state)
        return tf.reverse(outputs, [0]), last
    time = tf.shape(a)[0]
    size = tf.maximum(1, tf.cast(tf.math.ceil(tf.sqrt(tf.cast(time, tf.float32))), tf.int32))
    padding = -time % size
    # Steps that fill up the last block do nothing: a = 1, b = 0.
    a = tf.pad(a, [[0, padding], [0, 0], [0, 0]], constant_values=1.0)
    b = tf.pad(b, [[0, padding], [0, 0], [0, 0]])
    shape = tf.concat([[-1, size], tf.shape(a)[1:]], 0)
    a, b = (tf.transpose(tf.reshape(tensor, shape), [1, 0, 2, 3]) for tensor in (a, b))
    ends = tf.shape(a)[1]

    def body(i, factor, total, factors, totals):
        factor, total = factor * a[i], total * a[i] + b[i]
        return i + 1, factor, total, factors.write(i, factor), totals.write(i, total)

    arrays = [tf.TensorArray(tf.float32, size=size) for _ in range(2)]
    one = tf.ones_like(state)[None] * tf.ones((ends, 1, 1))
    _, factor, total, factors, totals = tf.while_loop(
        lambda i, *_: i < size, body, (tf.constant(0), one, tf.zeros_like(one), *arrays),
        shape_invariants=(tf.TensorShape([]), tf.TensorShape([None, None, None]), tf.TensorShape([None, None, None]),
                          tf.TensorShape(None), tf.TensorShape(None)))
    borders, last = one_by_one(factor, total, state)
    borders = _shifted(borders, state, False)
    outputs = totals.stack() + factors.stack() * borders
    outputs = tf.reshape(tf.transpose(outputs, [1, 0, 2, 3]), tf.concat([[-1], tf.shape(state)], 0))
    return outputs[:time], last


def one_by_one(a: tf.Tensor, b: tf.Tensor, state: tf.Tensor, *, reverse: bool = False) -> tuple[tf.Tensor, tf.Tensor]:
    """Does what `blocked` does, step after step."""
    time = _length(a)

    def body(i, h, array):
        t = time - 1 - i if reverse else i
        h = tf.ensure_shape(a[t] * h + b[t], state.shape)
        return i + 1, h, array.write(t, h)

    array = tf.TensorArray(tf.float32, size=time, element_shape=state.shape)
    _, last, array = tf.while_loop(lambda i, *_: i < time, body, (tf.constant(0), state, array),
                                   maximum_iterations=time)
    return stacked(array, tf.shape(state)), last


def _shifted(tensor, first, reverse):
    """Moves all one step on and puts `first` where the scan begins."""
    if reverse:
        return tf.concat([tensor, first[None]], 0)[1:]
    return tf.concat([first[None], tensor], 0)[:-1]


def _length(tensor):
    return tensor.shape[0] if tensor.shape[0] is not None else tf.shape(tensor)[0]
