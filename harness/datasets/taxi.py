"""Taxi: fetch a passenger at one of four places of a town of 5 x 5 and bring him to another, as in gymnasium.

Each step costs 1, a pick-up or a put-down where it cannot be costs 10, and the passenger at his destination pays 20 and
ends the episode, which is cut after 200 steps. Start, passenger and destination are drawn; nothing else is.
"""

from typing import Any

import numpy as np
from gymnasium.spaces import Box, Discrete
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from harness.contract import Arena, Dataset
from harness.split import generator

DATASET = Dataset(
    title="Taxi",
    year=2000,
    licence="generated",
    source="rules: Dietterich, Hierarchical reinforcement learning with MAXQ, JAIR 13, 2000; gymnasium's Taxi, dry",
    tasks=("act",),
    form="environment",
    shape=(500,),
    classes=6,  # actions: south, north, east, west, pick up, put down
    rows=10_000_000,
    test=100,
    metric="return",
    higher_is_better=True,
    protocol="generated",
    anchor=7.93,
    anchor_source="mean optimal return of the 300 starts, by value iteration; the 100 that are judged may have more",
)
EPISODE = 200
PLACES = ((0, 0), (0, 4), (4, 0), (4, 3))  # row, column
WALLS = ((0, 1), (1, 1), (3, 0), (4, 0), (3, 2), (4, 2))  # row, column: nobody passes from here to the east or back
INSIDE = 4  # the passenger's place: in the taxi


def load() -> Arena:
    """Observations (n, 500) float32: a one at the state ((row * 5 + column) * 5 + passenger) * 4 + destination."""
    return Arena(Town, DATASET.classes, DATASET.shape, EPISODE, episodes=DATASET.test)


def table() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where each action leads from each state (500, 6), what it pays (500, 6) float32, whether it ends the episode."""
    to, pays, ends = np.zeros((500, 6), np.int64), np.full((500, 6), -1, np.float32), np.zeros((500, 6), bool)
    for state in range(500):
        row, column, passenger, destination = (int(part) for part in np.unravel_index(state, (5, 5, 5, 4)))
        here = PLACES.index((row, column)) if (row, column) in PLACES else -1
        east = column + (column < 4 and (row, column) not in WALLS)
        west = column - (column > 0 and (row, column - 1) not in WALLS)
        ways = ((min(row + 1, 4), column), (max(row - 1, 0), column), (row, east), (row, west))
        may = (passenger < INSIDE and passenger == here, passenger == INSIDE and here >= 0)
        outcomes = [(*way, passenger) for way in ways]
        outcomes += [(row, column, INSIDE if may[0] else passenger), (row, column, here if may[1] else passenger)]
        to[state] = [((r * 5 + c) * 5 + p) * 4 + destination for r, c, p in outcomes]
        pays[state, 4:] = np.where(may, -1, -10)
        if may[1] and here == destination:
            pays[state, 5], ends[state, 5] = 20, True
    return to, pays, ends


class Town(VectorEnv):
    """`num_envs` taxis in step; one that ended starts anew at the next step, which ignores its action and pays 0."""

    metadata = {"autoreset_mode": AutoresetMode.NEXT_STEP}

    def __init__(self, num_envs: int, seed: int, episode: int = EPISODE) -> None:
        self.num_envs, self.episode = num_envs, episode
        self.single_observation_space = Box(0, 1, DATASET.shape, np.float32)
        self.single_action_space = Discrete(DATASET.classes)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.to, self.pays, self.ends = table()
        passenger, destination = np.arange(500) // 4 % 5, np.arange(500) % 4
        self.starts = np.flatnonzero((passenger < INSIDE) & (passenger != destination))
        self.reset(seed=seed)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[np.ndarray, dict]:
        """All taxis at a start, with new random numbers where there is a seed."""
        if seed is not None:
            self.rng = generator("taxi", seed)
        self.state, self.age = self._start(), np.zeros(self.num_envs, np.int64)
        self.over = np.zeros(self.num_envs, bool)
        return self._seen(), {}

    def step(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """One step of all taxis: observations, rewards float32 (n,), terminated, truncated, infos (none)."""
        live, before = ~self.over, self.state
        self.state = np.where(live, self.to[before, actions], self._start())
        self.age = np.where(live, self.age + 1, 0)
        rewards = np.where(live, self.pays[before, actions], np.float32(0))
        terminated = live & self.ends[before, actions]
        truncated = ~terminated & (self.age >= self.episode)
        self.over = terminated | truncated
        return self._seen(), rewards, terminated, truncated, {}

    def _start(self) -> np.ndarray:
        return self.starts[self.rng.integers(len(self.starts), size=self.num_envs)]

    def _seen(self) -> np.ndarray:
        seen = np.zeros((self.num_envs, *DATASET.shape), np.float32)
        seen[np.arange(self.num_envs), self.state] = 1
        return seen
