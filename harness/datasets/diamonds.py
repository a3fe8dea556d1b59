"""Diamonds: what 53,940 cut stones cost, by weight, grades and measures. The target is the logarithm of the price.

146 rows repeat an earlier one in full, 199 more all but its price: 53,595 of the 53,940 stones measure differently.
Stones that measure alike stay together in training or in test. Length, width or depth is 0 in 8, 7 and 20 rows and is
left as it stands: so the published figures have it.
"""

from pathlib import Path

import numpy as np

from harness.contract import BadData, Data, Dataset, File
from harness.formats import Kind, delimited

DATASET = Dataset(
    title="Diamonds",
    year=2009,
    licence="MIT or GPL-2 (ggplot2, quoted from memory)",
    source="Wickham, ggplot2: elegant graphics for data analysis, 2009; the copy of seaborn-data",
    tasks=("regress",),
    form="table",
    shape=(9,),
    classes=0,
    rows=43_152,
    test=10_788,
    metric="rmse",
    higher_is_better=False,
    protocol="folds",
    anchor=0.1,
    anchor_source="gradient-boosted trees: R2 of log price .99, which is an error of .10 (published, quoted from "
    "memory)",
    files=(
        File(
            "diamonds.csv",
            "https://raw.githubusercontent.com/mwaskom/seaborn-data/71e2436a092d714350de0fc409ca8a8714e7e78f/diamonds.csv",
            2772143,
            "9574730b03aba241d899c4a97511c5061b19358fab89510774fb6c24168345c4",
        ),
    ),
)

COLUMNS: dict[str, Kind] = {  # grades from the worst to the best
    "carat": "",
    "cut": ("Fair", "Good", "Very Good", "Premium", "Ideal"),
    "color": "J I H G F E D",
    "clarity": "I1 SI2 SI1 VS2 VS1 VVS2 VVS1 IF",
    **dict.fromkeys(("depth", "table", "price", "x", "y", "z"), ""),
}
PRICE = 6  # the column of the target
LEVELS = (0, 5, 7, 8, 0, 0, 0, 0, 0)


def load(files: dict[str, Path]) -> Data:
    """x (53940, 9): carat, three grades coded, per cent, mm; y (53940,): natural logarithm of dollars;
    groups (53940,): of equal stones.
    """
    (file,) = DATASET.files
    rows = DATASET.rows + DATASET.test
    table = delimited(files[file.name], file.bytes, COLUMNS, rows, skip=1, quotes=True, missing=())
    price = table[:, PRICE].astype(np.float64)
    if not (np.isfinite(price) & (price > 0)).all():
        raise BadData(f"{file.name}: a price is missing or not above 0")
    x = np.delete(table, PRICE, axis=1)
    groups = np.unique(x, axis=0, return_inverse=True)[1].astype(np.int64)
    return Data(x, np.log(price), 0, levels=LEVELS, protocol=DATASET.protocol, groups=groups)
