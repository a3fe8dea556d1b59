"""GunPoint: does a hand draw a gun and aim, or only point? Its horizontal place in 150 video frames."""

from pathlib import Path

from harness.contract import Data, Dataset, File
from harness.formats import ts

DATASET = Dataset(
    title="GunPoint",
    year=2004,
    licence="UCR archive: research use; the files' repository is BSD-3",
    source="Ratanamahatana, Keogh, Everything you know about dynamic time warping is wrong, 2004; "
    "UCR archive, here from aeon's repository",
    tasks=("classify",),
    form="series",
    shape=(150,),
    classes=2,
    rows=50,
    test=150,
    metric="accuracy",
    higher_is_better=True,
    protocol="official",
    anchor=0.907,
    anchor_source="nearest neighbour under dynamic time warping, .093 error (UCR archive, quoted from memory)",
    files=(
        File(
            "GunPoint_TRAIN.ts",
            "https://raw.githubusercontent.com/aeon-toolkit/aeon/a101ddc8b35a65441609b45c9bcce5aeafa0c131/aeon/datasets/data/GunPoint/GunPoint_TRAIN.ts",
            84188,
            "f842401779fd9800d247d8b33121a1a4643710a19b24917dbdd9a060ca8630d5",
        ),
        File(
            "GunPoint_TEST.ts",
            "https://raw.githubusercontent.com/aeon-toolkit/aeon/a101ddc8b35a65441609b45c9bcce5aeafa0c131/aeon/datasets/data/GunPoint/GunPoint_TEST.ts",
            252305,
            "79332750788a6227b325b96bd0d70130c8eb707b9731f8d7dec62b7a7d36017e",
        ),
    ),
    folder="ucr_ts",
)


def load(files: dict[str, Path]) -> Data:
    """x (50, 150) of mean 0 and deviation 1 each, y (50,): 0 gun, 1 point; 150 test rows."""
    train, test = DATASET.files
    labels = ("1", "2")
    x, y = ts(files[train.name], train.bytes, DATASET.rows, DATASET.shape[0], labels)
    test_x, test_y = ts(files[test.name], test.bytes, DATASET.test, DATASET.shape[0], labels)
    return Data(x, y, DATASET.classes, test_x, test_y, protocol=DATASET.protocol)
