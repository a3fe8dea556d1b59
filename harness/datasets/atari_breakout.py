"""Breakout of the Atari 2600, in the Arcade Learning Environment, seen and played as DQN did (Mnih et al. 2015).

An action is held for 4 frames; a picture is the brighter of the last two, grey, 84 x 84; an observation is the last 4
pictures. Episodes begin with up to 30 frames of no action and a press of fire, and are cut after 5 minutes (18,000
frames) as in that paper. Actions are not sticky, unlike in the v5 environments: the no-ops are all the chance there is.
Rewards are not clipped, a lost life does not end an episode, and the next ball must be fired.
"""

from typing import Any

import numpy as np

from harness.contract import Arena, Dataset
from harness.files import Missing, packaged
from harness.split import generator

DATASET = Dataset(
    title="Atari 2600 Breakout",
    year=2013,
    licence="ale-py: GPL 2; the game: Atari's, as ale-py carries it",
    source="Bellemare, Naddaf, Veness, Bowling, The arcade learning environment, 2013, 1207.4708; ale-py",
    tasks=("act",),
    form="environment",
    shape=(4, 84, 84),
    classes=4,  # actions, those that the game knows: none, fire, right, left
    rows=10_000_000,
    test=30,
    metric="return",
    higher_is_better=True,
    protocol="generated",
    anchor=401.2,
    anchor_source="DQN, 200 million frames (Mnih et al. 2015, extended data table 2; human 31.8, quoted from memory)",
    ceiling=864.0,
    ceiling_source="both walls cleared, 432 points each",
    package="ale-py",
)
GAME = "breakout"
EPISODE = 4_500


def load() -> Arena:
    """Observations (n, 4, 84, 84) uint8, the latest picture last. Raises Missing where ale-py lacks the game."""
    there = sorted(path.stem for path in packaged("ale_py", "roms/__init__.py").parent.glob("*.bin"))
    if GAME not in there:
        raise Missing(f"ale-py does not carry {GAME}; games that are here: {', '.join(there) or 'none'}")
    return Arena(make, DATASET.classes, DATASET.shape, EPISODE, episodes=DATASET.test)


def make(n: int, seed: int, threads: int = 1) -> Any:
    """n games in step on `threads` cores, as gymnasium's vector environment; the next step after an end starts anew."""
    from ale_py.vector_env import AtariVectorEnv

    games = AtariVectorEnv(GAME, n, num_threads=threads, max_num_frames_per_episode=4 * EPISODE, reward_clipping=False)
    games.reset(seed=generator(f"atari_{GAME}", seed).integers(2**31, size=n, dtype=np.int64))
    return games
