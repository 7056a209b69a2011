"""Steps that wait until their return is known."""

import dataclasses
from collections.abc import Mapping

import numpy as np


@dataclasses.dataclass(frozen=True)
class Completed:
    """Steps whose returns are known, those of one environment in the order in which they were taken."""

    observations: np.ndarray
    """`(n, ...)`, or whatever was kept of them."""
    keys: np.ndarray
    """float32 `(n, depth)`."""
    actions: np.ndarray
    """int64 `(n,)`."""
    values: np.ndarray
    """float32 `(n, actions)`, what was expected of all actions."""
    returns: np.ndarray
    """float32 `(n,)`."""
    places: np.ndarray
    """int64 `(n,)`: what was given with the step."""


class ReturnQueue:
    """Returns over n steps, or over whole episodes, of environments that step together.

    The return of step t is `sum_{j<n} gamma^j r_{t+j} + gamma^n V(s_{t+n})` (equation 3 of Pritzel et al., 2017), with
    fewer rewards and no value where the episode terminates before. Of an episode that was cut off, the value of its
    last observation stands for all that would have come.

    Args:
        environments: Number of environments.
        discount: gamma.
        steps: n; 0 takes whole episodes.

    Example:
        >>> queue = ReturnQueue(environments=1, discount=0.5)
        >>> queue.add(observations, keys, actions, rewards=[1.0], values=[[0.0]], terminated=[False], truncated=[False])
        >>> queue.add(observations, keys, actions, [2.0], [[0.0]], [True], [False]).returns
        array([2., 2.], dtype=float32)
    """

    def __init__(self, environments: int, discount: float, steps: int = 0):
        self.discount, self.steps = discount, steps
        self._powers = discount ** np.arange(max(steps, 1))
        self._waiting: list[list[tuple]] = [[] for _ in range(environments)]
        """Reward, observation, key, action, values and place of each step that waits, by environment."""

    def add(
        self,
        observations: np.ndarray,
        keys: np.ndarray,
        actions: np.ndarray,
        rewards: np.ndarray,
        values: np.ndarray,
        terminated: np.ndarray,
        truncated: np.ndarray,
        places: np.ndarray | None = None,
    ) -> Completed | None:
        """Adds one step of each environment.

        Args:
            observations: `(environments, ...)`.
            keys: float32 `(environments, depth)`, what the observations were then embedded as.
            actions: `(environments,)`.
            rewards: `(environments,)`.
            values: `(environments, actions)`, what actions are worth; the best one counts.
            terminated: bool `(environments,)`.
            truncated: bool `(environments,)`.
            places: int `(environments,)`, where else the step is kept; left out, 0.

        Returns:
            The steps whose returns are known now, or None.
        """
        done: list[tuple] = []
        best = np.max(values, 1)
        places = np.zeros(len(best), np.int64) if places is None else places
        for number, waiting in enumerate(self._waiting):
            if self.steps and len(waiting) == self.steps:
                total = self._powers @ [step[0] for step in waiting] + self.discount**self.steps * best[number]
                done.append((*waiting.pop(0)[1:], total))
            waiting.append(
                (
                    float(rewards[number]), observations[number], keys[number], int(actions[number]), values[number],
                    int(places[number]),
                )
            )  # fmt: skip
            if terminated[number] or truncated[number]:
                self._end(done, waiting, None if terminated[number] else float(best[number]))
        if not done:
            return None
        seen, embedded, taken, expected, kept, returns = zip(*done, strict=True)
        return Completed(
            np.stack(seen), np.stack(embedded), np.array(taken), np.stack(expected), np.array(returns, np.float32),
            np.array(kept),
        )  # fmt: skip

    def state(self) -> dict[str, np.ndarray]:
        """Returns all that waits."""
        state = {"lengths": np.array([len(waiting) for waiting in self._waiting])}
        steps = [step for waiting in self._waiting for step in waiting]
        if steps:
            names = ("rewards", "observations", "keys", "actions", "values", "places")
            state |= {name: np.stack(part) for name, part in zip(names, zip(*steps, strict=True), strict=True)}
        return state

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Sets what waits to what `state` returned."""
        start = 0
        for number, length in enumerate(state["lengths"]):
            self._waiting[number] = [
                (
                    float(state["rewards"][i]), state["observations"][i], state["keys"][i], int(state["actions"][i]),
                    state["values"][i], int(state["places"][i]),
                )
                for i in range(start, start + int(length))
            ]  # fmt: skip
            start += int(length)

    def _end(self, done: list[tuple], waiting: list[tuple], cut_off_value: float | None) -> None:
        """Completes all steps of an episode that has ended; of one cut off its last value is known."""
        total, completed = 0.0, []
        for place, (reward, *step) in enumerate(reversed(waiting)):
            last = place == 0
            total = cut_off_value if last and cut_off_value is not None else reward + self.discount * total
            completed.append((*step, total))
        done.extend(reversed(completed))
        waiting.clear()
