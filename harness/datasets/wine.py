"""Wine: three cultivars told by 13 chemical measures. Read from the copy that scikit-learn carries."""

import numpy as np

from harness.contract import Data, Dataset
from harness.files import packaged

DATASET = Dataset(
    title="Wine",
    year=1991,
    licence="CC BY 4.0",
    source="Forina et al., PARVUS; UCI 109; scikit-learn's copy",
    tasks=("classify",),
    form="table",
    shape=(13,),
    classes=3,
    rows=142,
    test=36,
    metric="accuracy",
    higher_is_better=True,
    protocol="folds",
    package="scikit-learn",
    anchor=0.989,
    anchor_source="linear discriminant analysis, leave-one-out: 98.9 % (Aeberhard et al. 1992, by wine.names)",
)


def load() -> Data:
    """x (178, 13), y (178,) the cultivar."""
    table = np.loadtxt(packaged("sklearn", "datasets/data/wine_data.csv"), delimiter=",", skiprows=1)
    return Data(table[:, :-1].astype(np.float32), table[:, -1].astype(np.int64), DATASET.classes)
