"""The table of contents of the episodic memory plugin."""

import ogbrain

PLUGIN = ogbrain.Plugin(
    name="episodic_memory",
    api=1,
    summary="Remember what happened: agents with replay memories and episodic dictionaries.",
    layers={"neural_dictionary": ".layers.neural_dictionary:NeuralDictionary"},
    kinds={"neural_dictionary": "memory"},
    experiments={
        "dqn": ".experiments.dqn:DQN",
        "atari": ".experiments.dqn:DQN",
        "cartpole": ".experiments.dqn:DQN",
        "mfec": ".experiments.mfec:MFEC",
        "nec": ".experiments.nec:NEC",
    },
    configs={
        "dqn": ".experiments.dqn_config:DQNConfig",
        "atari": ".experiments.dqn_config:AtariConfig",
        "cartpole": ".experiments.dqn_config:CartPoleConfig",
        "mfec": ".experiments.episodic_config:MFECConfig",
        "nec": ".experiments.episodic_config:NECConfig",
    },
    default_experiment="dqn",
)
