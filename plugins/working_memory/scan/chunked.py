"""Recomputation: a scan in pieces of time, of which only the borders are kept."""

from collections.abc import Callable, Sequence

import tensorflow as tf

from .stacked import stacked

Run = Callable[..., tuple[tf.Tensor, list[tf.Tensor]]]


def chunked(
    run: Run,
    inputs: tf.Tensor,
    state: Sequence[tf.Tensor],
    weights: Sequence[tf.Tensor],
    mask: tf.Tensor | None,
    auxiliary: Sequence[tf.Tensor],
    *,
    chunk: int,
    reverse: bool = False,
) -> tuple[tf.Tensor, list[tf.Tensor]]:
    """Runs a long sequence piece by piece and does each piece again for its gradient.

    What is kept between the forward and the backward pass is the input, the output and one state a piece; all that the
    gradient of a piece needs lives as long as that piece is worked on. The price is a second forward pass.

    Args:
        run: `run(inputs, state, weights, mask, auxiliary) -> (outputs, state)` of one piece; the state is float32, and
            the outputs are of shape `(time, batch, units)`.
        inputs: Of shape `(time, batch, depth)`; differentiated.
        state: Tensors of shape `(batch, ...)`; differentiated.
        weights: All that `run` has weights of; differentiated.
        mask: Of shape `(time, batch)` or None.
        auxiliary: Tensors of shape `(time, batch, ...)`; not differentiated.
        chunk: Steps in a piece.
        reverse: Whether `run` goes from the last step to the first.

    Returns:
        The outputs of all steps and the last state.
    """
    time = inputs.shape[0] if inputs.shape[0] is not None else tf.shape(inputs)[0]
    padding = -time % chunk
    if isinstance(padding, tf.Tensor) or padding:
        # Steps that fill up the last piece are masked: the state passes through them.
        mask = tf.ones(tf.shape(inputs)[:2], tf.bool) if mask is None else mask
        inputs, mask = _pad(inputs, padding), _pad(mask, padding)
        auxiliary = [_pad(tensor, padding) for tensor in auxiliary]
    count = (time + padding) // chunk
    masks = None if mask is None else _pieces(mask, chunk)
    noises = [_pieces(tensor, chunk) for tensor in auxiliary]
    size = len(state)

    def at(j):
        return (None if masks is None else masks[j]), [tensor[j] for tensor in noises]

    @tf.custom_gradient
    def whole(inputs, *flat):
        state, weights = list(flat[:size]), list(flat[size:])
        pieces = _pieces(inputs, chunk)

        def forward(i, state, outputs, borders):
            j = count - 1 - i if reverse else i
            borders = [array.write(j, part) for array, part in zip(borders, state, strict=True)]
            output, state = run(pieces[j], state, weights, *at(j))
            return i + 1, list(state), outputs.write(j, output), borders

        borders = [tf.TensorArray(part.dtype, size=count, element_shape=part.shape) for part in state]
        # The output is the first part of the state.
        array = tf.TensorArray(inputs.dtype, size=count, element_shape=pieces.shape[1:3] + state[0].shape[1:])
        loop = (tf.constant(0), state, array, borders)
        _, last, outputs, borders = tf.while_loop(
            lambda i, *_: i < count, forward, loop, maximum_iterations=count, parallel_iterations=1)
        outputs = stacked(outputs, tf.concat([tf.shape(pieces)[1:3], state[0].shape[1:]], 0))
        borders = [stacked(array, tf.shape(part)) for array, part in zip(borders, state, strict=True)]

        def gradient(d_outputs, *d_last):
            d_pieces = _pieces(d_outputs, chunk)

            def backward(i, d_state, d_weights, d_inputs):
                j = i if reverse else count - 1 - i
                piece, before = pieces[j], [array[j] for array in borders]
                with tf.GradientTape(watch_accessed_variables=False) as tape:
                    tape.watch([piece, before, weights])
                    output, new = run(piece, before, weights, *at(j))
                d_piece, d_before, d_weight = tape.gradient(
                    [output, *new], [piece, before, weights], [d_pieces[j], *d_state],
                    unconnected_gradients=tf.UnconnectedGradients.ZERO)
                return i + 1, d_before, [a + b for a, b in zip(d_weights, d_weight, strict=True)], d_inputs.write(
                    j, d_piece)

            loop = (tf.constant(0), list(d_last), [tf.zeros_like(weight) for weight in weights],
                    tf.TensorArray(inputs.dtype, size=count, element_shape=pieces.shape[1:]))
            _, d_state, d_weights, d_inputs = tf.while_loop(
                lambda i, *_: i < count, backward, loop, maximum_iterations=count, parallel_iterations=1)
            return [_joined(stacked(d_inputs, tf.shape(pieces)[1:])), *d_state, *d_weights]

        return (_joined(outputs), *last), gradient

    outputs, *last = whole(inputs, *state, *weights)
    return outputs[:time], last


def _pad(tensor, padding):
    return tf.pad(tensor, [[0, padding]] + [[0, 0]] * (tensor.shape.rank - 1))


def _pieces(tensor, chunk):
    return tf.reshape(tensor, tf.concat([[-1, chunk], tf.shape(tensor)[1:]], 0)) if None in tensor.shape[1:] else (
        tf.reshape(tensor, [-1, chunk, *tensor.shape[1:]]))


def _joined(pieces):
    return tf.reshape(pieces, tf.concat([[-1], tf.shape(pieces)[2:]], 0))
