"""Letter recognition: 26 capitals in 20 distorted fonts, told by 16 counts and moments of their pixels.

1,332 rows repeat an earlier one, and 380 of the 4,000 test rows stand in the training set too; published figures have
the same in them.
"""

from pathlib import Path
from string import ascii_uppercase

import numpy as np

from harness.contract import Data, Dataset, File
from harness.formats import delimited

DATASET = Dataset(
    title="Letter recognition",
    year=1991,
    licence="CC BY 4.0",
    source="Frey, Slate, Letter recognition using Holland-style adaptive classifiers, 1991; UCI 59",
    tasks=("classify",),
    form="table",
    shape=(16,),
    classes=26,
    rows=16_000,
    test=4_000,
    metric="accuracy",
    higher_is_better=True,
    protocol="official",
    anchor=0.975,
    anchor_source="support vector machine, RBF kernel, all rows: .975 (published, quoted from memory)",
    files=(
        File(
            "letter-recognition.data",
            "https://archive.ics.uci.edu/ml/machine-learning-databases/letter-recognition/letter-recognition.data",
            712565,
            "2b89f3602cf768d3c8355267d2f13f2417809e101fc2b5ceee10db19a60de6e2",
        ),
    ),
)

NUMBERS = "x-box y-box width high onpix x-bar y-bar x2bar y2bar xybar x2ybr xy2br x-ege xegvy y-ege yegvx"
COLUMNS = {"letter": " ".join(ascii_uppercase)} | dict.fromkeys(NUMBERS.split(), "")
LEVELS = (0,) * 16


def load(files: dict[str, Path]) -> Data:
    """x (16000, 16) whole numbers from 0 to 15, y (16000,): 0 for A to 25 for Z; 4,000 test rows."""
    (file,) = DATASET.files
    n = DATASET.rows
    table = delimited(files[file.name], file.bytes, COLUMNS, n + DATASET.test, missing=())
    x, y = table[:, 1:], table[:, 0].astype(np.int64)
    return Data(x[:n], y[:n], DATASET.classes, x[n:], y[n:], LEVELS, DATASET.protocol)
