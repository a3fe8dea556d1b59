"""OSULeaf: six kinds of tree told by the outline of a leaf, unrolled into a series."""

from pathlib import Path

from harness.contract import Data, Dataset, File
from harness.formats import ts

DATASET = Dataset(
    title="OSULeaf",
    year=2002,
    licence="UCR archive: research use; the files' repository is BSD-3",
    source="Gandhi, Content-based image retrieval: plant species identification, Oregon State University 2002; "
    "UCR archive, here from aeon's repository",
    tasks=("classify",),
    form="series",
    shape=(427,),
    classes=6,
    rows=200,
    test=242,
    metric="accuracy",
    higher_is_better=True,
    protocol="official",
    anchor=0.591,
    anchor_source="nearest neighbour under dynamic time warping, .409 error (UCR archive, quoted from memory)",
    files=(
        File(
            "OSULeaf_TRAIN.ts",
            "https://raw.githubusercontent.com/aeon-toolkit/aeon/a101ddc8b35a65441609b45c9bcce5aeafa0c131/aeon/datasets/data/OSULeaf/OSULeaf_TRAIN.ts",
            953148,
            "86b9d6e860414ffd26cebc62fff84ffb37fa588ef3e5bf79e4094a437c36ddfc",
        ),
        File(
            "OSULeaf_TEST.ts",
            "https://raw.githubusercontent.com/aeon-toolkit/aeon/a101ddc8b35a65441609b45c9bcce5aeafa0c131/aeon/datasets/data/OSULeaf/OSULeaf_TEST.ts",
            1152821,
            "6c549dd354f9e42d5985fa5fab75321ca9acefc7873457e71467fc8a31f107ce",
        ),
    ),
    folder="ucr_ts",
)


def load(files: dict[str, Path]) -> Data:
    """x (200, 427) of mean 0 and deviation 1 each, y (200,): six species, four maples and two oaks; 242 test rows."""
    train, test = DATASET.files
    labels = ("1", "2", "3", "4", "5", "6")
    x, y = ts(files[train.name], train.bytes, DATASET.rows, DATASET.shape[0], labels)
    test_x, test_y = ts(files[test.name], test.bytes, DATASET.test, DATASET.shape[0], labels)
    return Data(x, y, DATASET.classes, test_x, test_y, protocol=DATASET.protocol)
