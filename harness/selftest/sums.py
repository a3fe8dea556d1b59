"""The sum of the two marked numbers of eight: the adding problem, so short that a smoke test is quick."""

import numpy as np

from harness.contract import Data, Dataset
from harness.split import generator

STEPS = 8
DATASET = Dataset(
    title="Sums of two marked numbers",
    year=2026,
    licence="generated",
    source="ours: a self-test",
    tasks=("regress",),
    form="series",
    shape=(8, 2),
    classes=0,
    rows=100_000,
    test=64,
    metric="rmse",
    higher_is_better=False,
    protocol="generated",
    anchor=0.1,
    anchor_source="as of the adding problem; answering 1 always has about .4",
    ceiling=0.0,
    ceiling_source="no noise: the sum is a function of the series",
)


def load(size: int, seed: int) -> Data:
    """x (size, 8, 2) float32, y (size,) of that seed; 64 test rows, the same for every seed."""
    x, y = draw(size, generator("selftest.sums", seed))
    test_x, test_y = draw(DATASET.test, generator("selftest.sums test", 0))
    return Data(x, y, 0, test_x, test_y, protocol=DATASET.protocol, ceiling=DATASET.ceiling)


def draw(size: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Uniform values in [0, 1) beside a one in either half, zeros else; the sum of what is marked."""
    drawn = rng.random((size, STEPS + 2), dtype=np.float32)
    values, rows = drawn[:, :STEPS], np.arange(size)
    first, second = (drawn[:, STEPS:].T * (STEPS // 2)).astype(np.int64) + [[0], [STEPS // 2]]
    x = np.zeros((size, STEPS, 2), np.float32)
    x[:, :, 0] = values
    x[rows, first, 1] = x[rows, second, 1] = 1
    return x, values[rows, first].astype(np.float64) + values[rows, second]
