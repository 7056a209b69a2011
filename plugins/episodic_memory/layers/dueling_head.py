"""Values of actions that share the value of the situation."""

from keras import layers, ops


class DuelingHead(layers.Layer):
    """A linear layer that says what a situation is worth, and by how much an action is better or worse than the rest.

    The value of action a is `v + advantage_a - mean(advantages)`: an error of any action moves the values of all.

    Args:
        actions: Number of actions.
        **kwargs: Those of `Layer`.

    Inputs are `(batch, depth)`, outputs `(batch, actions)`.

    Source: Wang et al., 2016, arXiv:1511.06581, equation 9, with linear streams.

    Example:
        >>> DuelingHead(4)(ops.zeros((32, 64))).shape
        (32, 4)
    """

    def __init__(self, actions: int, **kwargs):
        super().__init__(**kwargs)
        self.actions = actions
        self.value = layers.Dense(1, dtype=self.dtype_policy, name="value")
        self.advantages = layers.Dense(actions, dtype=self.dtype_policy, name="advantages")

    def build(self, input_shape):
        self.value.build(input_shape)
        self.advantages.build(input_shape)

    def call(self, inputs):
        advantages = self.advantages(inputs)
        return self.value(inputs) + advantages - ops.mean(advantages, -1, keepdims=True)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.actions)

    def linear(self):
        """Returns kernel `(depth, actions)` and bias `(actions,)` of the dense layer that answers alike."""
        pairs = zip(self.value.get_weights(), self.advantages.get_weights(), strict=True)
        return [value + advantages - advantages.mean(-1, keepdims=True) for value, advantages in pairs]

    def get_config(self):
        return {**super().get_config(), "actions": self.actions}
