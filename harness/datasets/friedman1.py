"""Friedman 1: a smooth function of five inputs under unit noise, with five useless inputs beside them. Drawn."""

import numpy as np

from harness.contract import Data, Dataset
from harness.split import generator

DATASET = Dataset(
    title="Friedman 1",
    year=1991,
    licence="generated",
    source="Friedman, Multivariate adaptive regression splines, 1991",
    tasks=("regress",),
    form="table",
    shape=(10,),
    classes=0,
    rows=1_000_000,
    test=10_000,
    metric="rmse",
    higher_is_better=False,
    protocol="generated",
    anchor=2.39,
    anchor_source="random forest on 200 rows: mean squared test error 5.7 (Breiman 2001, table 6, quoted from memory)",
    ceiling=1.0,
    ceiling_source="standard deviation of the noise",
)


def mean(x: np.ndarray) -> np.ndarray:
    """Expected value of y for each row of x (n, 10)."""
    a, b, c, d, e = x[:, :5].T.astype(np.float64)
    return 10 * np.sin(np.pi * a * b) + 20 * (c - 0.5) ** 2 + 10 * d + 5 * e


def load(size: int, seed: int) -> Data:
    """`size` rows of that seed, the first ones for a smaller size; 10,000 test rows, the same for every seed."""
    x, y = _draw("friedman1", seed, size)
    test_x, test_y = _draw("friedman1 test", 0, DATASET.test)
    return Data(x, y, DATASET.classes, test_x, test_y, protocol=DATASET.protocol, ceiling=DATASET.ceiling)


def _draw(purpose: str, seed: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    # Inputs and noise come from two generators: from one, the noise of a row would depend on the number of rows.
    x = generator(purpose, seed).random((size, 10), dtype=np.float32)
    return x, mean(x) + generator(f"{purpose} noise", seed).standard_normal(size)
