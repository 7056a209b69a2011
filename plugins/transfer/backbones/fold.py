"""Normalisation with statistics that stay, multiplied into the convolutions before it."""

import keras
from keras import layers, ops


class FoldedConvolution(layers.Layer):
    """A convolution and the batch normalisation after it as one convolution, for statistics that are not learned.

    `gamma (w * x - mean) / s + beta` is `(w gamma / s) * x + (beta - gamma mean / s)` with `s = sqrt(variance +
    epsilon)`: the weights are scaled in place of the much larger maps, forward and backward. It has no weights of its
    own, but reads those of the two layers, and gradients reach them.

    Args:
        convolution: `Conv2D` or `DepthwiseConv2D` without an activation.
        normalization: The `BatchNormalization` of what it gives.
        **kwargs: Those of Keras layers.

    Example:
        >>> FoldedConvolution(convolution, normalization)(x)  # as normalization(convolution(x), training=False)
    """

    def __init__(self, convolution: layers.Layer, normalization: layers.BatchNormalization, **kwargs):
        super().__init__(dtype=convolution.dtype_policy, **kwargs)
        self.convolution, self.normalization = convolution, normalization

    def call(self, inputs):
        convolution, normalization = self.convolution, self.normalization
        scale = ops.rsqrt(ops.convert_to_tensor(normalization.moving_variance) + normalization.epsilon)
        if normalization.scale:
            scale *= normalization.gamma
        shift = -normalization.moving_mean * scale
        if normalization.center:
            shift += normalization.beta
        if convolution.use_bias:
            shift += scale * convolution.bias
        depthwise = isinstance(convolution, layers.DepthwiseConv2D)
        # A depthwise kernel is (height, width, depth, multiplier), another's last axis is what comes out.
        kernel = ops.convert_to_tensor(convolution.kernel)
        kernel = kernel * (ops.reshape(scale, kernel.shape[2:]) if depthwise else scale)
        convolve = ops.depthwise_conv if depthwise else ops.conv
        outputs = convolve(
            inputs,
            ops.cast(kernel, self.compute_dtype),
            strides=convolution.strides,
            padding=convolution.padding,
            dilation_rate=convolution.dilation_rate,
        )
        return outputs + ops.cast(shift, self.compute_dtype)

    def compute_output_shape(self, shape):
        return self.convolution.compute_output_shape(shape)


def fold(model: keras.Model) -> keras.Model:
    """Returns a model that shares the weights of another and gives what it gives with `training=False`, faster.

    Args:
        model: A model of one output; what of it cannot be folded stays as it is.

    Example:
        >>> fold(backbone.model)(images)
    """
    pairs = _pairs(model)
    if not pairs or isinstance(model, keras.Sequential):
        return model
    normalizations = set(pairs.values())

    def replace(layer: layers.Layer) -> layers.Layer:
        if layer in pairs:
            return FoldedConvolution(layer, pairs[layer], name=layer.name)
        return layers.Identity(name=layer.name) if layer in normalizations else layer

    def call(layer: layers.Layer, *args, **kwargs):
        # What takes another's place does not take its arguments, such as the mask of normalisation.
        return layer(*args, **kwargs) if layer in kept else layer(*args)

    kept = set(model.layers)
    return keras.models.clone_model(model, clone_function=replace, call_function=call)


def _pairs(model: keras.Model) -> dict[layers.Layer, layers.Layer]:
    """Returns the convolutions that a normalisation follows, and nothing else does, with it."""
    pairs, inside = {}, set(model.layers)
    for layer in model.layers:
        # A model that was cut out of another has nodes beside the other's: the same layer twice.
        after = {node.operation for node in layer._outbound_nodes} & inside
        if len(after) == 1 and _plain(layer) and _over_depth(normalization := after.pop()):
            pairs[layer] = normalization
    return pairs


def _plain(layer: layers.Layer) -> bool:
    """Whether a layer is a convolution without an activation."""
    return (
        type(layer) in (layers.Conv2D, layers.DepthwiseConv2D)
        and layer.activation in (None, keras.activations.linear)
        and layer.data_format == "channels_last"
    )


def _over_depth(layer: layers.Layer) -> bool:
    return isinstance(layer, layers.BatchNormalization) and layer.axis in (-1, 3)
