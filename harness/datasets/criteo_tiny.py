"""Criteo display advertising, 1,999 of its 45,840,617 rows: is the advertisement clicked? To try things out.

Thirteen counts and 26 categories, all without names, most with missing values. Categories are 32-bit hashes in the
file; here they are hashed on to 1,000 codes a column, which loses little where few are seen often.
"""

import zlib
from pathlib import Path

import numpy as np

from harness.contract import BadData, Data, Dataset, File
from harness.formats import Kind, delimited

DATASET = Dataset(
    title="Criteo display advertising, 1,999 rows",
    year=2014,
    licence="research only (terms of the Kaggle challenge)",
    source="Criteo, Display Advertising Challenge, Kaggle 2014; the sample of kaggle-2014-criteo",
    tasks=("classify",),
    form="table",
    shape=(39,),
    classes=2,
    rows=1_599,
    test=400,
    metric="log_loss",
    higher_is_better=False,
    protocol="folds",
    anchor=0.472,
    anchor_source="gradient-boosted trees of scikit-learn, learning rate .02, five folds: .472 (measured here); the "
    "best of the challenge came to .444 on the full data (quoted from memory)",
    files=(
        File(
            "train.tiny.csv",
            "https://raw.githubusercontent.com/ycjuan/kaggle-2014-criteo/eb39c37f6a36668fdcaf90cef4be280011e5cf35"
            "/train.tiny.csv",
            502818,
            "68f7852149b089e7929ba9e1acd6debbc986cbd498107a7c4dc9f2e716500b18",
        ),
    ),
)

CODES = 1_000
LEVELS = (0,) * 13 + (CODES,) * 26


def load(files: dict[str, Path]) -> Data:
    """x (1999, 39): 13 counts, 26 hashed categories, NaN where missing; y (1999,): 1 clicked."""
    (file,) = DATASET.files
    table = clicks(files[file.name], file.bytes, DATASET.rows + DATASET.test, {"Id": None}, skip=1)
    y = table[:, 0].astype(np.int64)
    return Data(table[:, 1:], y, DATASET.classes, levels=LEVELS, protocol=DATASET.protocol)


def clicks(
    path: Path, most: int, rows: int, before: dict[str, Kind], separator: str = ",", skip: int = 0
) -> np.ndarray:
    """(rows, 40): label, 13 counts, 26 codes. The full file is separated by tabs, with no column `before` the label."""
    columns: dict[str, Kind] = {**before, "Label": "0 1"}
    columns |= {f"I{place}": "" for place in range(1, 14)} | {f"C{place}": codes for place in range(1, 27)}
    table = delimited(path, most, columns, rows, separator=separator, skip=skip, missing=("",))
    if np.isnan(table[:, 0]).any():
        raise BadData(f"{path.name}: a label is missing, 0 or 1 is right")
    return table


def codes(words: np.ndarray) -> np.ndarray:
    """A number below CODES for each text, the same on every machine: its CRC-32."""
    return np.array([zlib.crc32(word.encode()) % CODES for word in words], dtype=np.float64)
