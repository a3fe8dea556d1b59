"""ItalyPowerDemand: the electric power that Italy takes in the hours of one day. Winter or summer half of the year?"""

from pathlib import Path

from harness.contract import Data, Dataset, File
from harness.formats import ts

DATASET = Dataset(
    title="ItalyPowerDemand",
    year=2006,
    licence="UCR archive: research use; the files' repository is BSD-3",
    source="Keogh et al., Intelligent icons, 2006; UCR archive, here from aeon's repository",
    tasks=("classify",),
    form="series",
    shape=(24,),
    classes=2,
    rows=67,
    test=1_029,
    metric="accuracy",
    higher_is_better=True,
    protocol="official",
    anchor=0.95,
    anchor_source="nearest neighbour under dynamic time warping, .050 error (UCR archive, quoted from memory)",
    files=(
        File(
            "ItalyPowerDemand_TRAIN.ts",
            "https://raw.githubusercontent.com/aeon-toolkit/aeon/a101ddc8b35a65441609b45c9bcce5aeafa0c131/aeon/datasets/data/ItalyPowerDemand/ItalyPowerDemand_TRAIN.ts",
            18300,
            "341269cb7e6cef96846b30e774580beec79addb93848ba360145219115a74b7c",
        ),
        File(
            "ItalyPowerDemand_TEST.ts",
            "https://raw.githubusercontent.com/aeon-toolkit/aeon/a101ddc8b35a65441609b45c9bcce5aeafa0c131/aeon/datasets/data/ItalyPowerDemand/ItalyPowerDemand_TEST.ts",
            274054,
            "26122451f87dd0387ef90b18bc8a86c041371b8a1c068004922b939971247144",
        ),
    ),
    folder="ucr_ts",
)


def load(files: dict[str, Path]) -> Data:
    """x (67, 24) of mean 0 and deviation 1 each, y (67,): 0 October to March, 1 April to September; 1,029 test rows."""
    train, test = DATASET.files
    labels = ("1", "2")
    x, y = ts(files[train.name], train.bytes, DATASET.rows, DATASET.shape[0], labels)
    test_x, test_y = ts(files[test.name], test.bytes, DATASET.test, DATASET.shape[0], labels)
    return Data(x, y, DATASET.classes, test_x, test_y, protocol=DATASET.protocol)
