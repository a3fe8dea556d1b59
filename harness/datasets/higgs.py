"""HIGGS: 11 million simulated collisions, a Higgs boson or background, by 21 measures and 7 derived from them.

The test set is the last 500,000 rows, as published.
"""

from pathlib import Path

import numpy as np

from harness.contract import Data, Dataset, File
from harness.formats import delimited

DATASET = Dataset(
    title="HIGGS",
    year=2014,
    licence="CC BY 4.0",
    source="Baldi, Sadowski, Whiteson, Searching for exotic particles in high-energy physics with deep learning, 2014; "
    "UCI 280",
    tasks=("classify",),
    form="table",
    shape=(28,),
    classes=2,
    rows=10_500_000,
    test=500_000,
    metric="auc",
    higher_is_better=True,
    protocol="official",
    anchor=0.885,
    anchor_source="deep net on all measures: .885 (Baldi et al. 2014, quoted from memory)",
    files=(
        File(
            "HIGGS.csv.gz",
            "https://archive.ics.uci.edu/ml/machine-learning-databases/00280/HIGGS.csv.gz",
            2816407858,
            "ea302c18164d4e3d916a1e2e83a9a8d07069fa6ebc7771e4c0540d54e593b698",
        ),
    ),
)

UNPACKED = 8_035_497_980  # bytes of HIGGS.csv
COLUMNS = {"label": "0.000000000000000000e+00 1.000000000000000000e+00"} | {
    f"feature {place}": "" for place in range(1, 29)
}
LEVELS = (0,) * 28


def load(files: dict[str, Path]) -> Data:
    """x (10500000, 28) scaled measures, y (10500000,): 1 where a Higgs boson decayed; 500,000 test rows."""
    (file,) = DATASET.files
    return collisions(files[file.name], DATASET.rows, DATASET.test)


def collisions(path: Path, rows: int, test: int) -> Data:
    """The first `rows` rows to learn from, the `test` rows behind them to test; there must be no others."""
    table = delimited(path, UNPACKED, COLUMNS, rows + test, missing=())
    x, y = table[:, 1:], table[:, 0].astype(np.int64)
    return Data(x[:rows], y[:rows], DATASET.classes, x[rows:], y[rows:], LEVELS, DATASET.protocol)
