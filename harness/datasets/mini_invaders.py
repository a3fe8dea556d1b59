"""Mini invaders: Space Invaders on 10 x 10 after MinAtar, for many boards at once. Written anew from its rules.

A cannon shoots at 4 x 6 aliens, at most once in five steps; each alien shot pays 1. The aliens go sideways, down a row
and back at an edge, faster when few are left; every tenth step the one nearest to the cannon's column shoots. A cleared
wave is followed by one that moves faster, at last twice as fast (MinAtar's ramp of difficulty). A bomb or an alien at
the cannon ends the episode, and so does an alien that would leave the board below. With probability 0.1 the last action
is repeated instead of the one asked for. Other than in MinAtar an episode starts without a last action, and is cut
after 5,000 steps.
"""

from typing import Any

import numpy as np
from gymnasium.spaces import Box, Discrete
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from harness.contract import Arena, Dataset
from harness.split import generator

DATASET = Dataset(
    title="Mini invaders",
    year=2019,
    licence="generated",
    source="rules: Young & Tian, MinAtar, 2019, 1903.03176, version 1 (only the actions that do something)",
    tasks=("act",),
    form="environment",
    shape=(10, 10, 6),
    classes=4,  # actions: stay, left, right, fire
    rows=10_000_000,
    test=100,
    metric="return",
    higher_is_better=True,
    protocol="generated",
    anchor=45.0,
    anchor_source="level of DQN at 5 million frames, about 45 (Young & Tian 2019, figure; quoted from memory)",
)
EPISODE = 5_000
STICKY = 0.1
CANNON, ALIEN, LEFT, RIGHT, SHOT, BOMB = range(6)  # planes; SHOT is the cannon's, BOMB an alien's
RELOAD, MARCH, AIM = 5, 12, 10  # steps between two shots, two moves of a full wave, two bombs
WAVE = np.array([0b11_1111_00] * 4 + [0] * 6, np.uint16)  # rows; bit c: an alien in column c
BITS = np.arange(1 << 10)[:, None] >> np.arange(10) & 1  # (row of ten bits, column)
SPREAD = (BITS << 6 * np.arange(10)).sum(axis=1).astype(np.uint64)  # bit c at 6 c: the six planes of a row interleave
AWAY = np.arange(10) - np.arange(10)[:, None, None]  # (column of the cannon, -, column)
NEAREST = np.where(BITS, 2 * abs(AWAY) + (AWAY > 0), 99).argmin(axis=2)  # the left one of two as near


def load() -> Arena:
    """Observations (n, 10, 10, 6) uint8, zeros and ones: cannon, aliens, the same where they go left, where they go
    right, the cannon's shots, the aliens' shots.
    """
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
            self.rng = generator("mini_invaders", seed)
        n = self.num_envs
        self.x, self.way, self.pace, self.march, self.aim, self.reload, self.last, self.age = np.zeros((8, n), np.int64)
        self.aliens, self.shots, self.bombs = np.zeros((3, n, 10), np.uint16)  # rows; bit c: column c
        self.over = np.zeros(n, bool)
        self._start(self.each)
        return self._seen(), {}

    def step(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """One step of all games: observations, rewards float32 (n,), terminated, truncated, infos (none)."""
        actions = self.last = np.where(self.rng.random(self.num_envs) < self.sticky, self.last, actions)
        self._act(actions)
        here = (1 << self.x).astype(np.uint16)
        lost = ((self.bombs[:, 9] | self.aliens[:, 9]) & here > 0) | self._march(here)
        self._bomb()
        hit = self.aliens & self.shots
        self.aliens ^= hit
        self.shots ^= hit
        rewards = np.where(self.over, 0, np.bitwise_count(hit).sum(axis=1)).astype(np.float32)
        self.reload = np.maximum(self.reload - 1, 0)
        self.march, self.aim, self.age = self.march - 1, self.aim - 1, self.age + 1
        cleared = np.flatnonzero(~self.aliens.any(axis=1))
        self.aliens[cleared], self.pace[cleared] = WAVE, np.maximum(self.pace[cleared] - 1, MARCH // 2)
        terminated, truncated = lost & ~self.over, ~lost & ~self.over & (self.age >= self.episode)
        self._start(np.flatnonzero(self.over))
        self.over = terminated | truncated
        return self._seen(), rewards, terminated, truncated, {}

    def _act(self, actions: np.ndarray) -> None:
        """Move the cannon or fire; then all that flies goes on by a row."""
        fires = np.flatnonzero((actions == 3) & (self.reload == 0))
        self.shots[fires, 9] |= (1 << self.x[fires]).astype(np.uint16)
        self.reload[fires] = RELOAD
        self.x = np.clip(self.x + np.array([0, -1, 1, 0])[actions], 0, 9)
        self.shots[:, :-1], self.shots[:, 9] = self.shots[:, 1:], 0
        self.bombs[:, 1:], self.bombs[:, 0] = self.bombs[:, :-1], 0

    def _march(self, here: np.ndarray) -> np.ndarray:
        """Move the aliens whose time it is. Which games are lost by it: an alien at the cannon, or below the board."""
        lost = np.zeros(self.num_envs, bool)
        which = np.flatnonzero(self.march == 0)
        aliens, way = self.aliens[which], self.way[which]
        self.march[which] = np.minimum(np.bitwise_count(aliens).sum(axis=1), self.pace[which])
        columns = np.bitwise_or.reduce(aliens, axis=1)
        turns = columns & np.where(way < 0, 1, 1 << 9) > 0
        sideways = np.where(way[:, None] < 0, aliens >> 1, aliens << 1)
        self.aliens[which] = np.where(turns[:, None], np.roll(aliens, 1, axis=1), sideways)
        self.way[which] = np.where(turns, -way, way)
        lost[which] = (turns & (aliens[:, 9] > 0)) | (self.aliens[which, 9] & here[which] > 0)
        return lost

    def _bomb(self) -> None:
        """Let the lowest alien of the column that is nearest to the cannon shoot, where it is time."""
        which = np.flatnonzero(self.aim == 0)
        self.aim[which] = AIM
        column = NEAREST[self.x[which], np.bitwise_or.reduce(self.aliens[which], axis=1)]
        row = 9 - (self.aliens[which, ::-1] >> column[:, None] & 1).argmax(axis=1)
        self.bombs[which, row] |= (1 << column).astype(np.uint16)

    def _start(self, which: np.ndarray) -> None:
        """Put these games at their start."""
        self.x[which], self.way[which], self.pace[which], self.march[which], self.aim[which] = 5, -1, MARCH, MARCH, AIM
        self.aliens[which], self.shots[which], self.bombs[which] = WAVE, 0, 0
        self.reload[which], self.last[which], self.age[which] = 0, 0, 0

    def _seen(self) -> np.ndarray:
        aliens = SPREAD[self.aliens]
        rows = aliens << np.uint64(ALIEN)
        rows |= SPREAD[self.shots] << np.uint64(SHOT) | SPREAD[self.bombs] << np.uint64(BOMB)
        rows |= aliens << np.where(self.way < 0, LEFT, RIGHT).astype(np.uint64)[:, None]
        rows[:, 9] |= np.uint64(1) << (6 * self.x).astype(np.uint64)
        bits = np.unpackbits(rows.astype("<u8").view(np.uint8).reshape(-1, 10, 8), axis=2, bitorder="little")
        return np.ascontiguousarray(bits[:, :, :60]).reshape(-1, *DATASET.shape)
