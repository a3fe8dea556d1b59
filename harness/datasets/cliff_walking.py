"""Cliff walking: a grid of 4 x 12 with a cliff between start and goal, as in Sutton and Barto's book and gymnasium.

From the lower left corner to the lower right one; each step costs 1. Who steps on a place between them falls: that
costs 100 and leads back to the start. An episode is cut after 200 steps, which gymnasium's has no bound for. Nothing
is left to chance, so all judged episodes of one policy are the same.
"""

from typing import Any

import numpy as np
from gymnasium.spaces import Box, Discrete
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from harness.contract import Arena, Dataset

DATASET = Dataset(
    title="Cliff walking",
    year=1998,
    licence="generated",
    source="rules: Sutton & Barto, Reinforcement learning, 1998, example 6.6; gymnasium's CliffWalking-v1",
    tasks=("act",),
    form="environment",
    shape=(48,),
    classes=4,  # actions: up, right, down, left
    rows=10_000_000,
    test=100,
    metric="return",
    higher_is_better=True,
    protocol="generated",
    anchor=-13.0,
    anchor_source="the shortest way, along the edge",
    ceiling=-13.0,
    ceiling_source="the shortest way",
)
EPISODE = 200
START, GOAL = 36, 47  # places are numbered along the rows, from the upper left


def load() -> Arena:
    """Observations (n, 48) float32: a one at the place, zeros elsewhere."""
    return Arena(Walk, DATASET.classes, DATASET.shape, EPISODE, episodes=DATASET.test)


def table() -> tuple[np.ndarray, np.ndarray]:
    """Where each action leads from each place (48, 4), and what it pays (48, 4) float32."""
    rows, columns = np.divmod(np.arange(48), 12)
    rows = np.clip(rows[:, None] + np.array([-1, 0, 1, 0]), 0, 3)
    columns = np.clip(columns[:, None] + np.array([0, 1, 0, -1]), 0, 11)
    place = 12 * rows + columns
    fallen = (place > START) & (place < GOAL)
    return np.where(fallen, START, place), np.where(fallen, -100, -1).astype(np.float32)


class Walk(VectorEnv):
    """`num_envs` walks in step; one that ended starts anew at the next step, which ignores its action and pays 0."""

    metadata = {"autoreset_mode": AutoresetMode.NEXT_STEP}

    def __init__(self, num_envs: int, seed: int, episode: int = EPISODE) -> None:
        """seed   moves nothing here"""
        self.num_envs, self.episode = num_envs, episode
        self.single_observation_space = Box(0, 1, DATASET.shape, np.float32)
        self.single_action_space = Discrete(DATASET.classes)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.to, self.pays = table()
        self.reset()

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[np.ndarray, dict]:
        """All walks at the start."""
        self.place, self.age = np.full(self.num_envs, START), np.zeros(self.num_envs, np.int64)
        self.over = np.zeros(self.num_envs, bool)
        return self._seen(), {}

    def step(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """One step of all walks: observations, rewards float32 (n,), terminated, truncated, infos (none)."""
        live, before = ~self.over, self.place
        self.place = np.where(live, self.to[before, actions], START)
        self.age = np.where(live, self.age + 1, 0)
        rewards = np.where(live, self.pays[before, actions], np.float32(0))
        terminated = self.place == GOAL
        truncated = ~terminated & (self.age >= self.episode)
        self.over = terminated | truncated
        return self._seen(), rewards, terminated, truncated, {}

    def _seen(self) -> np.ndarray:
        seen = np.zeros((self.num_envs, *DATASET.shape), np.float32)
        seen[np.arange(self.num_envs), self.place] = 1
        return seen
