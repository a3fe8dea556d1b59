"""The random hierarchy model: eight symbols written by three levels of random rules, eight synonyms each. Drawn.

A class is written as one of 8 pairs of features, each of them as one of 8 pairs of finer features, and each of those as
one of 8 pairs of symbols. No pair belongs to two features, so the class follows from the symbols. Only the levels tell
it: a symbol alone tells almost nothing, and there are n_c m^7 = 8^8 rows, while n_c m^3 = 4,096 rows show which pairs
are synonyms.
"""

import numpy as np

from harness.contract import Data, Dataset
from harness.split import generator

DATASET = Dataset(
    title="Random hierarchy model, 3 levels",
    year=2023,
    licence="generated",
    source="Cagnetta, Petrini, Tomasini, Favero, Wyart, How deep neural networks learn compositional data, 2307.02129",
    tasks=("classify",),
    form="table",
    shape=(8,),
    classes=8,
    rows=10_000_000,
    test=10_000,
    metric="accuracy",
    higher_is_better=True,
    protocol="generated",
    anchor=1.0,
    anchor_source="the ideal; deep convolutional nets need rows of the order n_c m^L = 4,096 (2307.02129, abstract)",
    ceiling=1.0,
    ceiling_source="no noise: the class is a function of the row",
)
LEVELS = 3
FEATURES = 8  # v of the paper, on every level; also its n_c, the number of classes
SYNONYMS = 8  # m of the paper; v m = v^2: every pair of features is in use
SPACE = FEATURES * SYNONYMS ** (2**LEVELS - 1)


def rules() -> np.ndarray:
    """(levels, features, synonyms, 2): the pairs of finer features that each feature can be written as."""
    rng = generator("hierarchy rules", 0)
    pairs = np.stack([rng.permutation(FEATURES * SYNONYMS) for _ in range(LEVELS)])
    return np.stack(np.divmod(pairs, FEATURES), axis=-1).reshape(LEVELS, FEATURES, SYNONYMS, 2)


def write(number: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """x (n, 8) float32 and y (n,) of derivations 0 ... 8^8 - 1, whose octal digits are the class and seven choices."""
    features = (number % FEATURES)[:, None]
    y, rest = features[:, 0].astype(np.int64), number // FEATURES
    for level in rules():
        chosen = np.empty_like(features)
        for node in range(features.shape[1]):
            rest, chosen[:, node] = np.divmod(rest, SYNONYMS)
        features = level[features, chosen].reshape(len(number), -1)  # (n, 2), (n, 4), (n, 8)
    return features.astype(np.float32), y


def load(size: int, seed: int) -> Data:
    """`size` rows of that seed, the first ones for a smaller size; 10,000 test rows, the same for every seed.

    x (size, 8) symbols coded 0 ... 7, y (size,) classes. Rows may occur twice, but no test row is a training row.
    """
    test = generator("hierarchy test", 0).integers(SPACE, size=DATASET.test)
    reserved = np.zeros(SPACE, dtype=bool)
    reserved[test] = True
    train = generator("hierarchy", seed).integers(SPACE, size=size)
    while len(taken := np.flatnonzero(reserved[train])):
        train[taken] = (train[taken] + 1) % SPACE
    x, y = write(train)
    levels = (FEATURES,) * 2**LEVELS
    return Data(x, y, DATASET.classes, *write(test), levels, DATASET.protocol, DATASET.ceiling)
