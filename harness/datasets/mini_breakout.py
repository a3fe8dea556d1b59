"""Mini breakout: Breakout on a board of 10 x 10 after MinAtar, for many boards at once. Written anew from its rules.

A paddle in the lowest row bounces a ball that flies along diagonals into three rows of bricks; each brick broken pays
1, and a cleared wall comes back when the ball is next in the lowest row. A missed ball ends the episode. With
probability 0.1 the last action is repeated instead of the one asked for. Other than in MinAtar an episode starts
without a last action, and is cut after 5,000 steps, because a perfect player would never end.
"""

from typing import Any

import numpy as np
from gymnasium.spaces import Box, Discrete
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from harness.contract import Arena, Dataset
from harness.split import generator

DATASET = Dataset(
    title="Mini breakout",
    year=2019,
    licence="generated",
    source="rules: Young & Tian, MinAtar, 2019, 1903.03176, version 1 (only the actions that do something)",
    tasks=("act",),
    form="environment",
    shape=(10, 10, 4),
    classes=3,  # actions: stay, left, right
    rows=10_000_000,
    test=100,
    metric="return",
    higher_is_better=True,
    protocol="generated",
    anchor=10.0,
    anchor_source="level of DQN at 5 million frames, about 10 (Young & Tian 2019, figure; quoted from memory)",
)
EPISODE = 5_000
STICKY = 0.1
PADDLE, BALL, TRAIL, BRICK = range(4)  # planes


def load() -> Arena:
    """Observations (n, 10, 10, 4) uint8, zeros and ones: paddle, ball, where the ball was, bricks."""
    return Arena(Board, DATASET.classes, DATASET.shape, EPISODE)


class Board(VectorEnv):
    """`num_envs` games in step; a game that ended starts anew at the next step, which ignores its action and pays 0."""

    metadata = {"autoreset_mode": AutoresetMode.NEXT_STEP}

    def __init__(self, num_envs: int, seed: int, sticky: float = STICKY, episode: int = EPISODE) -> None:
        self.num_envs, self.sticky, self.episode = num_envs, sticky, episode
        self.single_observation_space = Box(0, 1, DATASET.shape, np.uint8)
        self.single_action_space = Discrete(DATASET.classes)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.each = np.arange(num_envs)
        self.reset(seed=seed)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[np.ndarray, dict]:
        """All games at their start, with new random numbers where there is a seed."""
        if seed is not None:
            self.rng = generator("mini_breakout", seed)
        n = self.num_envs
        self.x, self.y, self.right, self.down, self.paddle, self.last, self.age = np.zeros((7, n), np.int64)
        self.old_x, self.old_y = self.x, self.y
        self.bricks = np.zeros((n, 10, 10), np.uint8)
        self.struck, self.over = np.zeros((2, n), bool)
        self._start(np.ones(n, bool))
        return self._seen(), {}

    def step(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """One step of all games: observations, rewards float32 (n,), terminated, truncated, infos (none)."""
        actions = self.last = np.where(self.rng.random(self.num_envs) < self.sticky, self.last, actions)
        self.paddle = np.clip(self.paddle + np.array([0, -1, 1])[actions], 0, 9)
        self.old_x, self.old_y = self.x, self.y
        hit, lost = self._fly()
        self.age += 1
        rewards = (hit & ~self.over).astype(np.float32)
        terminated, truncated = lost & ~self.over, ~lost & ~self.over & (self.age >= self.episode)
        if self.over.any():
            self._start(self.over)
        self.over = terminated | truncated
        return self._seen(), rewards, terminated, truncated, {}

    def _fly(self) -> tuple[np.ndarray, np.ndarray]:
        """Move the balls. Which broke a brick, which were lost."""
        x, y = self.x + self.right, self.y + self.down
        side, top = (x < 0) | (x > 9), y < 0
        x, y = np.clip(x, 0, 9), np.clip(y, 0, 9)  # below 9: a game that is over
        brick = ~top & (self.bricks[self.each, y, x] > 0)
        hit = brick & ~self.struck  # a ball that has just broken a brick flies through the next one
        low = ~top & (y == 9)
        bare = np.flatnonzero(low)
        bare = bare[~self.bricks[bare].any(axis=(1, 2))]
        self.bricks[bare, 1:4] = 1
        above = low & (self.x == self.paddle)
        corner = low & ~above & (x == self.paddle)
        self.bricks[self.each[hit], y[hit], x[hit]] = 0
        self.right = np.where(side | corner, -self.right, self.right)
        self.down = np.where(top | hit | above | corner, -self.down, self.down)
        self.x, self.y = x, np.where(hit | above | corner, self.y, y)
        self.struck = brick
        return hit, low & ~above & ~corner

    def _start(self, which: np.ndarray) -> None:
        """Put the games of the mask at their start: the ball in the third row under the wall's edge, left or right."""
        left = np.flatnonzero(which)
        side = self.rng.integers(2, size=len(left))
        for values, start in ((self.x, 9 * side), (self.y, 3), (self.right, 1 - 2 * side), (self.down, 1)):
            values[left] = start
        self.old_x, self.old_y = np.where(which, self.x, self.old_x), np.where(which, self.y, self.old_y)
        self.bricks[left] = 0
        self.bricks[left, 1:4] = 1
        self.paddle[left], self.last[left], self.age[left], self.struck[left] = 4, 0, 0, False

    def _seen(self) -> np.ndarray:
        seen = np.zeros((self.num_envs, *DATASET.shape), np.uint8)
        seen[self.each, 9, self.paddle, PADDLE] = 1
        seen[self.each, self.y, self.x, BALL] = 1
        seen[self.each, self.old_y, self.old_x, TRAIL] = 1
        seen[:, 1:4, :, BRICK] = self.bricks[:, 1:4]
        return seen
