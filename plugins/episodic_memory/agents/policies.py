"""Agents with dictionaries as models."""

from typing import TYPE_CHECKING

import keras

from ..layers.neural_dictionary import NeuralDictionary

if TYPE_CHECKING:
    from .episodic_agent import EpisodicAgent


def dictionary_policy(
    agent: "EpisodicAgent",
    kernel: str,
    delta: float = 1e-3,
    head: keras.layers.Layer | None = None,
    head_share: float = 0.0,
) -> keras.Model:
    """Makes one model of an encoder and all that its dictionaries hold; neighbours are found in the graph.

    Args:
        agent: The agent.
        kernel: As `NeuralDictionary` takes it.
        delta: Of that kernel.
        head: From keys `(batch, depth)` to values `(batch, actions)`.
        head_share: How much of a value is the head's.

    Returns:
        A model from observations to values `(batch, actions)`.
    """
    inputs = keras.Input(agent.model.input_shape[1:], dtype=agent.model.inputs[0].dtype, name="observations")
    keys, columns = agent.model(inputs), []
    for action, dictionary in enumerate(agent.dictionaries):
        layer = NeuralDictionary(
            max(len(dictionary), 1), dictionary.depth, agent.neighbors, delta, kernel, name=f"action_{action}"
        )
        layer.load(dictionary.keys, dictionary.values)
        columns.append(layer(keys))
    values = keras.ops.stack(columns, -1)
    if head is not None and head_share:
        values += head_share * (head(keys) - values)
    return keras.Model(inputs, values, name="policy")
