"""Experience replay, each frame stored once."""

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from .batch import Batch, Sequences
from .footprint import check_fits, step_bytes
from .frame_file import FrameFile
from .frames import WHOLE, Frames

_TERMINATED, _TRUNCATED, _CONTEXT = 1, 2, 4


class ReplayMemory:
    """The last steps of several environments, sampled uniformly as n-step transitions or as sequences.

    Each environment has a ring of rows. A row holds the newest frame of an observation, the action, its reward and how
    the step ended. An episode's first observation also leaves its older frames as rows of context, which are never
    sampled themselves; so stacks come out exactly as they went in, whatever the environment put before its first
    frame. A transition never reaches beyond its episode: it ends where the episode terminated, or with the last
    observation that is known of one that was truncated.

    Args:
        capacity: Steps over all environments.
        environments: Number of environments that step together.
        observation_shape: Shape of one environment's observation.
        observation_dtype: Its type, kept as it is.
        frames: How an observation is made of frames.
        steps: n, the number of rewards in a transition.
        discount: gamma.
        action_shape: Shape of one action; `()` for a number.
        action_dtype: Its type.
        folder: Folder for the frames, mapped into memory from there: for more than fits into RAM. It belongs to one
            run; checkpoints then hold no frames.

    Raises:
        UserError: There is no room for it.
        ValueError: The shapes cannot be.

    Example:
        >>> memory = ReplayMemory(1_000_000, 16, (84, 84, 4), np.uint8, Frames(4), steps=3)
        >>> memory.add(observations, actions, rewards, terminated, truncated)
        >>> memory.sample(32, np.random.default_rng(0)).observations.shape
        (32, 84, 84, 4)

    Source: experience replay as in Mnih et al., 2015, doi:10.1038/nature14236.
    """

    def __init__(
        self,
        capacity: int,
        environments: int,
        observation_shape: tuple[int, ...],
        observation_dtype: np.typing.DTypeLike,
        frames: Frames = WHOLE,
        steps: int = 1,
        discount: float = 0.99,
        action_shape: tuple[int, ...] = (),
        action_dtype: np.typing.DTypeLike = np.int32,
        folder: Path | None = None,
    ):
        self.capacity, self.environments, self.frames = capacity, environments, frames
        self.steps, self.discount = steps, discount
        self.observation_shape, self.observation_dtype = tuple(observation_shape), np.dtype(observation_dtype)
        self.rows = -(-capacity // environments)
        if self.rows < steps + 2 * frames.count:
            least = environments * (steps + 2 * frames.count)
            raise ValueError(f"capacity {capacity}: too small for {environments} environments; at least {least}")
        shape, size = frames.frame_shape(self.observation_shape), self.rows * environments
        action_bytes = math.prod(action_shape) * np.dtype(action_dtype).itemsize
        check_fits(size, step_bytes(shape, self.observation_dtype, action_bytes), folder)
        self._file = FrameFile(folder, (size, *shape), self.observation_dtype) if folder else None
        self._frames = self._file.array if self._file else np.zeros((size, *shape), self.observation_dtype)
        self._actions, self._rewards = np.zeros((size, *action_shape), action_dtype), np.zeros(size, np.float32)
        self._flags, self._ready = np.zeros(size, np.uint8), np.zeros(size, bool)
        self._head = np.zeros(environments, np.int64)
        """The row that each environment writes next."""
        self._filled = np.zeros(environments, np.int64)
        """Rows of each environment that hold something."""
        self._run = np.zeros(environments, np.int64)
        """Steps of each environment's present episode that are known."""
        self._powers = (discount ** np.arange(steps + 1)).astype(np.float32)

    def __len__(self) -> int:
        """Number of transitions that can be sampled."""
        return int(self._ready.sum())

    @property
    def places(self) -> int:
        """Number of places, over all environments."""
        return self.rows * self.environments

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays."""
        arrays = (self._frames, self._actions, self._rewards, self._flags, self._ready)
        return sum(array.nbytes for array in arrays)

    def add(
        self,
        observations: np.ndarray,
        actions: np.ndarray,
        rewards: np.ndarray,
        terminated: np.ndarray,
        truncated: np.ndarray,
        environments: np.ndarray | None = None,
    ) -> np.ndarray:
        """Adds one step of each environment.

        Args:
            observations: `(environments, ...)`, in which the actions were taken.
            actions: `(environments, ...)`.
            rewards: `(environments,)`, what they brought.
            terminated: bool `(environments,)`: whether the episode ended with this step.
            truncated: bool `(environments,)`: whether it was cut off after this step.
            environments: int `(n,)`, which environments these are, each at most once; left out, all of them.

        Returns:
            The places of the steps, int64 `(environments,)`, the `indices` of a batch.

        Raises:
            ValueError: An observation has another shape, or a reward is not finite.
        """
        who = np.arange(self.environments) if environments is None else np.asarray(environments)
        observations, rewards = np.asarray(observations), np.asarray(rewards, np.float32)
        if observations.shape != (len(who), *self.observation_shape):
            expected = (len(who), *self.observation_shape)
            raise ValueError(f"observations of shape {observations.shape}: changed; {expected} is what it began with")
        if not np.isfinite(rewards).all():
            bad = int(np.flatnonzero(~np.isfinite(rewards))[0])
            raise ValueError(f"reward {rewards[bad]} of environment {who[bad]}: not finite")
        terminated = np.asarray(terminated, bool)
        truncated = np.asarray(truncated, bool) & ~terminated
        frames = self.frames.split(observations)
        first = self._run[who] == 0
        if self.frames.count > 1 and first.any():
            for older in frames[:-1]:
                self._write(who[first], older[first], _CONTEXT)
        slots = self._write(who, frames[-1], terminated * _TERMINATED + truncated * _TRUNCATED)
        self._actions[slots], self._rewards[slots] = actions, rewards
        self._run[who] += 1
        self._make_ready(who, terminated, truncated)
        self._run[who[terminated | truncated]] = 0
        return slots

    def sample(self, batch_size: int, rng: np.random.Generator) -> Batch:
        """Draws transitions, with replacement.

        Args:
            batch_size: How many.
            rng: What they are drawn with; the same state draws the same.

        Raises:
            ValueError: The memory holds no whole transition yet.
        """
        return self.read(self._draw(batch_size, rng))

    def read(self, slots: np.ndarray) -> Batch:
        """Returns the transitions at places, int64 `(batch,)`, that can be sampled."""
        steps = self._after(slots, np.arange(self.steps))
        flags = self._flags[steps]
        ended = flags > 0
        known = np.cumsum(ended, 1) - ended == 0
        # Of a truncated episode the observation after its last step is not known: its last step is left out.
        counted = known & (flags != _TRUNCATED)
        lengths = counted.sum(1)
        rewards = (self._rewards[steps] * counted) @ self._powers[:-1]
        over = (known & (flags == _TERMINATED)).any(1)
        return Batch(
            self._observations(slots),
            self._actions[slots],
            rewards,
            np.where(over, np.float32(0), self._powers[lengths]),
            self._observations(self._after(slots, (lengths - over)[:, None])[:, 0]),
            np.ones(len(slots), np.float32),
            slots,
        )

    def sample_sequences(self, batch_size: int, length: int, rng: np.random.Generator) -> Sequences:
        """Draws runs of consecutive steps, for networks with a memory of their own.

        Args:
            batch_size: How many.
            length: Steps of each; one that reaches its episode's end is masked from there on.
            rng: What they are drawn with.
        """
        slots = self._draw(batch_size, rng)
        age = (self._head[slots // self.rows] - 1 - slots) % self.rows
        steps = self._after(slots, np.arange(length))
        flags = self._flags[steps]
        ended = flags > 0
        mask = (np.cumsum(ended, 1) - ended == 0) & (np.arange(length) <= age[:, None])
        observations = self._observations(steps.reshape(-1)).reshape(batch_size, length, *self.observation_shape)
        return Sequences(
            _masked(observations, mask),
            _masked(self._actions[steps], mask),
            self._rewards[steps] * mask,
            (flags == _TERMINATED) & mask,
            (flags == _TRUNCATED) & mask,
            mask,
            slots,
        )

    def update_priorities(self, indices: np.ndarray, errors: np.ndarray) -> None:
        """Does nothing: all transitions are alike here."""

    def state(self) -> dict[str, np.ndarray]:
        """Returns all that a resumed run needs, only the rows that are filled; views where possible.

        Frames in a folder stay there: it can be set back to this moment as long as two more have not come.
        """
        filled = int(self._filled.max())
        by_row = {name: self._by_row(array)[:, :filled] for name, array in self._arrays().items()}
        own = {**by_row, "head": self._head, "filled": self._filled, "run": self._run}
        return {**own, "mark": np.array(self._file.mark())} if self._file else own

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Sets the memory to what `state` returned for one of the same sizes."""
        filled = int(np.max(state["filled"]))
        if self._file:
            self._file.rewind(int(state["mark"]))
        for name, array in self._arrays().items():
            self._by_row(array)[:, :filled] = state[name]
            self._by_row(array)[:, filled:] = 0
        self._head[:], self._filled[:], self._run[:] = state["head"], state["filled"], state["run"]

    def _set_ready(self, slots: np.ndarray, ready: bool) -> None:
        """Marks which transitions can be sampled from now on."""
        self._ready[slots] = ready

    def _draw(self, batch_size: int, rng: np.random.Generator) -> np.ndarray:
        if not self._ready.any():
            raise ValueError("the memory holds no whole transition yet")
        # Nearly all filled rows can be sampled, so drawing again where one cannot is quicker than a list of them.
        filled = int(self._filled.max())
        drawn = np.empty(0, np.int64)
        while len(drawn) < batch_size:
            rows = rng.integers(self.environments * filled, size=2 * batch_size)
            slots = rows // filled * self.rows + rows % filled
            drawn = np.concatenate([drawn, slots[self._ready[slots]]])
        return drawn[:batch_size]

    def _write(self, who: np.ndarray, frames: np.ndarray, flags: np.ndarray | int) -> np.ndarray:
        """Writes one row for each of some environments and returns where."""
        slots = who * self.rows + self._head[who]
        # The row that is lost was also the context of the next ones, which are the oldest now.
        lost = self._after(slots, np.arange(self.frames.count))
        self._set_ready(lost.reshape(-1), False)
        if self._file:
            self._file.write(slots, frames)
        else:
            self._frames[slots] = frames
        self._flags[slots] = flags
        self._head[who] = (self._head[who] + 1) % self.rows
        self._filled[who] = np.minimum(self._filled[who] + 1, self.rows)
        return slots

    def _make_ready(self, who: np.ndarray, terminated: np.ndarray, truncated: np.ndarray) -> None:
        """Lets transitions be sampled whose last observation has come."""
        newest = who * self.rows + (self._head[who] - 1) % self.rows
        backwards = np.arange(self.steps + 1)
        # Within an episode n steps back; all of the last n when it ends, but for the one that was cut off.
        complete = backwards == self.steps
        last = terminated[:, None] | (truncated[:, None] & (backwards > 0))
        ready = (backwards < self._run[who][:, None]) & (complete | last)
        self._set_ready(self._after(newest, -backwards)[ready], True)

    def _after(self, slots: np.ndarray, steps: np.ndarray) -> np.ndarray:
        """Returns the places some steps on in the rings, `(batch, n)`, of `steps` `(n,)` or `(batch, n)`."""
        rows = slots[:, None] % self.rows
        return slots[:, None] - rows + (rows + steps) % self.rows

    def _observations(self, slots: np.ndarray) -> np.ndarray:
        places = self._after(slots, np.arange(1 - self.frames.count, 1))
        return self.frames.join(np.take(self._frames, places, axis=0))

    def _arrays(self) -> dict[str, np.ndarray]:
        names = ("actions", "rewards", "flags", "ready", *(() if self._file else ("frames",)))
        return {name: getattr(self, f"_{name}") for name in names}

    def _by_row(self, array: np.ndarray) -> np.ndarray:
        return array.reshape(self.environments, self.rows, *array.shape[1:])


def _masked(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    return values * mask.reshape(*mask.shape, *(1,) * (values.ndim - mask.ndim)).astype(values.dtype)
