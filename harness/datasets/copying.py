"""The copying problem: ten letters are to be written down again after a hundred steps of nothing. Drawn."""

import numpy as np

from harness.contract import Data, Dataset
from harness.formats import texts
from harness.split import generator

DATASET = Dataset(
    title="Copying problem, delay of 100 steps",
    year=1997,
    licence="generated",
    source="Hochreiter & Schmidhuber, Long short-term memory, 1997; form of Arjovsky, Shah, Bengio 2016, 1511.06464",
    tasks=("translate",),
    form="text",
    shape=(110,),
    classes=0,
    rows=1_000_000,
    test=2_000,
    metric="exact",
    higher_is_better=True,
    protocol="generated",
    anchor=1.0,
    anchor_source="the ideal; a guess without memory is right in a letter of 8",
    ceiling=1.0,
    ceiling_source="no noise: the answer is a part of the question",
)
LAG = 100  # steps between the last letter and the first that is asked for
ALPHABET = "abcdefgh"
LENGTH = 10


def draw(size: int, lag: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Source and target texts, (size,) each, for any lag; the first rows do not depend on `size`.

    Source: 10 letters of 8, uniform; lag - 1 blanks, written "."; and ">", which asks for the letters. Target: the 10
    letters. Single spaces between all symbols.
    """
    letters = np.frombuffer(ALPHABET.encode(), dtype=np.uint8)
    line = np.full((size, 2 * LENGTH), ord(" "), dtype=np.uint8)
    line[:, ::2] = letters[(rng.random((size, LENGTH)) * len(letters)).astype(np.int64)]
    written = line.tobytes().decode("ascii")
    target = [written[start : start + 2 * LENGTH - 1] for start in range(0, len(written), 2 * LENGTH)]
    blanks = " ." * (lag - 1) + " >"
    return texts([letters + blanks for letters in target]), texts(target)


def load(size: int, seed: int) -> Data:
    """x and y (size,) texts of that seed, the first ones for a smaller size; 2,000 test rows, the same for every seed.

    There are 8^10 texts: of the test rows about two are among a million training rows, and nothing is done about it.
    """
    x, y = draw(size, LAG, generator("copying", seed))
    test_x, test_y = draw(DATASET.test, LAG, generator("copying test", 0))
    return Data(x, y, DATASET.classes, test_x, test_y, protocol=DATASET.protocol, ceiling=DATASET.ceiling)
