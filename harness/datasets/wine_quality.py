"""Wine quality: marks that tasters gave to 1,599 red and 4,898 white vinhos verdes, by eleven chemical measures.

240 of the red rows and 937 of the white repeat an earlier one in full, and two white wines measure as red ones do:
5,318 of the 6,497 are distinct. Equal rows stay together in training or in test. Published figures did not take care of
that, and gain by it.
"""

from pathlib import Path

import numpy as np

from harness.contract import Data, Dataset, File
from harness.formats import delimited

DATASET = Dataset(
    title="Wine quality",
    year=2009,
    licence="CC BY 4.0",
    source="Cortez, Cerdeira, Almeida, Matos, Reis, Modeling wine preferences by data mining from physicochemical "
    "properties, 2009; UCI 186, less its line of names",
    tasks=("regress",),
    form="table",
    shape=(12,),
    classes=0,
    rows=5_197,
    test=1_300,
    metric="mae",
    higher_is_better=False,
    protocol="folds",
    anchor=0.45,
    anchor_source="support vector machine: .46 on red, .45 on white (Cortez et al. 2009, quoted from memory)",
    files=(
        File(
            "winequality-red.csv",
            "https://raw.githubusercontent.com/jbrownlee/Datasets/d20fcb6402ae34e653d4513b00f39257bb37ed7f"
            "/winequality-red.csv",
            84028,
            "c9614512e980f1cbd221c796daa97f00c4898c3cd1716863abac60f6cd1a522e",
        ),
        File(
            "winequality-white.csv",
            "https://raw.githubusercontent.com/jbrownlee/Datasets/d20fcb6402ae34e653d4513b00f39257bb37ed7f"
            "/winequality-white.csv",
            264255,
            "659d419fff887f225bf977d20520bb64a64cae203e460087f809721d4430ba27",
        ),
    ),
)

COUNTS = (1_599, 4_898)
COLUMNS = dict.fromkeys(("fixed acidity", "volatile acidity", "citric acid", "residual sugar", "chlorides"), "") | {
    **dict.fromkeys(("free sulfur dioxide", "total sulfur dioxide", "density", "pH", "sulphates", "alcohol"), ""),
    "quality": "0 1 2 3 4 5 6 7 8 9 10",
}
LEVELS = (0,) * 11 + (2,)


def load(files: dict[str, Path]) -> Data:
    """x (6497, 12): eleven measures, then 0 red or 1 white; y (6497,) marks from 3 to 9; groups: of equal measures."""
    red, white = (
        delimited(files[file.name], file.bytes, COLUMNS, rows, missing=())
        for file, rows in zip(DATASET.files, COUNTS, strict=True)
    )
    y = np.concatenate([red[:, -1], white[:, -1]]).astype(np.float64)
    red[:, -1], white[:, -1] = 0, 1  # the mark's column becomes the colour's
    x = np.concatenate([red, white])
    groups = np.unique(x[:, :-1], axis=0, return_inverse=True)[1].astype(np.int64)
    return Data(x, y, DATASET.classes, levels=LEVELS, protocol=DATASET.protocol, groups=groups)
