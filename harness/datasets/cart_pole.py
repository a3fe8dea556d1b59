"""Cart-pole: push a cart left or right so that the pole on it stays up; gymnasium's CartPole-v1, many in step.

Each step pays 1. The episode ends when the pole leans more than 12 degrees or the cart is 2.4 from the middle, and is
cut after 500 steps.
"""

from typing import Any

import numpy as np

from harness.contract import Arena, Dataset
from harness.split import generator

DATASET = Dataset(
    title="CartPole-v1",
    year=1983,
    licence="MIT (gymnasium)",
    source="Barto, Sutton, Anderson, Neuronlike adaptive elements, IEEE SMC 13(5), 1983; gymnasium's CartPole-v1",
    tasks=("act",),
    form="environment",
    shape=(4,),
    classes=2,  # actions: left, right
    rows=10_000_000,
    test=100,
    metric="return",
    higher_is_better=True,
    protocol="generated",
    anchor=488.7,
    anchor_source="DQN at 500,000 steps, 488.7 +- 16.1 (CleanRL's documentation of dqn.py)",
    ceiling=500.0,
    ceiling_source="steps after which an episode is cut",
    package="gymnasium",
)
EPISODE = 500


def load() -> Arena:
    """Observations (n, 4) float32: the cart's place and speed, the pole's angle and angular speed."""
    return Arena(make, DATASET.classes, DATASET.shape, EPISODE, episodes=DATASET.test)


def make(n: int, seed: int) -> Any:
    """n carts in step, as gymnasium's vector environment; the next step after an end starts anew."""
    from gymnasium.envs.classic_control.cartpole import CartPoleVectorEnv

    carts = CartPoleVectorEnv(n, max_episode_steps=EPISODE)
    carts.reset(seed=int(generator("cart_pole", seed).integers(2**31, dtype=np.int64)))
    return carts
