"""Tests of the agents with episodic dictionaries, and of what they are made of."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from absl.testing import absltest
from hypothesis import given, settings
from hypothesis import strategies as st

from plugins.episodic_memory.agents.key_encoders import projection_encoder
from plugins.episodic_memory.agents.model_free_episodic_control import ModelFreeEpisodicControl
from plugins.episodic_memory.agents.neural_episodic_control import NeuralEpisodicControl
from plugins.episodic_memory.agents.return_queue import Completed, ReturnQueue
from plugins.episodic_memory.agents.thumbnails import thumbnails
from plugins.episodic_memory.agents.traced import Traced
from plugins.episodic_memory.agents.variational_encoder import VariationalEncoder
from plugins.episodic_memory.environments.environments import Spec
from plugins.episodic_memory.memories.prioritized_memory import PrioritizedMemory
from plugins.episodic_memory.memories.replay_memory import ReplayMemory

SPEC = Spec((3,), np.dtype(np.float32), ("left", "right"))


def expected_return(rewards, values, at: int, steps: int, discount: float, cut_off: bool) -> float:
    """The return of step `at` of an episode, as it is defined."""
    if cut_off:
        rewards = [*rewards[:-1], values[-1]]
    end = min(len(rewards), at + steps) if steps else len(rewards)
    total = sum(discount ** (i - at) * rewards[i] for i in range(at, end))
    return total + (discount**steps * values[end] if end < len(rewards) else 0.0)


class ReturnQueueTest(absltest.TestCase):
    @settings(max_examples=60, deadline=None)
    @given(st.integers(0, 10**6), st.sampled_from([0, 1, 3]), st.integers(1, 3))
    def test_returns_as_defined(self, seed, steps, environments):
        rng = np.random.default_rng(seed)
        queue = ReturnQueue(environments, 0.8, steps)
        episodes: list[list] = [[] for _ in range(environments)]
        found: dict[int, tuple] = {}
        count = 0
        finished = []
        for turn in range(25):
            if turn == 12:
                again = ReturnQueue(environments, 0.8, steps)
                again.restore({name: np.array(value) for name, value in queue.state().items()})
                queue = again
            numbers = np.arange(count, count + environments)
            count += environments
            rewards, values = rng.normal(size=environments), rng.normal(size=(environments, 2))
            terminated, truncated = rng.random(environments) < 0.15, rng.random(environments) < 0.1
            done = queue.add(
                numbers[:, None], np.zeros((environments, 1)), numbers % 2, rewards, values, terminated, truncated,
                numbers + 7,
            )  # fmt: skip
            for number, episode in enumerate(episodes):
                episode.append((numbers[number], rewards[number], values[number].max()))
                if terminated[number] or truncated[number]:
                    finished.append((episode, not terminated[number]))
                    episodes[number] = []
            if done is not None:
                for place, number in enumerate(done.observations[:, 0]):
                    self.assertEqual(done.actions[place], number % 2)
                    self.assertEqual(done.places[place], number + 7)
                    found[number] = done.returns[place]
        for episode, cut_off in finished:
            numbers, rewards, values = zip(*episode, strict=True)
            for at, number in enumerate(numbers):
                total = expected_return(list(rewards), values, at, steps, 0.8, cut_off)
                self.assertAlmostEqual(found[number], total, places=4)


class Corridor:
    """Places in a row; going right from the last one brings 1, going left from the first one ends with 0."""

    def __init__(self, environments: int, length: int = 6):
        self.length, self.places = length, np.full(environments, 2)

    def observations(self) -> np.ndarray:
        return np.stack([np.sin(self.places), np.cos(self.places), self.places / 3], 1).astype(np.float32)

    def step(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        self.places = self.places + 2 * actions - 1
        rewards = (self.places == self.length).astype(np.float32)
        over = (self.places == self.length) | (self.places < 0)
        self.places = np.where(over, 2, self.places)
        return rewards, over


def run(agent, steps: int, learn: bool) -> float:
    """Plays and returns the mean reward of the last tenth of the steps."""
    corridor, rng, recent = Corridor(4), np.random.default_rng(0), []
    never = np.zeros(4, bool)
    for step in range(steps):
        observations = corridor.observations()
        values = agent.values(observations, training=True)
        random = rng.random(4) < max(0.05, 1 - step / (steps / 2))
        actions = np.where(random, rng.integers(2, size=4), values.argmax(1))
        rewards, over = corridor.step(actions)
        agent.observe(observations, actions, rewards, over, never)
        if learn and agent.ready and step % 4 == 0:
            agent.learn(agent.draw(1, rng))
        recent.append((rewards.sum(), over.sum()))
    rewards, ends = np.sum(recent[-steps // 10 :], 0)
    return float(rewards / ends)


def mfec() -> ModelFreeEpisodicControl:
    return ModelFreeEpisodicControl(projection_encoder(SPEC, 8, 0), 2, 4, 0.9, capacity=50, neighbors=2, xla=False)


def encoder() -> keras.Model:
    return keras.Sequential([keras.Input((3,)), keras.layers.Dense(16, "relu"), keras.layers.Dense(4)])


def nec(
    memory_class: type[ReplayMemory] = ReplayMemory,
    optimizer_class: type[keras.optimizers.Optimizer] = keras.optimizers.Adam,
    **kwargs: Any,
) -> NeuralEpisodicControl:
    keras.utils.set_random_seed(0)
    memory = memory_class(400, 4, (3,), np.float32, steps=3, discount=0.9)
    return NeuralEpisodicControl(
        encoder(), 2, 4, optimizer_class(1e-3), memory, 8, 0.9, steps=3, capacity=200, neighbors=5, xla=False, **kwargs
    )


class AgentsTest(absltest.TestCase):
    def test_learn_to_go_right(self):
        learned: dict[str, Any] = {"head_loss": 1.0, "head_share": 0.5, "dueling": True, "double": True}
        full = nec(PrioritizedMemory, **learned, target=encoder(), target_every=20)
        for agent, learn in ((mfec(), False), (nec(), True), (full, True)):
            with self.subTest(type(agent).__name__):
                self.assertGreater(run(agent, 500, learn), 0.85)

    def test_mfec_remembers_the_best_return(self):
        agent = mfec()
        run(agent, 300, learn=False)
        corridor = Corridor(4)
        for place in range(2, 6):
            corridor.places[:] = place
            right = agent.values(corridor.observations())[0, 1]
            self.assertAlmostEqual(right, 0.9 ** (5 - place), places=5)
        self.assertTrue(np.isinf(mfec().values(corridor.observations(), training=True)).all())
        np.testing.assert_array_equal(mfec().values(corridor.observations()), 0)

    def test_policy_answers_as_the_agent(self):
        heads = [nec(head_loss=1.0, head_share=0.5, dueling=dueling) for dueling in (False, True)]
        for agent in (mfec(), nec(), *heads):
            run(agent, 100, learn=True)
            observations = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
            known = np.concatenate([observations, Corridor(4).observations()])
            np.testing.assert_allclose(agent.policy()(known), agent.values(known), rtol=1e-3, atol=1e-4)

    def test_nec_learns_from_what_it_remembers(self):
        agent = nec(revalue=False)
        run(agent, 200, learn=False)
        rng = np.random.default_rng(1)
        before = agent.model.get_weights()
        for dictionary in agent.dictionaries:
            dictionary.values[:] += 1  # wrong from now on
        keys = [dictionary.keys.copy() for dictionary in agent.dictionaries]
        losses = [agent.learn(agent.draw(5, rng))["loss"] for _ in range(40)]
        self.assertLess(np.mean(losses[-5:]), np.mean(losses[:5]) * 0.7)
        self.assertGreater(max(np.abs(a - b).max() for a, b in zip(before, agent.model.get_weights(), strict=True)), 0)
        self.assertGreater(np.abs(keys[1] - agent.dictionaries[1].keys).max(), 1e-4)

    def test_head_learns_what_is_remembered(self):
        for dueling in (False, True):
            agent = nec(head_loss=1.0, revalue=False, dueling=dueling)
            run(agent, 200, learn=False)
            rng, observations, errors = np.random.default_rng(1), Corridor(4).observations()[:1], []
            remembered = agent.values(observations)
            agent.head_share = 1.0
            for _ in range(2):
                values = agent.values(observations)
                np.testing.assert_allclose(values, agent.head(agent.encode(observations)), rtol=1e-4, atol=1e-6)
                errors.append(np.abs(values - remembered).mean())
                for _ in range(100):
                    agent.learn(agent.draw(5, rng))
            self.assertLess(errors[1], errors[0] / 2)

    def test_nec_leaves_out_what_it_wrote_itself(self):
        """Two situations that were each met once: only the other one can answer, or nothing but itself."""
        for leave_out, expected in ((True, [8.0, 2.0]), (False, [2.0, 8.0])):
            with self.subTest(leave_out=leave_out):
                agent = nec(leave_out=leave_out, revalue=False, key_rate=0.0, value_rate=0.0)
                agent.neighbors = 1
                observations = np.array([[0, 0, 0], [1, 2, 3], [0, 0, 0], [0, 0, 0]], np.float32)
                nothing, never = np.zeros(4, np.int64), np.zeros(4, bool)
                places = agent.memory.add(observations, nothing, nothing, ~never, never)
                agent.write(
                    Completed(
                        np.zeros((2, 0), np.uint8), agent.encode(observations)[:2], nothing[:2],
                        np.zeros((2, 2), np.float32), np.array([2.0, 8.0], np.float32), places[:2],
                    )
                )  # fmt: skip
                slots = np.tile(places[:2], 4)
                step, asked = agent._step, []
                agent._step = lambda *parts, step=step, asked=asked: asked.append(parts[4:6]) or step(*parts)
                batch = agent.memory.read(slots)
                agent.learn((batch, agent._tickets[slots], agent._returns[slots], batch.observations))
                (values, present), = asked
                np.testing.assert_array_equal((values * present).sum(1)[:2], expected)

    def test_keys_keep_up_with_the_encoder(self):
        for refresh in (True, False):
            agent = nec(refresh=refresh, key_rate=0.0)
            run(agent, 60, learn=False)
            agent.model.set_weights([weight * 1.5 for weight in agent.model.get_weights()])
            rng = np.random.default_rng(0)
            for _ in range(30):
                agent.learn(agent.draw(2, rng))
            batch = agent.memory.read(np.flatnonzero(agent.memory._ready))
            off = []
            for action, dictionary in enumerate(agent.dictionaries):
                mine = batch.actions == action
                slots, held = dictionary.held(agent._tickets[batch.indices[mine]])
                off.append(np.abs(dictionary.keys[slots] - agent.encode(batch.observations[mine]))[held].mean())
            self.assertEqual(max(off) < 0.1, refresh, off)

    def test_returns_keep_up_with_what_follows(self):
        """All that was written is forgotten: the rewards alone bring back what the way to the right is worth."""
        for revalue in (True, False):
            agent = nec(revalue=revalue, key_rate=0.0, value_rate=0.0)
            run(agent, 60, learn=False)
            for dictionary in agent.dictionaries:
                dictionary.values[:] = 0
            agent.learn(agent.draw(60, np.random.default_rng(0)))
            agent.learn(agent.draw(60, np.random.default_rng(1)))
            batch = agent.memory.read(np.flatnonzero(agent.memory._ready))
            slots, held = agent.dictionaries[1].held(agent._tickets[batch.indices])
            rewarded = held & (batch.actions == 1) & (batch.rewards > 0)
            self.assertTrue(rewarded.any())
            # One situation may have been followed by several things: not all of it is the best.
            values = agent.dictionaries[1].values[slots[rewarded]]
            np.testing.assert_allclose(values, batch.rewards[rewarded] * revalue, atol=0.1)

    def test_gradients_are_clipped(self):
        for clip_norm in (0.0, 0.01):
            agent = nec(optimizer_class=keras.optimizers.SGD, head_loss=1.0, clip_norm=clip_norm)
            run(agent, 60, learn=False)
            before = [variable.numpy() for variable in agent._trainable()]
            agent.learn(agent.draw(1, np.random.default_rng(0)))
            moved = [variable.numpy() - old for variable, old in zip(agent._trainable(), before, strict=True)]
            norm = np.sqrt(sum(np.square(part).sum() for part in moved)) / 1e-3
            if clip_norm:
                self.assertAlmostEqual(norm, clip_norm, places=4)
            else:
                self.assertGreater(norm, 0.02)

    def test_encoder_learns_from_what_is_augmented_and_searches_with_what_was_seen(self):
        for dark in (False, True):
            agent = nec(augment=lambda seen, rng, factor=1 - dark: seen * np.float32(factor), value_rate=0, key_rate=0)
            run(agent, 60, learn=False)
            first, last = agent.model.layers[0].kernel, agent.model.layers[-1].kernel
            before = [kernel.numpy() for kernel in (first, last)]
            drawn = agent.draw(1, np.random.default_rng(0))
            batch, tickets, *_ = drawn
            seen = agent.encode(batch.observations)
            agent.learn(drawn)
            # Nothing that comes in dark leads back to the first kernel.
            self.assertEqual(np.array_equal(first.numpy(), before[0]), dark)
            self.assertFalse(dark and np.array_equal(agent.encode(batch.observations), seen))
            dictionary = agent.dictionaries[batch.actions[0]]
            slots, _ = dictionary.held(tickets[:1])
            np.testing.assert_allclose(dictionary.keys[slots], seen[:1], rtol=1e-5)

    def test_priorities_are_the_errors(self):
        agent = nec(memory_class=PrioritizedMemory, head_loss=1.0)
        run(agent, 20, learn=False)
        drawn = agent.draw(1, np.random.default_rng(0))
        agent.learn(drawn)
        indices, errors = agent._errors
        run(agent, 1, learn=False)
        np.testing.assert_array_equal(indices, drawn[0].indices)
        last = {index: abs(error) ** agent.memory.alpha for index, error in zip(indices, errors, strict=True)}
        found = agent.memory._tree.weights[list(last)]
        np.testing.assert_allclose(found, list(last.values()), rtol=1e-3, atol=1e-5)

    def test_what_follows_is_worth_the_best_action(self):
        """Best with the older copy or, with `double`, as the agent is now; valued by the older copy and the memory."""
        for double in (True, False):
            agent = nec(head_loss=1.0, head_share=0.3, target=encoder(), target_every=10_000, double=double)
            run(agent, 60, learn=True)
            agent.head.set_weights([-weight for weight in agent.head.get_weights()])  # of another mind than before
            batch, tickets, *_ = agent.draw(20, np.random.default_rng(0))
            queries = agent.encode(batch.next_observations)
            _, _, remembered = agent._search(queries, batch.actions, tickets, queries)
            found = agent._next_values(batch.next_observations, queries, remembered)
            values, rows = agent.look_up(queries), np.arange(len(queries))
            older = values + 0.3 * (agent._older(batch.next_observations).numpy() - agent._head_values(queries))
            chosen, best = values.argmax(1), older.argmax(1)
            self.assertTrue((best != chosen).any(), "a test that sees no difference")
            np.testing.assert_allclose(found, older[rows, chosen if double else best], rtol=1e-4, atol=1e-5)

    def test_what_follows_is_worth_what_the_agent_says_without_an_older_copy(self):
        agent = nec(head_loss=1.0, head_share=0.3)
        run(agent, 60, learn=True)
        batch, tickets, *_ = agent.draw(20, np.random.default_rng(0))
        queries = agent.encode(batch.next_observations)
        _, _, remembered = agent._search(queries, batch.actions, tickets, queries)
        found = agent._next_values(batch.next_observations, queries, remembered)
        np.testing.assert_allclose(found, agent.look_up(queries).max(1), rtol=1e-4, atol=1e-5)

    def test_what_follows_is_worth_what_an_older_head_said(self):
        agent = nec(head_loss=1.0, head_share=1.0, target=encoder(), target_every=40)
        run(agent, 20, learn=False)
        rng, observations = np.random.default_rng(0), Corridor(4).observations()
        older = agent.values(observations)
        for updates in range(0, 80, 20):
            said = agent._next_values(observations, agent.encode(observations), np.zeros_like(older))
            np.testing.assert_allclose(said, older.max(1), rtol=1e-4, atol=1e-5)
            agent.learn(agent.draw(20, rng))
            self.assertGreater(np.abs(agent.values(observations) - older).max(), 1e-3)
            if (updates + 20) % 40 == 0:
                older = agent.values(observations)

    def test_evaluation_changes_nothing(self):
        agent = nec()
        run(agent, 60, learn=False)
        before = {name: np.array(value) for name, value in agent._dictionary_state().items()}
        agent.values(Corridor(9).observations())
        for name, value in agent._dictionary_state().items():
            np.testing.assert_array_equal(value, before[name], name)


class TracedTest(absltest.TestCase):
    def test_traces_once_a_shape(self):
        traced = []

        def scaled(x, y):
            traced.append(x.shape)
            return factor * x + y

        factor = tf.Variable(2.0)
        function = Traced(scaled, xla=True)
        for size in (3, 1, 3, 3):
            np.testing.assert_array_equal(function(tf.ones((size,)), tf.ones(())), np.full(size, 3.0))
        self.assertEqual(traced, [(3,), (1,)])
        factor.assign(5.0)
        np.testing.assert_array_equal(function(tf.ones((1,)), tf.zeros(())), [5.0])


class KeysTest(absltest.TestCase):
    def test_projection_keeps_distances(self):
        spec = Spec((84, 84, 4), np.dtype(np.uint8), ("a",))
        rng = np.random.default_rng(0)
        pictures = rng.integers(256, size=(12, 84, 84, 4), dtype=np.uint8)
        keys = projection_encoder(spec, 512, 0)(pictures).numpy()
        flat = pictures.reshape(12, -1) / 255
        true = np.linalg.norm(flat[:6] - flat[6:], axis=1)
        np.testing.assert_allclose(np.linalg.norm(keys[:6] - keys[6:], axis=1), true, rtol=0.15)

    def test_autoencoder_tells_situations_apart(self):
        spec = Spec((6, 6, 2), np.dtype(bool), ("a",))
        keras.utils.set_random_seed(0)
        pictures = np.zeros((320, 6, 6, 2), bool)
        places = np.random.default_rng(0).integers(36, size=320)
        pictures.reshape(320, 36, 2)[np.arange(320), places] = True
        autoencoder = VariationalEncoder(spec, 4, 0)
        losses = autoencoder.fit(pictures, 8, 32)
        self.assertLess(losses[-1], losses[0] * 0.8)
        self.assertEqual(autoencoder.encoder(pictures[:5]).shape, (5, 4))

    def test_thumbnails(self):
        stack = np.zeros((2, 4, 84, 84), np.uint8)
        stack[:, 3, :42] = 200
        small = thumbnails(stack)
        self.assertEqual((small.shape, small.dtype), ((2, 28, 28), np.dtype(np.uint8)))
        self.assertTrue((small[:, :14] == 200).all() and not small[:, 14:].any())
        channels = np.zeros((1, 10, 10, 4), bool)
        channels[0, 0, 0, :2] = True
        self.assertEqual(thumbnails(channels)[0, 0, 0], 127)


if __name__ == "__main__":
    absltest.main()
