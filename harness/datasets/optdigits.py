"""Optical digits: 5,620 handwritten digits as counts of black points in 8 x 8 cells, by 30 and 13 other writers."""

from pathlib import Path

import numpy as np

from harness.contract import BadData, Data, Dataset, File
from harness.formats import delimited

DATASET = Dataset(
    title="Optical recognition of handwritten digits",
    year=1998,
    licence="CC BY 4.0",
    source="Alpaydin, Kaynak, Cascading classifiers, 1998; UCI 80",
    tasks=("classify",),
    form="image",
    shape=(8, 8),
    classes=10,
    rows=3_823,
    test=1_797,
    metric="accuracy",
    higher_is_better=True,
    protocol="official",
    anchor=0.98,
    anchor_source="nearest neighbour, Euclidean, all rows: 98.00 % (optdigits.names, quoted from memory)",
    files=(
        File(
            "optdigits.tra",
            "https://archive.ics.uci.edu/ml/machine-learning-databases/optdigits/optdigits.tra",
            563639,
            "e1b683cc211604fe8fd8c4417e6a69f31380e0c61d4af22e93cc21e9257ffedd",
        ),
        File(
            "optdigits.tes",
            "https://archive.ics.uci.edu/ml/machine-learning-databases/optdigits/optdigits.tes",
            264712,
            "6ebb3d2fee246a4e99363262ddf8a00a3c41bee6014c373ed9d9216ba7f651b8",
        ),
    ),
)

COLUMNS = {f"cell {place}": "" for place in range(64)} | {"digit": "0 1 2 3 4 5 6 7 8 9"}


def load(files: dict[str, Path]) -> Data:
    """x (3823, 8, 8) from 0 to 16 black points a cell, y (3823,) the digits; 1,797 test rows of other writers."""
    train, test = DATASET.files
    x, y = table(files[train.name], train.bytes, DATASET.rows)
    test_x, test_y = table(files[test.name], test.bytes, DATASET.test)
    return Data(x, y, DATASET.classes, test_x, test_y, protocol=DATASET.protocol)


def table(path: Path, most: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Pictures and digits of one file of at most `most` bytes. Raises BadData where a count is not 0, 1, ... 16."""
    rows_ = delimited(path, most, COLUMNS, rows, missing=())
    counts = rows_[:, :-1]
    if not ((counts >= 0) & (counts <= 16) & (counts == np.floor(counts))).all():  # so written that NaN is wrong too
        raise BadData(f"{path.name} holds a count that is not 0, 1, ... 16")
    return counts.astype(np.uint8).reshape(rows, *DATASET.shape), rows_[:, -1].astype(np.int64)
