"""RG-65: how alike are two nouns in meaning? Asked of word vectors, with the mean of 51 people as the truth."""

from pathlib import Path

import numpy as np

from harness.contract import BadData, Data, Dataset, File
from harness.formats import lines, texts

DATASET = Dataset(
    title="Rubenstein and Goodenough, 65 pairs",
    year=1965,
    licence="none stated (research)",
    source="Rubenstein, Goodenough, Contextual correlates of synonymy, 1965; copy of Faruqui, eval-word-vectors",
    tasks=("embed",),
    form="tokens",
    shape=(),
    classes=0,
    rows=0,
    test=65,
    metric="spearman",
    higher_is_better=True,
    protocol="official",
    anchor=0.697,
    anchor_source="skip-gram, 300 dimensions, 6 billion words: .697 (Pennington et al. 2014, quoted from memory)",
    ceiling=0.829,
    ceiling_source="GloVe, 300 dimensions, 42 billion words: .829 (Pennington et al. 2014, quoted from memory)",
    folder="word_pairs",
    files=(
        File(
            "EN-RG-65.txt",
            "https://raw.githubusercontent.com/mfaruqui/eval-word-vectors/94b3dd9fdbac7ed08dbee7179cd5ee464acf0594/data/word-sim/EN-RG-65.txt",
            1210,
            "c243f3a91c3f5d8cf67f21a67f6fb80bde8b6bb060851a6a48e6f2d68ec98c9f",
        ),
    ),
)

HIGHEST = 4  # what people may give


def load(files: dict[str, Path]) -> Data:
    """x: empty. test_x (65, 2) words, test_y (65,): how alike people find them, from 0 to 4."""
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
