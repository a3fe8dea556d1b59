"""Tables of a random teacher: 16 numbers and 4 categories, the class told by a fixed random net, a tenth of it wrong.

The teacher has two hidden layers of 32 tanh units. Its weights are normal, drawn once: of the first layer with standard
deviation 2 / sqrt(16) for each number and .7 for each category, of the second 2 / sqrt(32), of the output 1. The
class is 1 where the output is positive, then flipped with chance .1, so that no answer is right more often than .9.
The 2 lies between two values on which an MLP and boosted trees were tried before the release: at 1.5 they reached .85
and .84, at 2.5 .79 and .78 (300,000 and 30,000 rows). So it was not chosen blindly; it has not been moved since.
"""

import numpy as np

from harness.contract import Data, Dataset
from harness.split import generator

DATASET = Dataset(
    title="Random teacher net, tables",
    year=1995,
    licence="generated",
    source="a table for the setting of Saad & Solla, On-line learning in soft committee machines, 1995",
    tasks=("classify",),
    form="table",
    shape=(20,),
    classes=2,
    rows=10_000_000,
    test=10_000,
    metric="accuracy",
    higher_is_better=True,
    protocol="generated",
    anchor=0.9,
    anchor_source="Bayes rate: the teacher itself, right but for the tenth of labels that is flipped",
    ceiling=0.9,
    ceiling_source="Bayes rate: labels are flipped with chance .1",
)
LEVELS = (0,) * 16 + (2, 4, 8, 16)  # 16 standard normal numbers, then 4 categories, uniform
NUMBERS = LEVELS.count(0)
HIDDEN = 32
GAIN = 2.0
NOISE = 0.1
BLOCK = 65_536  # rows that are drawn at a time


def output(x: np.ndarray) -> np.ndarray:
    """Output of the teacher (n,) for rows x (n, 20): positive where the class is 1 before the noise."""
    rng = generator("teacher weights", 0)
    first = rng.normal(0, GAIN / NUMBERS**0.5, (NUMBERS, HIDDEN))
    shifts = [rng.normal(0, 0.7, (levels, HIDDEN)) for levels in LEVELS[NUMBERS:]]
    second = rng.normal(0, GAIN / HIDDEN**0.5, (HIDDEN, HIDDEN))
    last = rng.normal(0, 1, HIDDEN)
    hidden = x[:, :NUMBERS].astype(np.float64) @ first
    for codes, shift in zip(x[:, NUMBERS:].T.astype(np.int64), shifts, strict=True):
        hidden += shift[codes]
    return np.tanh(np.tanh(hidden) @ second) @ last


def draw(purpose: str, seed: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """x (size, 20) float32 with categories coded, y (size,) int64; the first rows do not depend on `size`."""
    numbers, others = generator(purpose, seed), generator(f"{purpose} categories and noise", seed)
    x, y = np.empty((size, len(LEVELS)), dtype=np.float32), np.empty(size, dtype=np.int64)
    for start in range(0, size, BLOCK):
        rows = x[start : start + BLOCK]
        rows[:, :NUMBERS] = numbers.standard_normal((len(rows), NUMBERS), dtype=np.float32)
        drawn = others.random((len(rows), len(LEVELS) - NUMBERS + 1))
        rows[:, NUMBERS:] = np.floor(drawn[:, :-1] * LEVELS[NUMBERS:])
        y[start : start + BLOCK] = (output(rows) > 0) ^ (drawn[:, -1] < NOISE)
    return x, y


def load(size: int, seed: int) -> Data:
    """`size` rows of that seed, the first ones for a smaller size; 10,000 test rows, the same for every seed."""
    x, y = draw("teacher", seed, size)
    test_x, test_y = draw("teacher test", 0, DATASET.test)
    return Data(x, y, DATASET.classes, test_x, test_y, LEVELS, DATASET.protocol, DATASET.ceiling)
