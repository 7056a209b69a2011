"""DQN training in Stable-Baselines3, for `benchmarks/agents.py`: `agents_peer.py cartpole|pong STEPS` prints a rate.

Run by an interpreter of its own, in whose environment Stable-Baselines3, Gymnasium and ale-py are.
"""

import os
import sys
import time

import gymnasium as gym
import torch
from stable_baselines3 import DQN
from stable_baselines3.common.env_util import make_atari_env
from stable_baselines3.common.vec_env import VecFrameStack

# More threads than cores would wait for each other.
torch.set_num_threads(len(os.sched_getaffinity(0)))
task, steps = sys.argv[1], int(sys.argv[2])

if task == "cartpole":
    agent = DQN(
        "MlpPolicy", "CartPole-v1", learning_rate=1e-3, buffer_size=20_000, learning_starts=500, batch_size=64,
        train_freq=1, gradient_steps=1, target_update_interval=100, exploration_fraction=0.1,
        exploration_final_eps=0.1, policy_kwargs={"net_arch": [128, 128]},
    )  # fmt: skip
else:
    import ale_py

    gym.register_envs(ale_py)
    arguments = {"frameskip": 1, "repeat_action_probability": 0.0}
    frames = VecFrameStack(make_atari_env("ALE/Pong-v5", n_envs=1, env_kwargs=arguments), 4)
    agent = DQN(
        "CnnPolicy", frames, buffer_size=50_000, learning_starts=500, batch_size=32, train_freq=4, gradient_steps=1
    )

agent.learn(1_000)  # warm-up: fills the replay and compiles what is compiled
start = time.perf_counter()
agent.learn(steps, reset_num_timesteps=False)
print(steps / (time.perf_counter() - start))
