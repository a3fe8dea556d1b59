"""Hastie 10.2: is a point inside the sphere that holds half of ten standard normals? Drawn, so rows never end."""

import numpy as np

from harness.contract import Data, Dataset
from harness.split import generator

DATASET = Dataset(
    title="Ten normals, in or out of the sphere",
    year=2001,
    licence="generated",
    source="Hastie, Tibshirani, Friedman, The elements of statistical learning, equation 10.2",
    tasks=("classify",),
    form="table",
    shape=(10,),
    classes=2,
    rows=1_000_000,
    test=10_000,
    metric="accuracy",
    higher_is_better=True,
    protocol="generated",
    anchor=0.942,
    anchor_source="400 boosted stumps on 2,000 rows: 5.8 % error (The elements of statistical learning, section 10.1)",
    ceiling=1.0,
    ceiling_source="no noise: the label is a function of the row",
)


def label(x: np.ndarray) -> np.ndarray:
    """1 where the sum of squares of a row of x (n, 10) exceeds 9.34, the median of chi-square with 10 degrees."""
    return (np.einsum("ij,ij->i", x, x, dtype=np.float64) > 9.34).astype(np.int64)


def load(size: int, seed: int) -> Data:
    """`size` rows of that seed, the first ones for a smaller size; 10,000 test rows, the same for every seed."""
    x = generator("hastie", seed).standard_normal((size, 10), dtype=np.float32)
    test_x = generator("hastie test", 0).standard_normal((DATASET.test, 10), dtype=np.float32)
    return Data(x, label(x), DATASET.classes, test_x, label(test_x), protocol=DATASET.protocol, ceiling=DATASET.ceiling)
