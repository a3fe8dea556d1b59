"""HIGGS, a sample of 7,500 collisions: a Higgs boson or background, by 21 measures and 7 derived from them. Simulated.

The sample that LightGBM carries as its example, rounded to three decimals.
"""

from pathlib import Path

import numpy as np

from harness.contract import Data, Dataset, File
from harness.formats import delimited

DATASET = Dataset(
    title="HIGGS, 7,500 rows",
    year=2014,
    licence="CC BY 4.0",
    source="Baldi, Sadowski, Whiteson, Searching for exotic particles in high-energy physics with deep learning, 2014; "
    "UCI 280; the sample of LightGBM",
    tasks=("classify",),
    form="table",
    shape=(28,),
    classes=2,
    rows=7_000,
    test=500,
    metric="auc",
    higher_is_better=True,
    protocol="official",
    anchor=0.828,
    anchor_source="gradient-boosted trees of scikit-learn as they come, all rows: .828 (measured here)",
    files=(
        File(
            "binary.train",
            "https://raw.githubusercontent.com/microsoft/LightGBM/bae0b7ba953341a32b2a9c5c5c437a1b976f576f"
            "/examples/binary_classification/binary.train",
            1228616,
            "41c42dc14f86960256bf872fc8ae6286c688b44f43b4057b29428787fc1e0444",
        ),
        File(
            "binary.test",
            "https://raw.githubusercontent.com/microsoft/LightGBM/bae0b7ba953341a32b2a9c5c5c437a1b976f576f"
            "/examples/binary_classification/binary.test",
            87767,
            "d99ebec91acd99638f00c727c251c947a1d17ddfcbea27bfef6b0dc5e5fb1db3",
        ),
    ),
)

COLUMNS = {"label": "0 1"} | {f"feature {place}": "" for place in range(1, 29)}
LEVELS = (0,) * 28


def load(files: dict[str, Path]) -> Data:
    """x (7000, 28) scaled measures, y (7000,): 1 where a Higgs boson decayed; 500 test rows."""
    train, test = (
        delimited(files[file.name], file.bytes, COLUMNS, rows, separator="\t", missing=())
        for file, rows in zip(DATASET.files, (DATASET.rows, DATASET.test), strict=True)
    )
    y, test_y = train[:, 0].astype(np.int64), test[:, 0].astype(np.int64)
    return Data(train[:, 1:], y, DATASET.classes, test[:, 1:], test_y, LEVELS, DATASET.protocol)
