"""California housing: the median price of houses in 20,640 blocks of the census of 1990, by place, people and rooms.

The copy of Geron's book: beside the eight numbers of the original it tells how near the ocean is, and it blanked 207
values of total_bedrooms. 965 of the prices are cut off at 500,001 dollars.
"""

from pathlib import Path

import numpy as np

from harness.contract import BadData, Data, Dataset, File
from harness.formats import Kind, delimited

DATASET = Dataset(
    title="California housing",
    year=1997,
    licence="public (StatLib); this copy Apache-2.0",
    source="Pace, Barry, Sparse spatial autoregressions, 1997; StatLib; the copy of Geron's handson-ml",
    tasks=("regress",),
    form="table",
    shape=(9,),
    classes=0,
    rows=16_512,
    test=4_128,
    metric="rmse",
    higher_is_better=False,
    protocol="folds",
    anchor=0.43,
    anchor_source="gradient-boosted trees, tuned, on the eight numbers: .43 (published, quoted from memory)",
    files=(
        File(
            "housing.csv",
            "https://raw.githubusercontent.com/ageron/handson-ml/b7051594afbb1d835f5e031af8664c4363878050"
            "/datasets/housing/housing.csv",
            1423529,
            "8a3727f4cf54ac1a327f69b1d5b4db54c5834ea81c6e4efc0d163300022a685e",
        ),
    ),
)

NUMBERS = (
    "longitude latitude housing_median_age total_rooms total_bedrooms population households median_income "
    "median_house_value"
)
COLUMNS: dict[str, Kind] = {
    **dict.fromkeys(NUMBERS.split(), ""),
    "ocean_proximity": ("<1H OCEAN", "INLAND", "ISLAND", "NEAR BAY", "NEAR OCEAN"),
}
PRICE = 8  # the column of the target
LEVELS = (0,) * 8 + (5,)


def load(files: dict[str, Path]) -> Data:
    """x (20640, 9): degrees, years, counts, 10,000 dollars, nearness coded; y (20640,) in 100,000 dollars."""
    (file,) = DATASET.files
    table = delimited(files[file.name], file.bytes, COLUMNS, DATASET.rows + DATASET.test, skip=1)
    y = table[:, PRICE].astype(np.float64) / 100_000
    if not np.isfinite(y).all():
        raise BadData(f"{file.name}: a house value is missing, a number is right")
    return Data(np.delete(table, PRICE, axis=1), y, DATASET.classes, levels=LEVELS, protocol=DATASET.protocol)
