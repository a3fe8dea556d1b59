"""Breast cancer Wisconsin (diagnostic): malignant or benign by 30 measures of cell nuclei. scikit-learn's copy."""

import numpy as np

from harness.contract import Data, Dataset
from harness.files import packaged

DATASET = Dataset(
    title="Breast cancer Wisconsin (diagnostic)",
    year=1993,
    licence="CC BY 4.0",
    source="Street, Wolberg, Mangasarian 1993; UCI 17; scikit-learn's copy",
    tasks=("classify",),
    form="table",
    shape=(30,),
    classes=2,
    rows=455,
    test=114,
    metric="accuracy",
    higher_is_better=True,
    protocol="folds",
    package="scikit-learn",
    anchor=0.975,
    anchor_source="separating plane on three features, 10-fold: 97.5 % (Street et al. 1993, by wdbc.names)",
)


def load() -> Data:
    """x (569, 30), y (569,): 0 malignant, 1 benign."""
    table = np.loadtxt(packaged("sklearn", "datasets/data/breast_cancer.csv"), delimiter=",", skiprows=1)
    return Data(table[:, :-1].astype(np.float32), table[:, -1].astype(np.int64), DATASET.classes)
