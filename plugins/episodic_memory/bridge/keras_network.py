"""Keras 3 models as networks of TF-Agents."""

from typing import Any

import keras
import tensorflow as tf

from ogbrain.errors import UserError

if issubclass(tf.keras.layers.Layer, keras.layers.Layer):
    raise UserError(
        f"TF-Agents: tf.keras is Keras {keras.__version__}, it needs Keras 2; set TF_USE_LEGACY_KERAS=1 in the "
        "environment before Python starts"
    )

from tf_agents.networks import network


class KerasNetwork(network.Network):
    """A Keras 3 model wherever TF-Agents takes a network.

    TF-Agents is written for Keras 2 and looks for its variables in attributes; here they are those of the model.

    Args:
        model: From observations `(batch, ...)` to what the agent wants of its network, such as values
            `(batch, actions)`.
        input_tensor_spec: TF-Agents' spec of one observation.
        name: The network's name.

    Example:
        >>> network = KerasNetwork(model, environment.observation_spec())
        >>> agent = dqn_agent.DqnAgent(time_step_spec, action_spec, q_network=network, optimizer=optimizer)
    """

    def __init__(self, model: keras.Model, input_tensor_spec: Any = None, name: str = "KerasNetwork"):
        super().__init__(input_tensor_spec=input_tensor_spec, name=name)
        self._model = model

    @property
    def model(self) -> keras.Model:
        """The Keras 3 model."""
        return self._model

    @property
    def variables(self) -> list[tf.Variable]:
        return [variable.value for variable in self._model.variables]

    @property
    def trainable_variables(self) -> list[tf.Variable]:
        return [variable.value for variable in self._model.trainable_variables]

    @property
    def non_trainable_variables(self) -> list[tf.Variable]:
        return [variable.value for variable in self._model.non_trainable_variables]

    weights, trainable_weights, non_trainable_weights = variables, trainable_variables, non_trainable_variables

    def call(self, observation, step_type=None, network_state=(), training=False):
        """Returns what the model makes of observations, and the state as it was."""
        return self._model(observation, training=training), network_state

    def copy(self, **kwargs: Any) -> "KerasNetwork":
        """Returns a network with weights of its own, of the same architecture."""
        arguments = {"input_tensor_spec": self._input_tensor_spec, "name": str(self.name), **kwargs}
        return KerasNetwork(keras.models.clone_model(self._model), **arguments)
