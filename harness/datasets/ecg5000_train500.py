"""ECG5000, its training part: 500 heartbeats of one patient with heart failure, each of 140 values, in five classes."""

from pathlib import Path

import numpy as np

from harness.contract import BadData, Data, Dataset, File
from harness.formats import delimited

DATASET = Dataset(
    title="ECG5000, training part",
    year=2015,
    licence="PhysioNet and UCR archive: research use",
    source="Chen et al., A general framework for never-ending learning from time series streams, 2015; record chf07 of "
    "PhysioNet's BIDMC congestive heart failure database (Goldberger et al. 2000); UCR archive",
    tasks=("classify",),
    form="series",
    shape=(140,),
    classes=5,
    rows=400,
    test=100,
    metric="accuracy",
    higher_is_better=True,
    protocol="folds",
    anchor=0.925,
    anchor_source="nearest neighbour, Euclidean, .075 error on the 4,500 test rows that are not here (UCR archive, "
    "quoted from memory; other rows than ours)",
    files=(
        File(
            "ECG5000_TRAIN.arff",
            "https://raw.githubusercontent.com/reese3222/fda-ecg5000/24d3a6a08bc74ce5729191d9bde8607e0d642b15/"
            "ECG5000_TRAIN.arff",
            786602,
            "cfd90059b9efdf5f5fccc42daa35490f433b36c1436f0bd69bfa223aa08d122d",
        ),
    ),
)

ROWS = 500
COLUMNS = {f"step {step}": "" for step in range(140)} | {"class": "1 2 3 4 5"}  # in spite of its name without a header


def load(files: dict[str, Path]) -> Data:
    """x (500, 140) of mean 0 and deviation 1 each, y (500,): 0 normal, then four kinds of abnormal beat (one has 2)."""
    (file,) = DATASET.files
    table = delimited(files[file.name], file.bytes, COLUMNS, ROWS, missing=())
    if not np.isfinite(table).all():
        raise BadData(f"{file.name} holds a value that is missing or not finite")
    return Data(table[:, :-1], table[:, -1].astype(np.int64), DATASET.classes)
