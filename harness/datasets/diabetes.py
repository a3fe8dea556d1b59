"""Diabetes: disease progression one year on, by ten measures of 442 patients. scikit-learn's copy, in raw units."""

import numpy as np

from harness.contract import Data, Dataset
from harness.files import packaged

DATASET = Dataset(
    title="Diabetes progression",
    year=2004,
    licence="none stated; published with the paper",
    source="Efron, Hastie, Johnstone, Tibshirani, Least angle regression, 2004; scikit-learn's copy",
    tasks=("regress",),
    form="table",
    shape=(10,),
    classes=0,
    rows=353,
    test=89,
    metric="rmse",
    higher_is_better=False,
    protocol="folds",
    package="scikit-learn",
    anchor=54.15,
    anchor_source="least squares, residual standard error on all 442 rows, 431 degrees of freedom (no test figure)",
)


def load() -> Data:
    """x (442, 10): age, sex (coded 0, 1), body mass index, blood pressure, six serum values; y (442,) 25 to 346."""
    x = np.loadtxt(packaged("sklearn", "datasets/data/diabetes_data_raw.csv.gz"))
    y = np.loadtxt(packaged("sklearn", "datasets/data/diabetes_target.csv.gz"))
    x[:, 1] -= 1
    return Data(x.astype(np.float32), y, DATASET.classes, levels=(0, 2, 0, 0, 0, 0, 0, 0, 0, 0))
