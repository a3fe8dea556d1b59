"""Mini freeway: Freeway on a board of 10 x 10 after MinAtar, for many boards at once. Written anew from its rules.

A chicken crosses eight lanes of cars, one step up or down in three; at the top it is paid 1, put back to the bottom,
and all cars get new speeds and directions. A car that meets it puts it back too. A car waits 1 to 5 steps between two
moves: five planes tell which, by a mark behind it. The episode ends after 2,501 steps, terminated as in MinAtar, though
time is in no plane. With probability 0.1 the last action is repeated instead of the one asked for; other than in
MinAtar an episode starts without a last action.
"""

from typing import Any

import numpy as np
from gymnasium.spaces import Box, Discrete
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from harness.contract import Arena, Dataset
from harness.split import generator

DATASET = Dataset(
    title="Mini freeway",
    year=2019,
    licence="generated",
    source="rules: Young & Tian, MinAtar, 2019, 1903.03176, version 1 (only the actions that do something)",
    tasks=("act",),
    form="environment",
    shape=(10, 10, 7),
    classes=3,  # actions: stay, up, down
    rows=10_000_000,
    test=100,
    metric="return",
    higher_is_better=True,
    protocol="generated",
    anchor=50.0,
    anchor_source="level of DQN at 5 million frames, about 50 (Young & Tian 2019, figure; quoted from memory)",
)
EPISODE = 2_501
STICKY = 0.1
CHICKEN, CAR, TRAIL = 0, 1, 2  # planes; TRAIL + s: of a car that waits s + 1 steps between two moves
WAIT = 3  # steps between two of the chicken's
LANES = np.arange(1, 9)


def load() -> Arena:
    """Observations (n, 10, 10, 7) uint8, zeros and ones: the chicken, cars, and behind each car a mark of its speed."""
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
            self.rng = generator("mini_freeway", seed)
        n = self.num_envs
        self.y, self.wait, self.last, self.age = np.zeros((4, n), np.int64)
        self.cars, self.pause, self.way = np.zeros((3, n, len(LANES)), np.int64)  # column, steps to wait, -5 ... 5
        self.over = np.zeros(n, bool)
        self._start(self.each)
        return self._seen(), {}

    def step(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """One step of all games: observations, rewards float32 (n,), terminated, truncated (never), infos (none)."""
        actions = self.last = np.where(self.rng.random(self.num_envs) < self.sticky, self.last, actions)
        move = np.where(self.wait == 0, np.array([0, -1, 1])[actions], 0)
        self.y = np.clip(self.y + move, 0, 9)
        self.wait = np.maximum(np.where(move != 0, WAIT, self.wait) - 1, 0)
        won = (self.y == 0) & ~self.over
        self._speeds(np.flatnonzero(won))
        self.y[self.y == 0] = 9
        self._drive()
        self.age += 1
        terminated = ~self.over & (self.age >= self.episode)
        if self.over.any():
            self._start(np.flatnonzero(self.over))
        self.over = terminated
        return self._seen(), won.astype(np.float32), terminated, np.zeros(self.num_envs, bool), {}

    def _drive(self) -> None:
        """Move the cars whose time it is. A car that was or is now where the chicken is puts it back."""
        moving = self.pause == 0
        before = self.cars
        self.cars = (before + moving * np.sign(self.way)) % 10
        self.pause = np.where(moving, np.abs(self.way), self.pause - 1)
        lane = np.clip(self.y - 1, 0, len(LANES) - 1)
        hit = (before[self.each, lane] == 4) | (self.cars[self.each, lane] == 4)
        self.y[hit & (self.y < 9)] = 9

    def _speeds(self, which: np.ndarray) -> None:
        """New speeds and directions of all cars of these games."""
        shape = (len(which), len(LANES))
        pause = self.rng.integers(1, 6, shape)
        self.pause[which], self.way[which] = pause, pause * (2 * self.rng.integers(2, size=shape) - 1)

    def _start(self, which: np.ndarray) -> None:
        """Put these games at their start: all cars in the first column."""
        self._speeds(which)
        self.cars[which], self.y[which], self.wait[which], self.last[which], self.age[which] = 0, 9, WAIT, 0, 0

    def _seen(self) -> np.ndarray:
        seen = np.zeros((self.num_envs, *DATASET.shape), np.uint8)
        seen[self.each, self.y, 4, CHICKEN] = 1
        cells = (self.each[:, None] * 10 + LANES) * 10
        flat, planes = seen.reshape(-1), DATASET.shape[2]
        flat[(cells + self.cars) * planes + CAR] = 1
        flat[(cells + (self.cars - np.sign(self.way)) % 10) * planes + TRAIL - 1 + np.abs(self.way)] = 1
        return seen
