"""Breast cancer Wisconsin (original): benign or malignant, by nine marks from 1 to 10 that a doctor gave to cells.

Bare nuclei are missing in 16 of the 699 rows. 54 rows bear a sample number that came before: a sample seen again, so
rows of one number stay together in training or in test.
"""

from pathlib import Path

import numpy as np

from harness.contract import BadData, Data, Dataset, File
from harness.formats import delimited

DATASET = Dataset(
    title="Breast cancer Wisconsin (original)",
    year=1992,
    licence="CC BY 4.0",
    source="Wolberg, Mangasarian, Multisurface method of pattern separation for medical diagnosis, 1990; UCI 15",
    tasks=("classify",),
    form="table",
    shape=(9,),
    classes=2,
    rows=559,
    test=140,
    metric="accuracy",
    higher_is_better=True,
    protocol="folds",
    anchor=0.97,
    anchor_source="upper end of the published cross-validations, 95 to 97 % (quoted from memory)",
    files=(
        File(
            "breast-cancer-wisconsin.data",
            "https://archive.ics.uci.edu/ml/machine-learning-databases/breast-cancer-wisconsin"
            "/breast-cancer-wisconsin.data",
            19889,
            "402c585309c399237740f635ef9919dc512cca12cbeb20de5e563a4593f22b64",
        ),
    ),
)

COLUMNS = dict.fromkeys(("sample", "clump thickness", "size", "shape", "adhesion", "epithelial size"), "") | {
    **dict.fromkeys(("bare nuclei", "chromatin", "nucleoli", "mitoses"), ""),
    "class": "2 4",
}
LEVELS = (0,) * 9


def load(files: dict[str, Path]) -> Data:
    """x (699, 9) marks from 1 to 10, NaN where missing; y (699,): 0 benign, 1 malignant; groups: the sample."""
    (file,) = DATASET.files
    table = delimited(files[file.name], file.bytes, COLUMNS, DATASET.rows + DATASET.test, dtype=np.float64)
    if np.isnan(table[:, -1]).any():
        raise BadData(f"{file.name}: a class is missing, 2 or 4 is right")
    x, y = table[:, 1:-1].astype(np.float32), table[:, -1].astype(np.int64)
    groups = np.unique(table[:, 0], return_inverse=True)[1].astype(np.int64)
    return Data(x, y, DATASET.classes, levels=LEVELS, protocol=DATASET.protocol, groups=groups)
