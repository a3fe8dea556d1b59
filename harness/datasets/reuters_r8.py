"""Reuters R8: the newswire stories of Reuters-21578 with exactly one topic, of the eight most frequent; very skewed."""

from pathlib import Path

import numpy as np

from harness.contract import BadData, Data, Dataset, File
from harness.formats import lines, texts

DATASET = Dataset(
    title="Reuters-21578 R8",
    year=1987,
    licence="research only",
    source="Lewis, Reuters-21578; selection of Cardoso-Cachopo 2007, ana.cachopo.org; copy of Yao et al. 2019",
    tasks=("classify",),
    form="text",
    shape=(66,),
    classes=8,
    rows=5_485,
    test=2_189,
    metric="accuracy",
    higher_is_better=True,
    protocol="official",
    anchor=0.937,
    anchor_source="tf-idf with a logistic regression: .937 (Yao, Mao, Luo 2019, quoted from memory)",
    ceiling=0.982,
    ceiling_source="RoBERTa with a graph net: .982 (Lin et al. 2021, quoted from memory)",
    files=(
        File(
            "r8-train.txt",
            "https://raw.githubusercontent.com/yao8839836/text_gcn/962223652e9bb164ac2d83cd09fc7b8845ce860b/data/R8/train.txt",
            3354423,
            "3ed60c905aaa95b96c3fc4afb6d14ad2e20106c59c5b9dda950dcb3075eecfbe",
        ),
        File(
            "r8-test.txt",
            "https://raw.githubusercontent.com/yao8839836/text_gcn/962223652e9bb164ac2d83cd09fc7b8845ce860b/data/R8/test.txt",
            1195260,
            "2ba368c42e6808bc3dc68b8f7879eb07a2810ed137f0b304e2213b689677e561",
        ),
    ),
)

LABELS = ("acq", "crude", "earn", "grain", "interest", "money-fx", "ship", "trade")


def load(files: dict[str, Path]) -> Data:
    """x (5485,) lower-case texts without punctuation, y (5485,): place in LABELS; 2,189 test rows."""
    train, test = DATASET.files
    x, y = labelled(files[train.name], train.bytes, DATASET.rows)
    test_x, test_y = labelled(files[test.name], test.bytes, DATASET.test)
    return Data(x, y, DATASET.classes, test_x, test_y, protocol=DATASET.protocol, ceiling=DATASET.ceiling)


def labelled(path: Path, most: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Texts and classes of a file of at most `most` bytes: a line is class, tab, text. Raises BadData."""
    x, y = [], []
    for number, line in enumerate(lines(path, most), 1):
        label, _, text = line.partition("\t")
        if label not in LABELS or not text.strip():
            raise BadData(f"{path.name}, line {number}: {line!r:.60}: one of {', '.join(LABELS)}, tab, text is right")
        x.append(text.strip(" "))
        y.append(LABELS.index(label))
    if len(y) != rows:
        raise BadData(f"{path.name} holds {len(y):,} rows, {rows:,} are right")
    return texts(x), np.array(y, dtype=np.int64)
