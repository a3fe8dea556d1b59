"""Digits: 1,797 handwritten digits of 8 x 8 pixels, the test part of optdigits. scikit-learn's copy."""

import numpy as np

from harness.contract import Data, Dataset
from harness.files import packaged

DATASET = Dataset(
    title="Digits 8 x 8",
    year=1998,
    licence="CC BY 4.0",
    source="Alpaydin, Kaynak, Optical recognition of handwritten digits; UCI 80; scikit-learn's copy",
    tasks=("classify",),
    form="image",
    shape=(8, 8),
    classes=10,
    rows=1437,
    test=360,
    metric="accuracy",
    higher_is_better=True,
    protocol="folds",
    package="scikit-learn",
    anchor=0.98,
    anchor_source="1-nearest-neighbour on these rows, trained on 3,823 of other writers: 98.00 % (optdigits.names)",
)


def load() -> Data:
    """x (1797, 8, 8) uint8 from 0 to 16, y (1797,) the digit."""
    table = np.loadtxt(packaged("sklearn", "datasets/data/digits.csv.gz"), delimiter=",", dtype=np.float32)
    x = table[:, :-1].reshape(-1, 8, 8).astype(np.uint8)
    return Data(x, table[:, -1].astype(np.int64), DATASET.classes)
