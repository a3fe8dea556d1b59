"""As `linear_prompts`, with the values of a prompt's eight examples taken from eight other prompts. Drawn.

A control: inputs, values and what is asked are distributed as they were, but a prompt says nothing of its function.
"""

import numpy as np

from harness.contract import Data, Dataset
from harness.split import generator

DATASET = Dataset(
    title="Prompts of linear functions, values of others",
    year=2022,
    licence="generated",
    source="Garg, Tsipras, Liang, Valiant, What can transformers learn in-context?, 2022, 2208.01066; changed",
    tasks=("regress",),
    form="series",
    shape=(9, 5),
    classes=0,
    rows=3_000_000,
    test=10_000,
    metric="rmse",
    higher_is_better=False,
    protocol="generated",
    anchor=0.5774,
    anchor_source="that of linear_prompts; here nothing tells of the value, and answering 0 has 2.0",
)
INPUTS = 4
EXAMPLES = 8  # twice the inputs
NOISE = 0.5  # standard deviation, in the examples' values; the asked one has none


def draw(size: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """x (size, 9, 5) float32 and y (size,) float64; the first rows do not depend on `size`.

    Channels 0 to 3: standard normal inputs. Channel 4: v . z + noise of a function and an input that are drawn for this
    value alone, in the ninth row 0. y: w . x of the ninth row.
    """
    own, foreign = INPUTS + EXAMPLES + (EXAMPLES + 1) * INPUTS, 2 * EXAMPLES * INPUTS
    drawn = rng.standard_normal((size, own + foreign), dtype=np.float32)
    w, noise = drawn[:, :INPUTS], drawn[:, INPUTS : INPUTS + EXAMPLES]
    inputs = drawn[:, INPUTS + EXAMPLES : own].reshape(size, EXAMPLES + 1, INPUTS)
    values = (inputs[:, EXAMPLES] * w).sum(1, dtype=np.float64)  # (size,)
    v, z = drawn[:, own:].reshape(size, 2, EXAMPLES, INPUTS).swapaxes(0, 1)
    others = (v * z).sum(2)  # (size, 8)
    x = np.zeros((size, *DATASET.shape), np.float32)
    x[:, :, :INPUTS] = inputs
    x[:, :EXAMPLES, INPUTS] = others + NOISE * noise
    return x, values


def load(size: int, seed: int) -> Data:
    """`size` rows of that seed, the first ones for a smaller size; 10,000 test rows, the same for every seed."""
    x, y = draw(size, generator("linear_prompts_torn", seed))
    test_x, test_y = draw(DATASET.test, generator("linear_prompts_torn test", 0))
    return Data(x, y, DATASET.classes, test_x, test_y, protocol=DATASET.protocol, ceiling=DATASET.ceiling)
