"""Two to four words of one language, each of which stands for one of another: so little that a smoke test is quick."""

import numpy as np

from harness.contract import Data, Dataset
from harness.formats import texts
from harness.split import generator

DATASET = Dataset(
    title="Words that stand for words",
    year=2026,
    licence="generated",
    source="ours: a self-test",
    tasks=("translate",),
    form="text",
    shape=(3,),
    classes=0,
    rows=100_000,
    test=64,
    metric="exact",
    higher_is_better=True,
    protocol="generated",
    anchor=1.0,
    anchor_source="the ideal",
    ceiling=1.0,
    ceiling_source="no noise: each word has one translation",
)
OURS = np.array(["one", "two", "three", "four", "five", "six", "seven", "eight"])
THEIRS = np.array(["un", "deux", "trois", "quatre", "cinq", "six", "sept", "huit"])


def load(size: int, seed: int) -> Data:
    """x and y (size,) texts of that seed; 64 test rows, the same for every seed."""
    x, y = draw(size, generator("selftest.words", seed))
    test_x, test_y = draw(DATASET.test, generator("selftest.words test", 0))
    return Data(x, y, 0, test_x, test_y, protocol=DATASET.protocol, ceiling=DATASET.ceiling)


def draw(size: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Source and target, (size,) texts each."""
    picks = [rng.integers(0, len(OURS), rng.integers(2, 5)) for _ in range(size)]
    source, target = ([" ".join(words[pick]) for pick in picks] for words in (OURS, THEIRS))
    return texts(source), texts(target)
