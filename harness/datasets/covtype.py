"""Covertype: which trees grow on 30 m x 30 m of forest, by map and soil. With the published split: 15,120 to learn.

Those, once 11,340 for training and 3,780 for validation, are balanced: 2,160 of each of the seven classes. The 565,892
test rows are as nature is, so whoever trusts the shares seen in training is misled.
"""

from pathlib import Path

import numpy as np

from harness.contract import Data, Dataset, File
from harness.formats import delimited

DATASET = Dataset(
    title="Covertype",
    year=1998,
    licence="CC BY 4.0",
    source="Blackard, Dean, Comparative accuracies of artificial neural networks and discriminant analysis, 1999; "
    "UCI 31; the copy of scikit-learn",
    tasks=("classify",),
    form="table",
    shape=(54,),
    classes=7,
    rows=15_120,
    test=565_892,
    metric="accuracy",
    higher_is_better=True,
    protocol="official",
    anchor=0.706,
    anchor_source="net with 120 hidden units: 70.6 % (Blackard, Dean 1999, quoted from memory)",
    files=(
        File(
            "covtype.data.gz",
            "https://ndownloader.figshare.com/files/5976039",
            11240707,
            "614360d0257557dd1792834a85a1cdebfadc3c4f30b011d56afee7ffb5b15771",
        ),
    ),
)

UNPACKED = 75_169_317  # bytes of covtype.data
NUMBERS = (
    "Elevation Aspect Slope Horizontal_Distance_To_Hydrology Vertical_Distance_To_Hydrology "
    "Horizontal_Distance_To_Roadways Hillshade_9am Hillshade_Noon Hillshade_3pm Horizontal_Distance_To_Fire_Points"
)
COLUMNS = (
    dict.fromkeys(NUMBERS.split(), "")
    | {f"Wilderness_Area_{area}": "0 1" for area in range(1, 5)}
    | {f"Soil_Type_{soil}": "0 1" for soil in range(1, 41)}
    | {"Cover_Type": "1 2 3 4 5 6 7"}
)
LEVELS = (0,) * 10 + (2,) * 44


def load(files: dict[str, Path]) -> Data:
    """x (15120, 54): metres, degrees, light from 0 to 255, then 0 or 1; y (15120,) from 0 spruce; 565,892 test rows."""
    (file,) = DATASET.files
    return forest(files[file.name], DATASET.rows, DATASET.test)


def forest(path: Path, rows: int, test: int) -> Data:
    """The first `rows` rows to learn from, the `test` rows behind them to test; there must be no others."""
    table = delimited(path, UNPACKED, COLUMNS, rows + test, missing=())
    x, y = table[:, :-1], table[:, -1].astype(np.int64)
    return Data(x[:rows], y[:rows], DATASET.classes, x[rows:], y[rows:], LEVELS, DATASET.protocol)
