"""Subj: does a sentence judge a film or tell its plot? 5,000 of reviews, 5,000 of summaries."""

from pathlib import Path

import numpy as np

from harness.contract import BadData, Data, Dataset, File
from harness.formats import lines, texts

DATASET = Dataset(
    title="Subjectivity of sentences about films",
    year=2004,
    licence="none stated (research)",
    source="Pang, Lee, A sentimental education, 2004; cs.cornell.edu/people/pabo/movie-review-data",
    tasks=("classify",),
    form="text",
    shape=(22,),
    classes=2,
    rows=8_000,
    test=2_000,
    metric="accuracy",
    higher_is_better=True,
    protocol="folds",
    anchor=0.932,
    anchor_source="naive Bayes with a support vector machine, bigrams: .932 in ten folds "
    "(Wang, Manning 2012, quoted from memory)",
    files=(
        File(
            "subj.all",
            "https://raw.githubusercontent.com/harvardnlp/sent-conv-torch/d61ded09c99c0199d8c5bca946cd65864de2b296/data/subj.all",
            1320246,
            "f3ffbe2aa8e4f3ba3e63e46dce51613854edbca122fb3aa758b9bce047ded23c",
        ),
    ),
)

LABELS = ("0", "1")  # subjective, objective


def load(files: dict[str, Path]) -> Data:
    """x (10000,) texts, y (10000,), half of them 0."""
    (file,) = DATASET.files
    x, y = labelled(files[file.name], file.bytes, DATASET.rows + DATASET.test)
    return Data(x, y, DATASET.classes, protocol=DATASET.protocol, ceiling=DATASET.ceiling)


def labelled(path: Path, most: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Texts and classes of a file of at most `most` bytes: a line is label, blank, sentence. Raises BadData."""
    x, y = [], []
    for number, line in enumerate(lines(path, most, "latin-1"), 1):
        label, _, text = line.partition(" ")
        if label not in LABELS or not text.strip():
            raise BadData(f"{path.name}, line {number}: {line!r:.60}: 0 to 1, a blank, a sentence are right")
        x.append(text.strip(" "))
        y.append(LABELS.index(label))
    if len(y) != rows:
        raise BadData(f"{path.name} holds {len(y):,} rows, {rows:,} are right")
    return texts(x), np.array(y, dtype=np.int64)
