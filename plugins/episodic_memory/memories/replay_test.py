"""Tests of the replay memories."""

from pathlib import Path

import numpy as np
from absl.testing import absltest, parameterized
from hypothesis import given, settings
from hypothesis import strategies as st

from ogbrain.errors import UserError
from plugins.episodic_memory.memories import footprint
from plugins.episodic_memory.memories.frames import Frames
from plugins.episodic_memory.memories.prioritized_memory import PrioritizedMemory
from plugins.episodic_memory.memories.replay_memory import ReplayMemory
from plugins.episodic_memory.memories.sum_tree import SumTree

GAMMA = 0.9


class Recording:
    """Environments whose frames are numbers that count up, and all that happened in them."""

    def __init__(self, environments: int, frames: Frames, seed: int = 0, padding: str = "zero"):
        self.rng = np.random.default_rng(seed)
        self.frames, self.padding = frames, padding
        self.count = 0
        self.steps: dict[int, tuple] = {}
        """By the number of its newest frame: stack, action, reward, terminated, truncated."""
        self.stacks = [self.start() for _ in range(environments)]

    def frame(self) -> int:
        self.count += 1
        return self.count

    def start(self) -> list[int]:
        newest = self.frame()
        older = {"zero": 0, "copy": newest, "other": -newest}[self.padding]
        return [older] * (self.frames.count - 1) + [newest]

    def step(self, memory: ReplayMemory, end: float = 0.2, who: np.ndarray | None = None) -> None:
        who = np.arange(len(self.stacks)) if who is None else who
        stacks = [list(self.stacks[number]) for number in who]
        observations = np.stack([self.observation(stack) for stack in stacks])
        actions, rewards = self.rng.integers(4, size=len(who)), self.rng.normal(size=len(who)).astype(np.float32)
        terminated, truncated = self.rng.random(len(who)) < end, self.rng.random(len(who)) < end / 2
        memory.add(observations, actions, rewards, terminated, truncated, who)
        for place, number in enumerate(who):
            over = terminated[place] or truncated[place]
            stack = self.stacks[number] = self.start() if over else [*stacks[place][1:], self.frame()]
            follower = None if over else stack[-1]
            cut = bool(truncated[place] and not terminated[place])
            self.steps[stacks[place][-1]] = (
                stacks[place], actions[place], rewards[place], bool(terminated[place]), cut, follower,
            )  # fmt: skip

    def observation(self, stack: list[int]) -> np.ndarray:
        whole = np.stack([np.full((2, 3), number, np.int32) for number in stack], self.frames.axis)
        return whole if self.frames.count > 1 else whole[..., 0]

    def expected(self, number: int, steps: int) -> tuple[float, float, list[int] | None]:
        """The n-step return, the discount and the stack that follows, one step after the other."""
        total, power = 0.0, 1.0
        for _ in range(steps):
            stack, _, reward, terminated, truncated, follower = self.steps[number]
            if truncated:
                return total, power, stack
            total, power = total + power * reward, power * GAMMA
            if terminated:
                return total, 0.0, None
            number = follower
        stack = self.steps[number][0] if number in self.steps else next(s for s in self.stacks if s[-1] == number)
        return total, power, stack

    def whole(self, number: int, steps: int) -> bool:
        """Whether all is known of a transition."""
        if self.steps[number][4]:
            return False
        for _ in range(steps):
            if number not in self.steps:
                return False
            *_, terminated, truncated, follower = self.steps[number]
            if terminated or truncated:
                return True
            number = follower
        return number in self.steps


def newest(observations: np.ndarray, frames: Frames) -> np.ndarray:
    return frames.split(observations)[-1].reshape(len(observations), -1)[:, 0]


class ReplayMemoryTest(parameterized.TestCase):
    @settings(max_examples=40, deadline=None)
    @given(
        seed=st.integers(0, 10**6), count=st.sampled_from([1, 2, 4]), axis=st.sampled_from([0, 1, -1]),
        steps=st.integers(1, 4), environments=st.integers(1, 3), length=st.integers(5, 60),
        padding=st.sampled_from(["zero", "copy", "other"]), prioritized=st.booleans(),
    )  # fmt: skip
    def test_transitions_as_they_were(self, seed, count, axis, steps, environments, length, padding, prioritized):
        frames = Frames(count, axis)
        recording = Recording(environments, frames, seed, padding)
        memory = (PrioritizedMemory if prioritized else ReplayMemory)(
            environments * 20, environments, recording.observation(recording.stacks[0]).shape, np.int32, frames, steps,
            GAMMA,
        )  # fmt: skip
        for _ in range(length):
            recording.step(memory)
        ready = np.flatnonzero(memory._ready)
        self.assertLen(memory, len(ready))
        if not len(ready):
            return
        np.testing.assert_array_equal(np.unique(memory._draw(400, np.random.default_rng(0))), ready)
        batch = memory.read(ready)
        for place, number in enumerate(newest(batch.observations, frames)):
            stack, action, *_ = recording.steps[number]
            total, discount, follower = recording.expected(number, steps)
            np.testing.assert_array_equal(batch.observations[place], recording.observation(stack))
            self.assertEqual(batch.actions[place], action)
            self.assertAlmostEqual(batch.rewards[place], total, places=5)
            self.assertAlmostEqual(batch.discounts[place], discount, places=6)
            if follower is not None:
                np.testing.assert_array_equal(batch.next_observations[place], recording.observation(follower))

    @parameterized.parameters(1, 3)
    def test_all_whole_transitions_are_there(self, steps):
        recording = Recording(1, Frames(4), seed=5)
        memory = ReplayMemory(10_000, 1, (2, 3, 4), np.int32, Frames(4), steps, GAMMA)
        for _ in range(300):
            recording.step(memory)
        there = set(newest(memory.read(np.flatnonzero(memory._ready)).observations, Frames(4)))
        self.assertEqual(there, {number for number in recording.steps if recording.whole(number, steps)})
        self.assertGreater(len(there), 200)

    def test_sequences_stay_in_their_episode(self):
        frames = Frames(2)
        recording = Recording(3, frames, seed=3)
        memory = ReplayMemory(150, 3, (2, 3, 2), np.int32, frames, 1, GAMMA)
        for _ in range(200):
            recording.step(memory, end=0.1)
        drawn = memory.sample_sequences(100, 8, np.random.default_rng(1))
        self.assertEqual(drawn.observations.shape, (100, 8, 2, 3, 2))
        lengths = drawn.mask.sum(1)
        self.assertGreater((lengths == 8).sum(), 10)
        self.assertGreater((lengths < 8).sum(), 10)
        for place, length in enumerate(lengths):
            number = newest(drawn.observations[place], frames)[0]
            for time in range(length):
                stack, action, reward, terminated, truncated, follower = recording.steps[number]
                np.testing.assert_array_equal(drawn.observations[place, time], recording.observation(stack))
                names = ("actions", "rewards", "terminated", "truncated")
                found = [getattr(drawn, name)[place, time] for name in names]
                self.assertEqual(found, [action, reward, terminated, truncated])
                number = follower
            # Masked only where the episode has ended, or nothing more is known of it.
            self.assertTrue(length == 8 or number is None or number not in recording.steps)
            self.assertFalse(drawn.observations[place, length:].any() or drawn.rewards[place, length:].any())

    def test_some_environments_alone(self):
        recording = Recording(3, Frames(), seed=2)
        memory = ReplayMemory(60, 3, (2, 3), np.int32, Frames(), 2, GAMMA)
        for turn in range(50):
            recording.step(memory, who=np.array([turn % 3, (turn + 1) % 3]) if turn % 2 else np.array([turn % 3]))
        batch = memory.read(np.flatnonzero(memory._ready))
        for place, number in enumerate(newest(batch.observations, Frames())):
            self.assertAlmostEqual(batch.rewards[place], recording.expected(number, 2)[0], places=5)

    @parameterized.product(memory_class=(ReplayMemory, PrioritizedMemory), mapped=(False, True), length=(6, 70))
    def test_resumed_goes_on_alike(self, memory_class, mapped, length):
        folder = Path(self.create_tempdir().full_path) if mapped else None

        def make():
            return memory_class(40, 2, (2, 3, 4), np.int32, Frames(4), 2, GAMMA, folder=folder)

        def go_on(memory):
            recording, batches = Recording(2, Frames(4), seed=6), []
            for _ in range(12):
                recording.step(memory)
                batches.append(memory.sample(8, np.random.default_rng(7)))
            return batches

        memory, recording = make(), Recording(2, Frames(4), seed=4)
        for step in range(length):
            recording.step(memory)
            if step % 3 == 0:
                memory.state()
        memory.update_priorities(memory.sample(5, np.random.default_rng(1)).indices, np.arange(5.0))
        state = {name: np.array(value) for name, value in memory.state().items()}
        self.assertEqual("frames" in state, not mapped)
        unbroken = go_on(memory)
        memory.state()  # a later checkpoint, that was not whole
        go_on(memory)
        again = make()
        again.restore(state)
        for first, second in zip(unbroken, go_on(again), strict=True):
            for name in ("observations", "rewards", "discounts", "next_observations", "weights", "indices"):
                np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
        if folder:
            self.assertLessEqual(len(list(folder.glob("undo-*"))), 3)

    def test_a_folder_of_another_run(self):
        memory = ReplayMemory(40, 2, (3,), np.float32, folder=Path(self.create_tempdir().full_path))
        state = memory.state()
        other = ReplayMemory(40, 2, (3,), np.float32, folder=Path(self.create_tempdir().full_path))
        with self.assertRaisesRegex(ValueError, "not those of this run"):
            other.restore(state)

    def test_bad_steps(self):
        memory = ReplayMemory(40, 2, (3,), np.float32)
        none = [False, False]
        with self.assertRaisesRegex(ValueError, r"shape \(2, 4\): changed; \(2, 3\)"):
            memory.add(np.zeros((2, 4)), [0, 0], [0, 0], none, none)
        with self.assertRaisesRegex(ValueError, "reward nan of environment 1: not finite"):
            memory.add(np.zeros((2, 3)), [0, 0], [0, np.nan], none, none)
        with self.assertRaisesRegex(ValueError, "no whole transition yet"):
            memory.sample(1, np.random.default_rng(0))
        with self.assertRaisesRegex(ValueError, "capacity 4: too small for 2 environments; at least 6"):
            ReplayMemory(4, 2, (3,), np.float32)
        with self.assertRaisesRegex(ValueError, r"shape \(84, 84\) have no 4 frames along axis -1"):
            ReplayMemory(50, 2, (84, 84), np.uint8, Frames(4))


class FootprintTest(absltest.TestCase):
    def test_a_million_atari_transitions(self):
        size = footprint.step_bytes((84, 84), np.dtype(np.uint8)) * 1_000_000
        self.assertLess(size, 7.5e9)
        # The figure is what the arrays take: measured on a small one.
        memory = PrioritizedMemory(4096, 4, (84, 84, 4), np.uint8, Frames(4), steps=3)
        self.assertAlmostEqual(memory.nbytes / 4096 * 1e6 / size, 1, delta=1e-3)

    def test_larger_than_memory(self):
        with self.assertRaisesRegex(UserError, r"capacity 1,000,000,000: takes 7,075\.0 GB, .* free of RAM; at most"):
            ReplayMemory(10**9, 1, (84, 84, 4), np.uint8, Frames(4))
        with self.assertRaisesRegex(UserError, "GB are free in .*; at most .* another disk"):
            ReplayMemory(10**12, 1, (84, 84, 4), np.uint8, Frames(4), folder=Path(self.create_tempdir(), "new"))


class PriorityTest(absltest.TestCase):
    @settings(max_examples=50, deadline=None)
    @given(st.integers(1, 3000), st.integers(0, 10**6))
    def test_tree_beside_a_plain_sum(self, size, seed):
        rng, tree = np.random.default_rng(seed), SumTree(size)
        weights = np.zeros(size)
        for _ in range(3):
            places = rng.choice(size, min(size, 50), replace=False)
            weights[places] = rng.random(len(places)) * (rng.random(len(places)) < 0.7)
            tree.set(places, weights[places])
        np.testing.assert_array_equal(tree.weights, weights)
        self.assertAlmostEqual(tree.total, weights.sum())
        if not weights.any():
            return
        masses = np.append(rng.random(100), [0, 1 - 1e-16]) * tree.total
        found = tree.find(masses)
        self.assertTrue((weights[found] > 0).all())
        ends = np.cumsum(weights)
        self.assertTrue((masses <= ends[found] + 1e-9).all() and (masses >= (ends - weights)[found] - 1e-9).all())

    def test_drawn_in_proportion(self):
        recording = Recording(1, Frames(), seed=1)
        memory = PrioritizedMemory(200, 1, (2, 3), np.int32, alpha=0.5, beta=1.0)
        for _ in range(150):
            recording.step(memory)
        ready = np.flatnonzero(memory._ready)
        errors = np.random.default_rng(0).random(len(ready)) * 4
        memory.update_priorities(ready, errors)
        shares = (np.abs(errors) + 1e-6) ** 0.5
        shares /= shares.sum()
        rng = np.random.default_rng(1)
        batches = [memory.sample(50, rng) for _ in range(400)]
        counts = np.bincount(np.concatenate([batch.indices for batch in batches]), minlength=200)[ready]
        np.testing.assert_allclose(counts / counts.sum(), shares, atol=0.002)
        batch = batches[0]
        expected = 1 / shares[np.searchsorted(ready, batch.indices)]
        np.testing.assert_allclose(batch.weights, expected / expected.max(), rtol=1e-5)

    def test_overwritten_stay_out(self):
        recording = Recording(1, Frames(), seed=1)
        memory = PrioritizedMemory(20, 1, (2, 3), np.int32)
        for _ in range(15):
            recording.step(memory, end=0)
        batch = memory.sample(10, np.random.default_rng(0))
        for _ in range(20):
            recording.step(memory, end=0)
        memory.update_priorities(np.arange(20), np.full(20, 5.0))
        self.assertEqual(np.count_nonzero(memory._tree.weights), len(memory))
        with self.assertRaisesRegex(ValueError, "not all finite"):
            memory.update_priorities(batch.indices, np.full(10, np.nan))


if __name__ == "__main__":
    absltest.main()
