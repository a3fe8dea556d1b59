"""The adding problem at 200 steps: as `adding`, with twice the lag between what is marked. Drawn."""

import numpy as np

from harness.contract import Data, Dataset
from harness.split import generator

DATASET = Dataset(
    title="Adding problem, 200 steps",
    year=1997,
    licence="generated",
    source="Hochreiter & Schmidhuber, Long short-term memory, 1997, in the form of Le, Jaitly, Hinton 2015, 1504.00941",
    tasks=("regress",),
    form="series",
    shape=(200, 2),
    classes=0,
    rows=1_000_000,
    test=10_000,
    metric="rmse",
    higher_is_better=False,
    protocol="generated",
    anchor=0.1,
    anchor_source="a mean squared error of .01, below which the problem counts as solved; answering 1 always has 1/6",
    ceiling=0.0,
    ceiling_source="no noise: the sum is a function of the series",
)
LAG = 200  # steps of a series


def draw(size: int, lag: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """x (size, lag, 2) float32 and y (size,) float64 for any lag of 2 or more; the first rows do not depend on `size`.

    Channel 0: uniform values in [0, 1). Channel 1: zeros but for two ones, at a random step of the first half and one
    of the second. y: the sum of the two values that are marked.
    """
    drawn = rng.random((size, lag + 2), dtype=np.float32)
    half = lag // 2
    first = (drawn[:, lag] * half).astype(np.int64)
    second = half + (drawn[:, lag + 1] * (lag - half)).astype(np.int64)  # cut before adding: a sum could round up
    rows = np.arange(size)
    x = np.zeros((size, lag, 2), dtype=np.float32)
    x[:, :, 0] = drawn[:, :lag]
    x[rows, first, 1] = x[rows, second, 1] = 1
    return x, drawn[rows, first].astype(np.float64) + drawn[rows, second]


def load(size: int, seed: int) -> Data:
    """`size` rows of that seed, the first ones for a smaller size; 10,000 test rows, the same for every seed."""
    x, y = draw(size, LAG, generator("adding_200", seed))
    test_x, test_y = draw(DATASET.test, LAG, generator("adding_200 test", 0))
    return Data(x, y, DATASET.classes, test_x, test_y, protocol=DATASET.protocol, ceiling=DATASET.ceiling)
