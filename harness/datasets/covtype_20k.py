"""Covertype, the first 20,000 of its 581,012 rows: which trees grow on 30 m x 30 m of forest, by map and soil.

The published split takes the first 15,120 rows for training and validation, and these are balanced: 2,160 of each of
the seven classes. The test rows are the 4,880 that follow in the file; they are as nature is, 782 spruce, 3,862
lodgepole pine, 236 aspen and none of the other four, so whoever trusts the shares seen in training is misled. As 79.1 %
of the test rows are of one class, a constant answer has accuracy .7914, more than a random forest (.703): the metric is
balanced accuracy, the mean over the three classes that are there, in which a constant answer has a third. The figures
published for the full test set do not compare.
"""

from pathlib import Path

import numpy as np

from harness.contract import Data, Dataset, File
from harness.formats import delimited

DATASET = Dataset(
    title="Covertype, first 20,000 rows",
    year=1998,
    licence="CC BY 4.0",
    source="Blackard, Dean, Comparative accuracies of artificial neural networks and discriminant analysis, 1999; "
    "UCI 31; the selection by H2O",
    tasks=("classify",),
    form="table",
    shape=(54,),
    classes=7,
    rows=15_120,
    test=4_880,
    metric="balanced_accuracy",
    higher_is_better=True,
    protocol="official",
    anchor=0.645,
    anchor_source="random forest: scikit-learn's RandomForestClassifier, 300 trees, random_state 0, on all 15,120 "
    "training rows, computed on this split",
    files=(
        File(
            "covtype.20k.data",
            "https://raw.githubusercontent.com/h2oai/h2o-2/be350f3f2c2fb6f135cc07c41f83fd0e4f521ac1"
            "/smalldata/covtype/covtype.20k.data",
            2578724,
            "55ff5c8510624a2fe57838017f96caf86914223f131572edd35a038f3e85e43e",
        ),
    ),
)

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
    """x (15120, 54): metres, degrees, light from 0 to 255, then 0 or 1; y (15120,) from 0 spruce; 4,880 test rows."""
    (file,) = DATASET.files
    n = DATASET.rows
    table = delimited(files[file.name], file.bytes, COLUMNS, n + DATASET.test, missing=())
    x, y = table[:, :-1], table[:, -1].astype(np.int64)
    return Data(x[:n], y[:n], DATASET.classes, x[n:], y[n:], LEVELS, DATASET.protocol)
