"""TREC: does a question ask for a description, a thing, an abbreviation, a person, a place or a number?"""

from pathlib import Path

import numpy as np

from harness.contract import BadData, Data, Dataset, File
from harness.formats import lines, texts

DATASET = Dataset(
    title="TREC questions",
    year=2002,
    licence="none stated (research)",
    source="Li, Roth, Learning question classifiers, 2002; cogcomp.seas.upenn.edu/Data/QA/QC",
    tasks=("classify",),
    form="text",
    shape=(10,),
    classes=6,
    rows=5_452,
    test=500,
    metric="accuracy",
    higher_is_better=True,
    protocol="official",
    anchor=0.882,
    anchor_source="convolutional net of Kim 2014 with random word vectors: .882 (README of harvardnlp/sent-conv-torch)",
    ceiling=0.981,
    ceiling_source="universal sentence encoder with a convolutional net: .981 (Cer et al. 2018, quoted from memory)",
    files=(
        File(
            "TREC.train.all",
            "https://raw.githubusercontent.com/harvardnlp/sent-conv-torch/d61ded09c99c0199d8c5bca946cd65864de2b296/data/TREC.train.all",
            292402,
            "c8183fd8c2a5cc4a9a1c56548d7c6410a8b71ed7843df9ef1f0a05cd7cf2fb3e",
        ),
        File(
            "TREC.test.all",
            "https://raw.githubusercontent.com/harvardnlp/sent-conv-torch/d61ded09c99c0199d8c5bca946cd65864de2b296/data/TREC.test.all",
            19479,
            "92a6a3cede5678b447ef5f1d7ec474134fcda211e6590e6fa627b4a2c68e4566",
        ),
    ),
)

LABELS = ("0", "1", "2", "3", "4", "5")  # description, entity, abbreviation, human, location, number


def load(files: dict[str, Path]) -> Data:
    """x (5452,) texts, y (5452,); 500 test rows."""
    train, test = DATASET.files
    x, y = labelled(files[train.name], train.bytes, DATASET.rows)
    test_x, test_y = labelled(files[test.name], test.bytes, DATASET.test)
    return Data(x, y, DATASET.classes, test_x, test_y, protocol=DATASET.protocol, ceiling=DATASET.ceiling)


def labelled(path: Path, most: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Texts and classes of a file of at most `most` bytes: a line is label, blank, question. Raises BadData."""
    x, y = [], []
    for number, line in enumerate(lines(path, most, "latin-1"), 1):
        label, _, text = line.partition(" ")
        if label not in LABELS or not text.strip():
            raise BadData(f"{path.name}, line {number}: {line!r:.60}: 0 to 5, a blank, a question are right")
        x.append(text.strip(" "))
        y.append(LABELS.index(label))
    if len(y) != rows:
        raise BadData(f"{path.name} holds {len(y):,} rows, {rows:,} are right")
    return texts(x), np.array(y, dtype=np.int64)
