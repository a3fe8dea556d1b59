"""WordSim-353: how alike are two words? Asked of word vectors, with the mean of 13 to 16 people as the truth."""

from pathlib import Path

import numpy as np

from harness.contract import BadData, Data, Dataset, File
from harness.formats import lines, texts

DATASET = Dataset(
    title="WordSim-353",
    year=2002,
    licence="none stated (research)",
    source="Finkelstein et al., Placing search in context, 2002; copy of Faruqui, eval-word-vectors",
    tasks=("embed",),
    form="tokens",
    shape=(),
    classes=0,
    rows=0,
    test=353,
    metric="spearman",
    higher_is_better=True,
    protocol="official",
    anchor=0.628,
    anchor_source="skip-gram, 300 dimensions, 6 billion words: .628 (Pennington et al. 2014, quoted from memory)",
    ceiling=0.759,
    ceiling_source="GloVe, 300 dimensions, 42 billion words: .759 (Pennington et al. 2014, quoted from memory)",
    folder="word_pairs",
    files=(
        File(
            "EN-WS-353-ALL.txt",
            "https://raw.githubusercontent.com/mfaruqui/eval-word-vectors/94b3dd9fdbac7ed08dbee7179cd5ee464acf0594/data/word-sim/EN-WS-353-ALL.txt",
            7405,
            "ce12919b240af45bdf46d243601eaca2b6212b159b5e7e9b435ee7ee40c5619c",
        ),
    ),
)

HIGHEST = 10  # what people may give


def load(files: dict[str, Path]) -> Data:
    """x: empty. test_x (353, 2) words, test_y (353,): how alike people find them, from 0 to 10."""
    (file,) = DATASET.files
    pairs: list[str] = []
    scores: list[float] = []
    for number, line in enumerate(lines(files[file.name], file.bytes), 1):
        try:
            first, second, score = line.split("\t")
            scores.append(float(score))
        except ValueError:
            raise BadData(f"{file.name}, line {number}: {line!r:.60}: word, tab, word, tab, number are right") from None
        if not (first and second and 0 <= scores[-1] <= HIGHEST):
            raise BadData(f"{file.name}, line {number}: {line!r:.60}: two words, 0 to {HIGHEST} are right")
        pairs += [first, second]
    if len(scores) != DATASET.test:
        raise BadData(f"{file.name} holds {len(scores)} pairs, {DATASET.test} are right")
    return Data(
        np.empty(0, dtype=np.uint8),
        None,
        DATASET.classes,
        texts(pairs).reshape(-1, 2),
        np.array(scores, dtype=np.float64),
        protocol=DATASET.protocol,
        ceiling=DATASET.ceiling,
    )
