"""Pima Indians diabetes: does a woman of the Gila River community fall ill within five years? Eight measures.

The file writes 0 where glucose, blood pressure, skin fold, insulin or body mass index was not taken: 5, 35, 227, 374
and 11 times. Here these are missing values. 0 pregnancies is a count.
"""

from pathlib import Path

import numpy as np

from harness.contract import Data, Dataset, File
from harness.formats import delimited

DATASET = Dataset(
    title="Pima Indians diabetes",
    year=1988,
    licence="CC0 (quoted from memory)",
    source="Smith, Everhart, Dickson, Knowler, Johannes, Using the ADAP learning algorithm to forecast the onset of "
    "diabetes mellitus, 1988; OpenML 37",
    tasks=("classify",),
    form="table",
    shape=(8,),
    classes=2,
    rows=614,
    test=154,
    metric="accuracy",
    higher_is_better=True,
    protocol="folds",
    anchor=0.76,
    anchor_source="ADAP, 576 rows to learn and 192 to test: 76 % (Smith et al. 1988, quoted from memory)",
    files=(
        File(
            "pima-indians-diabetes.csv",
            "https://raw.githubusercontent.com/jbrownlee/Datasets/d20fcb6402ae34e653d4513b00f39257bb37ed7f"
            "/pima-indians-diabetes.csv",
            23278,
            "6bfe5d0f379d17a0e0819b996407e3c09bf80febd4287f2ed212190dfff154af",
        ),
    ),
)

NUMBERS = "pregnancies glucose pressure skin insulin mass pedigree age"
COLUMNS = dict.fromkeys(NUMBERS.split(), "") | {"ill": "0 1"}
LEVELS = (0,) * 8


def load(files: dict[str, Path]) -> Data:
    """x (768, 8): count, mg/dl, mm Hg, mm, mu U/ml, kg/m^2, score, years; y (768,): 1 fell ill."""
    (file,) = DATASET.files
    table = delimited(files[file.name], file.bytes, COLUMNS, DATASET.rows + DATASET.test, missing=())
    x, y = table[:, :-1], table[:, -1].astype(np.int64)
    x[:, 1:6][x[:, 1:6] == 0] = np.nan
    return Data(x, y, DATASET.classes, levels=LEVELS, protocol=DATASET.protocol)
