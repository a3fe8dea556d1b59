"""USPS: 9,298 digits from postal codes on envelopes, 16 x 16 grey, with the published test set, which is hard."""

from pathlib import Path

import numpy as np

from harness.contract import BadData, Data, Dataset, File
from harness.formats import delimited

DATASET = Dataset(
    title="USPS digits",
    year=1990,
    licence="none stated; distributed with The elements of statistical learning",
    source="LeCun et al., Handwritten digit recognition with a back-propagation network, 1990; Hastie, Tibshirani, "
    "Friedman, hastie.su.domains/ElemStatLearn (zip.train.gz, zip.test.gz; here the same numbers without idle zeros, "
    "from the R package ElemStatLearn)",
    tasks=("classify",),
    form="image",
    shape=(16, 16),
    classes=10,
    rows=7_291,
    test=2_007,
    metric="accuracy",
    higher_is_better=True,
    protocol="official",
    anchor=0.959,
    anchor_source="support vector machine: 4.0 to 4.2 % error (quoted from memory)",
    ceiling=0.975,
    ceiling_source="tangent distance, and people: 2.5 % error (quoted from memory)",
    files=(
        File("zip.train", "", 7386827, "650c830d14b68410477727891affb110537c54e14640249e926bc12183f20983"),
        File("zip.test", "", 2029610, "70b81e50cecc01354ac87f1dfb003e47ec378706f5ba244f8f68e0e4c7636b70"),
    ),
)

COLUMNS = {"digit": "0 1 2 3 4 5 6 7 8 9"} | {f"pixel {place}": "" for place in range(256)}


def load(files: dict[str, Path]) -> Data:
    """x (7291, 16, 16) from 0 paper to 255 ink, y (7291,) the digits; 2,007 test rows.

    The files hold thousandths from -1 to 1, 2,001 steps where uint8 has 256: rounding moves a value by at most 0.002
    of that range of 2.
    """
    train, test = DATASET.files
    x, y = table(files[train.name], train.bytes, DATASET.rows)
    test_x, test_y = table(files[test.name], test.bytes, DATASET.test)
    return Data(x, y, DATASET.classes, test_x, test_y, protocol=DATASET.protocol, ceiling=DATASET.ceiling)


def table(path: Path, most: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Pictures and digits of one file of at most `most` bytes. Raises BadData where a grey is not from -1 to 1."""
    rows_ = delimited(path, most, COLUMNS, rows, separator=" ", missing=())
    grey = rows_[:, 1:]
    if not (np.abs(grey) <= 1).all():  # so written that NaN is wrong too
        raise BadData(f"{path.name} holds a grey that is not from -1 to 1")
    pixels = np.rint((grey + 1) * 127.5).astype(np.uint8)
    return pixels.reshape(rows, *DATASET.shape), rows_[:, 0].astype(np.int64)
