"""Boston housing: the median price of homes in 506 tracts of the census of 1970. For old results only.

The column B is 1000 (share of Black people - 0.63)^2: its authors assumed that segregation raises prices and wrote
the assumption into the data, in a form that hides the share itself. scikit-learn withdrew the dataset for that in its
version 1.2. It is here because decades of papers report on it; new claims belong on california_housing. 16 prices are
cut off at 50.
"""

from pathlib import Path

import numpy as np

from harness.contract import BadData, Data, Dataset, File
from harness.formats import delimited

DATASET = Dataset(
    title="Boston housing",
    year=1978,
    licence="public (StatLib)",
    source="Harrison, Rubinfeld, Hedonic housing prices and the demand for clean air, 1978; StatLib",
    tasks=("regress",),
    form="table",
    shape=(13,),
    classes=0,
    rows=404,
    test=102,
    metric="rmse",
    higher_is_better=False,
    protocol="folds",
    anchor=3.01,
    anchor_source="probabilistic backpropagation, splits of 90 to 10: 3.01 (Hernandez-Lobato, Adams 2015, quoted from "
    "memory)",
    files=(
        File(
            "housing.data",
            "https://raw.githubusercontent.com/jbrownlee/Datasets/d20fcb6402ae34e653d4513b00f39257bb37ed7f/housing.data",
            49081,
            "e3e36f7b9e5435f9eb8320e106aebad00031fefa3064527da0c71dec59e49b76",
        ),
    ),
)

NAMES = "CRIM ZN INDUS CHAS NOX RM AGE DIS RAD TAX PTRATIO B LSTAT MEDV"
COLUMNS = dict.fromkeys(NAMES.split(), "") | {"CHAS": "0 1"}
LEVELS = (0, 0, 0, 2) + (0,) * 9


def load(files: dict[str, Path]) -> Data:
    """x (506, 13) of the tract, y (506,) in 1,000 dollars."""
    (file,) = DATASET.files
    table = delimited(files[file.name], file.bytes, COLUMNS, DATASET.rows + DATASET.test, separator=" ", missing=())
    y = np.round(table[:, -1].astype(np.float64), 1)  # one decimal in the file, so not what float32 makes of it
    if not np.isfinite(y).all():
        raise BadData(f"{file.name}: a price is missing, a number is right")
    return Data(table[:, :-1], y, DATASET.classes, levels=LEVELS, protocol=DATASET.protocol)
