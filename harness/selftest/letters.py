"""Six letters in turn, one in five any of them: so short a text that a smoke test is quick."""

import numpy as np

from harness.contract import Data, Dataset
from harness.split import generator

DATASET = Dataset(
    title="Six letters in turn",
    year=2026,
    licence="generated",
    source="ours: a self-test",
    tasks=("next_token",),
    form="tokens",
    shape=(),
    classes=6,
    rows=100_000,
    test=2_000,
    metric="loss",
    higher_is_better=False,
    protocol="generated",
    anchor=0.7188,
    anchor_source="nats a letter, exact: of what knows the rule",
    ceiling=0.7188,
    ceiling_source="the next letter comes with a chance of .8 + .2 / 6, each other one of .2 / 6",
)
VOCABULARY = tuple("abcdef")


def load(size: int, seed: int) -> Data:
    """x (size,) uint8 of that seed; 2,000 test letters, the same for every seed."""
    x, test = draw(size, generator("selftest.letters", seed)), draw(DATASET.test, generator("selftest.letters test", 0))
    return Data(x, None, 6, test, protocol=DATASET.protocol, ceiling=DATASET.ceiling, vocabulary=VOCABULARY)


def draw(size: int, rng: np.random.Generator) -> np.ndarray:
    """(size,) letters: one on from the letter before, or any."""
    u = rng.random(size)
    steps = np.where(u < 0.8, 1, ((u - 0.8) * 30).astype(np.int64))  # of the other fifth each sixth is one step of six
    return (np.cumsum(steps) % 6).astype(np.uint8)
